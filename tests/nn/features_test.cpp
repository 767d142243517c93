#include "nn/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/random.h"

namespace penumbra {
namespace {

struct Packed {
  FeatureBatch batch;
  explicit Packed(const Observation& observation, int phase_bins = 256) {
    FeatureLayout layout;
    layout.phase_bins = phase_bins;
    batch.resize(1, layout);
    pack_features(observation, layout, batch.row(0));
  }
  float bin(int channel, int kind, int b) const {
    return batch
        .curves[static_cast<std::size_t>((channel * FeatureLayout::kBinChannels + kind) * batch.layout.phase_bins + b)];
  }
  float summary(int channel, int k) const {
    return batch.summaries[static_cast<std::size_t>(channel * FeatureLayout::kCurveSummaries + k)];
  }
  float sed(int kind, int band) const { return batch.sed[static_cast<std::size_t>(kind * kSedBandCount + band)]; }
  float meta(int k) const { return batch.meta[static_cast<std::size_t>(k)]; }

  void expect_bounded() const {
    for (const auto* values : {&batch.curves, &batch.summaries, &batch.sed, &batch.meta}) {
      for (const float v : *values) {
        ASSERT_TRUE(std::isfinite(v));
        ASSERT_LE(std::abs(v), 10.0f);
      }
    }
  }
};

TEST(Features, MissingEverythingIsAllZero) {
  const Packed packed{Observation{}};
  EXPECT_EQ(packed.batch.curves.size(), 6u * 4u * 256u);
  EXPECT_EQ(packed.batch.sed.size(), 69u);
  for (const auto* values : {&packed.batch.curves, &packed.batch.summaries, &packed.batch.sed, &packed.batch.meta}) {
    for (const float v : *values) EXPECT_EQ(v, 0.0f);
  }
}

TEST(Features, LightCurveByHand) {
  Observation observation;
  observation.period_day = 2.0;
  LightCurve& curve = observation.light_curves[kZtfRChannel];
  // Four bins. Bin 0: weights 1 / .01^2 and 1 / .02^2, so (4 x .50 + .60) / 5 = .52, error .02 / sqrt 5; bins 1,
  // 2: 1.00; bin 3 empty. Level: median of {.52, 1, 1} = 1.
  curve.phase = {0.0, 0.2, 0.3, 0.74};
  curve.flux = {0.50, 0.60, 1.0, 1.0};
  curve.sigma = {0.01, 0.02, 0.004, 0.1};
  curve.exposure_day = 0.02;
  const Packed packed(observation, 4);
  const double sigma0 = 0.02 / std::sqrt(5.0);
  EXPECT_NEAR(packed.bin(kZtfRChannel, 0, 0), std::asinh(-4.8), 1e-6);
  EXPECT_NEAR(packed.bin(kZtfRChannel, 1, 0), 0.5 * std::asinh(-0.48 / std::sqrt(0.004 * 0.004 + 8e-5)), 1e-6);
  EXPECT_NEAR(packed.bin(kZtfRChannel, 2, 0), (std::log10(sigma0) + 3.0) / 1.5, 1e-6);
  EXPECT_NEAR(packed.bin(kZtfRChannel, 0, 1), 0.0, 1e-7);
  EXPECT_NEAR(packed.bin(kZtfRChannel, 2, 2), 2.0 / 1.5, 1e-6);
  for (int b = 0; b < 4; ++b) EXPECT_EQ(packed.bin(kZtfRChannel, 3, b), b < 3 ? 1.0f : 0.0f);
  for (int k = 0; k < 4; ++k) EXPECT_EQ(packed.bin(kZtfRChannel, k, 3), 0.0f);
  EXPECT_EQ(packed.summary(kZtfRChannel, 0), 1.0f);
  EXPECT_NEAR(packed.summary(kZtfRChannel, 1), 0.75, 1e-7);
  EXPECT_NEAR(packed.summary(kZtfRChannel, 2), (std::log10(sigma0) + 3.0) / 1.5, 1e-6);  // median of .0089, .004, .1
  EXPECT_NEAR(packed.summary(kZtfRChannel, 3), (std::log10(0.01001) + 2.5) / 1.5, 1e-6);
  EXPECT_NEAR(packed.summary(kZtfRChannel, 4), 0.48 - 2.0 * sigma0, 1e-6);
  for (int k = 0; k < FeatureLayout::kCurveSummaries; ++k) EXPECT_EQ(packed.summary(kZtfGChannel, k), 0.0f);
  EXPECT_NEAR(packed.meta(0), std::log10(2.0), 1e-6);
  EXPECT_EQ(packed.meta(4), 1.0f);
}

TEST(Features, PhotometryAndParallaxByHand) {
  Observation observation;
  observation.sed_flux_jy[kJohnsonB] = 0.1;
  observation.sed_sigma_jy[kJohnsonB] = 0.002;
  observation.sed_flux_jy[kJohnsonV] = 0.4;   // no error: 5%
  observation.sed_flux_jy[k2massJ] = -0.001;  // below its error: a tenth of it counts
  observation.sed_sigma_jy[k2massJ] = 0.01;
  observation.parallax_mas = 2.0;
  observation.parallax_sigma_mas = 0.03;
  const Packed packed(observation);
  EXPECT_NEAR(packed.sed(0, kJohnsonB), 0.0, 1e-6);  // the median of .001, .1, .4
  EXPECT_NEAR(packed.sed(0, kJohnsonV), std::log10(4.0), 1e-6);
  EXPECT_NEAR(packed.sed(0, k2massJ), -2.0, 1e-6);
  EXPECT_NEAR(packed.sed(1, kJohnsonB), std::log10(0.02) + 2.0, 1e-6);
  EXPECT_NEAR(packed.sed(1, kJohnsonV), std::log10(0.05) + 2.0, 1e-6);
  EXPECT_NEAR(packed.sed(1, k2massJ), 3.0, 1e-6);
  float bands = 0.0f;
  for (int k = 0; k < kSedBandCount; ++k) bands += packed.sed(2, k);
  EXPECT_EQ(bands, 3.0f);
  EXPECT_NEAR(packed.meta(5), 0.0, 1e-6);  // level .1 Jy
  EXPECT_NEAR(packed.meta(1), std::asinh(10.0) / 3.0, 1e-6);
  EXPECT_NEAR(packed.meta(2), std::log10(0.03) + 1.5, 1e-6);
  EXPECT_EQ(packed.meta(3), 1.0f);
  EXPECT_EQ(packed.meta(4), 0.0f);  // no period
}

// A smooth detached curve with a 30% eclipse.
double model_flux(double phase) {
  const double x = (phase < 0.5 ? phase : phase - 1.0) / 0.03;
  return 1.0 - 0.3 * std::exp(-x * x * x * x) + 0.01 * std::cos(4.0 * std::numbers::pi * phase);
}

LightCurve noisy_curve(int points, double sigma, double scale, double crowding, std::uint64_t seed) {
  LightCurve curve;
  RandomStream random(seed, 0, Stage::kTest);
  for (int i = 0; i < points; ++i) {
    // `crowding` of the points lie in a tenth of the orbit.
    const double u = random.uniform();
    const double phase = random.uniform() < crowding ? 0.1 * u : u;
    curve.phase.push_back(phase);
    curve.sigma.push_back(sigma * scale);
    curve.flux.push_back(scale * (model_flux(phase) + sigma * random.normal()));
  }
  return curve;
}

TEST(Features, CadenceAndUnitDoNotMatter) {
  // The same star: 40,000 exposures, or 4000 averages of ten in other units with half of them crowded into the eclipse.
  Observation dense, thin;
  dense.period_day = thin.period_day = 3.0;
  dense.light_curves[kTessChannel] = noisy_curve(40000, 0.002, 1.0, 0.0, 1);
  thin.light_curves[kTessChannel] = noisy_curve(4000, 0.002 / std::sqrt(10.0), 7.5, 0.5, 2);
  const Packed a(dense), b(thin);
  double chi2 = 0.0, bins = 0.0;
  for (int k = 0; k < 256; ++k) {
    if (b.bin(kTessChannel, 3, k) == 0.0f) continue;
    const auto flux = [k](const Packed& p) { return 0.1 * std::sinh(p.bin(kTessChannel, 0, k)); };
    const auto sigma = [k](const Packed& p) { return std::pow(10.0, 1.5 * p.bin(kTessChannel, 2, k) - 3.0); };
    // Within a bin of the eclipse's edge the flux changes by up to 3%, so where its points lie matters there.
    const double phase = (k + 0.5) / 256.0, bin = 1.0 / 256.0;
    const double slope = std::abs(model_flux(phase + 0.5 * bin) - model_flux(phase - 0.5 * bin));
    const double error = std::sqrt(sigma(a) * sigma(a) + sigma(b) * sigma(b) + slope * slope / 12.0 / 8.0);
    const double pull = (flux(a) - flux(b)) / error;
    EXPECT_LT(std::abs(pull), 5.0) << k;
    chi2 += pull * pull;
    ++bins;
  }
  EXPECT_GT(bins, 250.0);
  EXPECT_GT(chi2 / bins, 0.6);
  EXPECT_LT(chi2 / bins, 1.4);
  EXPECT_NEAR(a.summary(kTessChannel, 4), b.summary(kTessChannel, 4), 0.01);
  EXPECT_NEAR(a.summary(kTessChannel, 4), 0.29, 0.01);
  // Ten times fewer points of a tenth of the variance each: the median bin error agrees but for the crowding's
  // factor 2.
  EXPECT_NEAR(a.summary(kTessChannel, 2), b.summary(kTessChannel, 2), std::log10(std::sqrt(2.0)) / 1.5 + 0.03);
}

TEST(Features, ExtremeAndBadPointsStayBounded) {
  const double huge = 1e300, inf = std::numeric_limits<double>::infinity();
  Observation observation;
  observation.period_day = 1e-300;
  LightCurve& curve = observation.light_curves[kAsassnV];
  curve.phase = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, -3.3, inf};
  curve.flux = {1.0, 1.0, kMissing, inf, huge, 1.0, 1e8, 1.0};
  curve.sigma = {1e-300, 0.0, 0.1, 0.1, 0.1, inf, 1e-3, 0.1};
  curve.exposure_day = huge;
  observation.light_curves[kKeplerChannel].phase = {0.5};
  observation.light_curves[kKeplerChannel].flux = {-1.0};  // no positive level
  observation.light_curves[kKeplerChannel].sigma = {0.1};
  observation.sed_flux_jy.fill(huge);
  observation.sed_sigma_jy.fill(1e-300);
  observation.sed_flux_jy[0] = inf;
  observation.sed_flux_jy[1] = 0.0;
  observation.parallax_mas = -huge;
  observation.parallax_sigma_mas = 1e-300;
  const Packed packed(observation);
  packed.expect_bounded();
  EXPECT_EQ(packed.sed(2, 0), 0.0f);
  EXPECT_EQ(packed.summary(kAsassnV, 0), 1.0f);
  EXPECT_NEAR(packed.summary(kAsassnV, 1), 2.0 / 256.0, 1e-7);  // phases .1 and -3.3 (= .7)
  EXPECT_EQ(packed.bin(kAsassnV, 3, 179), 1.0f);
  EXPECT_EQ(packed.summary(kKeplerChannel, 0), 0.0f);
}

TEST(Features, PointsByHand) {
  const FeatureLayout layout{.points = 6, .channels = 4};
  Observation observation;
  observation.period_day = 10.0;
  LightCurve& curve = observation.light_curves[kZtfGChannel];
  curve.phase = {0.0, 0.25, 0.5, 0.75};
  curve.flux = {1.0, 2.0, kMissing, 2.2};  // median 2
  curve.sigma = {0.02, 0.02, 0.02, 0.2};
  LightCurve& many = observation.light_curves[kAsassnV];  // twelve points into six places
  for (int i = 0; i < 12; ++i) {
    many.phase.push_back(i / 12.0);
    many.flux.push_back(i % 2 == 0 ? 1.1 : 0.9);
    many.sigma.push_back(i % 2 == 0 ? 0.01 : 0.02);
  }
  observation.light_curves[kTessChannel] = curve;  // not a channel of this network
  observation.sed_flux_jy[kJohnsonV] = 0.01;
  observation.sed_sigma_jy[kJohnsonV] = 0.0005;
  observation.parallax_mas = 2.0;
  observation.parallax_sigma_mas = 0.03;
  FeatureBatch batch;
  batch.resize(2, layout);
  pack_features(observation, layout, batch.row(0));
  pack_features(Observation{}, layout, batch.row(1));
  ASSERT_EQ(batch.curves.size(), 2u * 4u * 4u * 6u);
  EXPECT_TRUE(batch.summaries.empty());
  const auto value = [&](int channel, int row, int k) {
    return batch.curves[static_cast<std::size_t>((channel * 4 + row) * 6 + k)];
  };
  EXPECT_EQ(value(kZtfGChannel, 0, 0), -1.0f);
  EXPECT_EQ(value(kZtfGChannel, 0, 2), 0.5f);  // the third is no measurement
  EXPECT_NEAR(value(kZtfGChannel, 1, 0), std::asinh(-5.0), 1e-6);
  EXPECT_NEAR(value(kZtfGChannel, 1, 2), std::asinh(1.0), 1e-6);
  EXPECT_NEAR(value(kZtfGChannel, 2, 1), (std::log10(0.01) + 3.0) / 1.5, 1e-6);
  for (int k = 0; k < 6; ++k) EXPECT_EQ(value(kZtfGChannel, 3, k), k < 3 ? 1.0f : 0.0f);
  for (int row = 0; row < 4; ++row) EXPECT_EQ(value(kZtfGChannel, row, 4), 0.0f);
  // Weights 4 and 1: flux (4 x 1.1 + .9) / 5 = 1.06, phase a fifth of the way to the second point, median 1.
  EXPECT_NEAR(value(kAsassnV, 0, 1), 2.0 * (2.2 / 12.0) - 1.0, 1e-6);
  EXPECT_NEAR(value(kAsassnV, 1, 5), std::asinh(0.6), 1e-6);
  EXPECT_NEAR(value(kAsassnV, 2, 5), (std::log10(0.02 / std::sqrt(5.0)) + 3.0) / 1.5, 1e-6);
  EXPECT_EQ(value(kAsassnV, 3, 5), 1.0f);
  EXPECT_NEAR(batch.sed[kJohnsonV], 0.5 * (std::log10(0.01) + 1.0), 1e-6);  // not over the SED's own level
  ASSERT_EQ(batch.meta.size(), 2u * 4u);
  EXPECT_EQ(batch.meta[0], 1.0f);
  EXPECT_EQ(batch.meta[3], 1.0f);
  EXPECT_TRUE(std::all_of(batch.curves.begin() + 96, batch.curves.end(), [](float v) { return v == 0.0f; }));
  EXPECT_TRUE(std::all_of(batch.meta.begin() + 4, batch.meta.end(), [](float v) { return v == 0.0f; }));
  const SystemRows rows = batch.rows();
  EXPECT_EQ(rows.input(1, 1), batch.sed.data() + 69);
  EXPECT_EQ(feature_row(rows, 1).meta, batch.meta.data() + 4);
}

TEST(Features, DroppedDataAreMissing) {
  constexpr int kTries = 4000;
  constexpr double kShare = 0.3;
  int curves = 0, bands = 0, parallaxes = 0;
  for (int i = 0; i < kTries; ++i) {
    Observation observation;
    for (LightCurve& curve : observation.light_curves) curve.phase = curve.flux = curve.sigma = {0.5};
    observation.sed_flux_jy.fill(1.0);
    observation.sed_sigma_jy.fill(0.1);
    observation.parallax_mas = observation.parallax_sigma_mas = 1.0;
    RandomStream random(5, static_cast<std::uint64_t>(i), Stage::kDropping);
    drop_at_random(kShare, random, observation);
    curves += observation.light_curves[kTessChannel].empty();
    bands += std::isnan(observation.sed_flux_jy[kGaiaG]) && std::isnan(observation.sed_sigma_jy[kGaiaG]);
    parallaxes += !observation.has_parallax();
  }
  const double deviation = std::sqrt(kShare * (1.0 - kShare) / kTries);
  for (const int dropped : {curves, bands, parallaxes}) {
    EXPECT_NEAR(dropped / double{kTries}, kShare, 4.0 * deviation);
  }
}

TEST(Features, RowsOfABatchDoNotOverlap) {
  FeatureLayout layout;
  layout.phase_bins = 8;
  FeatureBatch batch;
  batch.resize(3, layout);
  Observation observation;
  observation.period_day = 10.0;
  observation.light_curves[0] = noisy_curve(100, 0.01, 1.0, 0.0, 3);
  pack_features(observation, layout, batch.row(1));
  EXPECT_EQ(batch.meta[FeatureLayout::kMeta], 1.0f);
  EXPECT_TRUE(std::all_of(batch.curves.begin(), batch.curves.begin() + 192, [](float v) { return v == 0.0f; }));
  EXPECT_TRUE(std::all_of(batch.curves.begin() + 384, batch.curves.end(), [](float v) { return v == 0.0f; }));
  EXPECT_TRUE(std::any_of(batch.curves.begin() + 192, batch.curves.begin() + 384, [](float v) { return v != 0.0f; }));
  EXPECT_EQ(batch.z.size(), 48u);
}

}  // namespace
}  // namespace penumbra
