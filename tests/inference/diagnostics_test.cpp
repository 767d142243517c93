#include "inference/diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace penumbra {
namespace {

// A light curve with one Gaussian dip and noise of known size. The predictions have dips of depth 1 +- spread times
// `model_depth` of it.
struct Scene {
  Observation observation;
  Predictions predictions;
  std::vector<Latent> latents;
  StatusCounts verdicts{};

  Scene(double model_depth, double spread, double sigma) {
    RandomStream random(1, 0, Stage::kTest);
    LightCurve& curve = observation.light_curves[kTessChannel];
    std::vector<double> dip;
    for (int i = 0; i < 500; ++i) {
      const double phase = i / 500.0;
      dip.push_back(0.2 * std::exp(-0.5 * std::pow((phase - 0.5) / 0.05, 2)));
      curve.phase.push_back(phase);
      curve.flux.push_back(1.0 - dip.back() + sigma * random.normal());
      curve.sigma.push_back(sigma);
    }
    predictions.draws = 41;
    for (int d = -20; d <= 20; ++d) {
      for (const double depth : dip) {
        predictions.flux[kTessChannel].push_back(3.0 *
                                                 (1.0 - model_depth * (1.0 + spread * d / 20.0) * depth));  // any scale
      }
    }
    predictions.sed_jy.assign(predictions.draws * kSedBandCount, 1.0);
    latents.assign(50, Latent{});
    verdicts[static_cast<std::size_t>(Status::kOk)] = 100;
  }

  Diagnostics diagnose() const { return penumbra::diagnose(observation, latents, predictions, verdicts); }
};

TEST(Diagnostics, AGoodFitIsSilent) {
  const Diagnostics result = Scene(1.0, 0.001, 0.005).diagnose();
  EXPECT_TRUE(result.warnings.empty());
  ASSERT_EQ(result.curves.size(), 1u);
  EXPECT_EQ(result.curves[0].channel, std::size_t{kTessChannel});
  EXPECT_NEAR(result.curves[0].median_chi2, 1.0, 4.0 * std::sqrt(2.0 / 500.0));
  EXPECT_LT(result.curves[0].unexplained, 0.01);
  EXPECT_TRUE(std::isnan(result.sed_rms_mag));
  EXPECT_EQ(result.accepted, 1.0);
}

// The same offset of 30% in depth: far from narrow predictions, among broad ones.
TEST(Diagnostics, WhatCountsIsTheDistanceRelativeToTheSpread) {
  const Diagnostics narrow = Scene(0.7, 0.05, 0.002).diagnose();
  EXPECT_NEAR(narrow.curves[0].unexplained, 0.09, 0.02);
  ASSERT_EQ(narrow.warnings.size(), 1u);
  EXPECT_NE(narrow.warnings[0].find("the TESS:T light curve is not among the predictions: 9% of its variance"),
            std::string::npos)
      << narrow.warnings[0];
  EXPECT_TRUE(Scene(0.7, 0.6, 0.002).diagnose().warnings.empty());
}

TEST(Diagnostics, NoiseIsNotJudged) {
  EXPECT_TRUE(Scene(0.0, 0.0, 0.5).diagnose().warnings.empty());
  // Errors quoted half as large as they are.
  Scene scene(1.0, 0.001, 0.05);
  for (double& sigma : scene.observation.light_curves[kTessChannel].sigma) sigma *= 0.5;
  EXPECT_NEAR(scene.diagnose().curves[0].median_chi2, 4.0, 1.0);
  EXPECT_NEAR(scene.diagnose().curves[0].noise, 4.0, 1.0);
  EXPECT_TRUE(scene.diagnose().warnings.empty());
}

TEST(Diagnostics, PhotometryIsComparedInMagnitudes) {
  Scene scene(1.0, 0.001, 0.005);
  scene.observation.sed_flux_jy[kJohnsonV] = 1.0;
  scene.observation.sed_flux_jy[k2massJ] = std::pow(10.0, 0.4);  // a magnitude brighter than predicted
  const Diagnostics result = scene.diagnose();
  EXPECT_NEAR(result.sed_rms_mag, std::sqrt(0.5), 1e-12);
  EXPECT_EQ(result.sed_spread_mag, 0.0);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("0.71 mag"), std::string::npos) << result.warnings[0];
}

TEST(Diagnostics, TheTailOfThePriorAndRejectedSamplesAreNamed) {
  Scene scene(1.0, 0.001, 0.005);
  for (Latent& z : scene.latents) z[kDistance] = -4.5;
  scene.verdicts[static_cast<std::size_t>(Status::kRocheOverflow)] = 150;
  const Diagnostics result = scene.diagnose();
  ASSERT_EQ(result.warnings.size(), 3u);
  EXPECT_NE(result.warnings[0].find("in 60% of the network's samples a star overflows its Roche lobe"),
            std::string::npos)
      << result.warnings[0];
  EXPECT_NE(result.warnings[1].find("only 40% of the network's samples"), std::string::npos) << result.warnings[1];
  EXPECT_NE(result.warnings[2].find("the distance is in the far tail of the prior (-4.5 sigma"), std::string::npos)
      << result.warnings[2];
}

TEST(FitScale, FindsTheScaleAndItsChiSquared) {
  LightCurve curve;
  curve.phase = {0.0, 0.5};
  curve.flux = {2.0, 4.0};
  curve.sigma = {1.0, 1.0};
  const double model[] = {1.0, 1.0};
  const ScaledFit fit = fit_scale(curve, model);
  EXPECT_DOUBLE_EQ(fit.scale, 3.0);
  EXPECT_DOUBLE_EQ(fit.chi2, 2.0);
}

}  // namespace
}  // namespace penumbra
