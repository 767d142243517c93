#include "inference/diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

// A best fit as it should be: every residual a unit normal, two light curves, ten bands and a parallax.
BestFit good_fit() {
  BestFit fit{};
  RandomStream random(1, 0, Stage::kTest);
  const auto normals = [&](int count) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) values.push_back(random.normal());
    return values;
  };
  fit.light_curves[kZtfGChannel] = normals(60);
  fit.light_curves[kTessChannel] = normals(100);
  fit.photometry = normals(11);
  for (double& z : fit.z) z = random.normal();
  return fit;
}

TEST(Diagnostics, AGoodFitIsSilent) {
  const Diagnostics result = diagnose(good_fit(), {});
  EXPECT_TRUE(result.warnings.empty());
  EXPECT_TRUE(within_limits(result.scores));
}

// sum of r_b r_{b+1} / sqrt(B) of A sin(2 pi b / B) is A^2 / 2 cos(2 pi / B) sqrt(B).
TEST(Diagnostics, StructureInTheResidualsIsNamed) {
  BestFit fit{};
  for (int b = 0; b < 100; ++b) fit.light_curves[kTessChannel].push_back(2.0 * std::sin(kTwoPi * b / 100.0));
  fit.rms[kTessChannel] = 0.031;
  const Diagnostics result = diagnose(fit, {});
  EXPECT_NEAR(result.scores[kCurveCheck], 20.0 * std::cos(kTwoPi / 100.0), 1e-9);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("outside the prior's range? no binary of the prior has such light curves"),
            std::string::npos)
      << result.warnings[0];
  EXPECT_NE(result.warnings[0].find("misses TESS:T by 3.1%"), std::string::npos) << result.warnings[0];
}

TEST(Diagnostics, OneOutlierDoesNotDecide) {
  BestFit fit{};
  fit.light_curves[kTessChannel].assign(100, 0.1);
  fit.light_curves[kTessChannel][40] = 1e4;
  EXPECT_TRUE(diagnose(fit, {}).warnings.empty());
  fit.photometry.assign(20, 0.3);
  fit.photometry[3] = -1e4;
  EXPECT_NEAR(score(fit)[kPhotometryCheck], (25.0 + 19 * 0.09 - 20.0) / std::sqrt(40.0), 1e-9);
  EXPECT_TRUE(diagnose(fit, {}).warnings.empty());
}

TEST(Diagnostics, PhotometryOfAnotherStarAndTheTailOfThePriorAreNamed) {
  BestFit fit = good_fit();
  for (double& residual : fit.photometry) residual = 3.0;
  fit.z.fill(0.0);
  fit.z[kDistance] = -5.0;
  fit.barrier = 7.0;
  const Diagnostics result = diagnose(fit, {});
  EXPECT_NEAR(result.scores[kPhotometryCheck], 11 * 8.0 / std::sqrt(22.0), 1e-12);
  EXPECT_NEAR(result.scores[kPriorCheck], 32.0, 1e-12);
  ASSERT_EQ(result.warnings.size(), 2u);
  EXPECT_NE(result.warnings[0].find("photometry or a parallax of another star"), std::string::npos);
  EXPECT_NE(result.warnings[1].find("the far tail of the prior"), std::string::npos);
}

// The same scatter about a constant and about shallow eclipses.
TEST(Diagnostics, AConstantStarIsNamedWhereTheDataArePrecise) {
  const auto observe = [](double depth, double sigma) {
    Observation observation;
    LightCurve& curve = observation.light_curves[kTessChannel];
    RandomStream random(3, 0, Stage::kTest);
    for (int i = 0; i < 1000; ++i) {
      curve.phase.push_back(i / 1000.0);
      curve.flux.push_back(1.0 - (i > 480 && i < 520 ? depth : 0.0) + sigma * random.normal());
      curve.sigma.push_back(sigma);
    }
    return observation;
  };
  const Diagnostics flat = diagnose(good_fit(), observe(0.0, 0.001));
  ASSERT_EQ(flat.warnings.size(), 1u);
  EXPECT_NE(flat.warnings[0].find("no light curve varies"), std::string::npos) << flat.warnings[0];
  EXPECT_TRUE(diagnose(good_fit(), observe(0.01, 0.001)).warnings.empty());
  EXPECT_TRUE(diagnose(good_fit(), observe(0.0, 0.02)).warnings.empty());
}

TEST(Diagnostics, AFitThatCouldNotBeComputedIsNoGoodFit) {
  BestFit fit = good_fit();
  for (const double sum : {double{INFINITY}, kMissing}) {
    fit.sum = sum;
    EXPECT_FALSE(within_limits(score(fit)));
    EXPECT_EQ(diagnose(fit, {}).warnings.size(), std::size_t{kCheckCount});
  }
}

}  // namespace
}  // namespace penumbra
