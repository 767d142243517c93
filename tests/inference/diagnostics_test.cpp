#include "inference/diagnostics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace penumbra {
namespace {

// A light curve with one Gaussian dip, noise of known size, and D predictions that all equal `model_depth` times the
// dip.
struct Scene {
  Observation observation;
  Predictions predictions;
  std::vector<Latent> latents;

  Scene(double model_depth, double sigma) {
    RandomStream random(1, 0, Stage::kTest);
    LightCurve& curve = observation.light_curves[kTessChannel];
    std::vector<double> model;
    for (int i = 0; i < 500; ++i) {
      const double phase = i / 500.0, dip = 0.2 * std::exp(-0.5 * std::pow((phase - 0.5) / 0.05, 2));
      curve.phase.push_back(phase);
      curve.flux.push_back(1.0 - dip + sigma * random.normal());
      curve.sigma.push_back(sigma);
      model.push_back(3.0 * (1.0 - model_depth * dip));  // any scale
    }
    predictions.draws = 5;
    for (std::size_t d = 0; d < predictions.draws; ++d) {
      predictions.flux[kTessChannel].insert(predictions.flux[kTessChannel].end(), model.begin(), model.end());
    }
    predictions.sed_jy.assign(predictions.draws * kSedBandCount, 1.0);
    latents.assign(50, Latent{});
  }

  Diagnostics diagnose(double accepted = 0.9) const {
    return penumbra::diagnose(observation, latents, predictions, accepted);
  }
};

TEST(Diagnostics, AGoodFitIsSilent) {
  const Diagnostics result = Scene(1.0, 0.005).diagnose();
  EXPECT_TRUE(result.warnings.empty());
  ASSERT_EQ(result.curves.size(), 1u);
  EXPECT_EQ(result.curves[0].channel, std::size_t{kTessChannel});
  EXPECT_NEAR(result.curves[0].median_chi2, 1.0, 4.0 * std::sqrt(2.0 / 500.0));
  EXPECT_LT(result.curves[0].unexplained, 0.01);
  EXPECT_TRUE(std::isnan(result.sed_rms_mag));
}

TEST(Diagnostics, PredictionsWithoutTheDipAreNamed) {
  const Diagnostics result = Scene(0.0, 0.005).diagnose();
  EXPECT_NEAR(result.curves[0].unexplained, 1.0, 1e-3);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("predictions leave 100% of the variance of the TESS:T light curve"),
            std::string::npos)
      << result.warnings[0];
  // Half the depth leaves a quarter of the variance: the residual is half the dip.
  EXPECT_NEAR(Scene(0.5, 0.005).diagnose().curves[0].unexplained, 0.25, 0.02);
}

TEST(Diagnostics, NoiseIsNotJudged) {
  const Diagnostics result = Scene(0.0, 0.5).diagnose();
  EXPECT_TRUE(std::isnan(result.curves[0].unexplained));
  EXPECT_TRUE(result.warnings.empty());
}

TEST(Diagnostics, PhotometryIsComparedInMagnitudes) {
  Scene scene(1.0, 0.005);
  scene.observation.sed_flux_jy[kJohnsonV] = 1.0;
  scene.observation.sed_flux_jy[k2massJ] = std::pow(10.0, 0.4);  // a magnitude brighter than predicted
  const Diagnostics result = scene.diagnose();
  EXPECT_NEAR(result.sed_rms_mag, std::sqrt(0.5), 1e-12);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].find("0.71 mag"), std::string::npos) << result.warnings[0];
}

TEST(Diagnostics, TheTailOfThePriorAndRejectedSamplesAreNamed) {
  Scene scene(1.0, 0.005);
  for (Latent& z : scene.latents) z[kDistance] = -4.5;
  const Diagnostics result = scene.diagnose(0.2);
  ASSERT_EQ(result.warnings.size(), 2u);
  EXPECT_NE(result.warnings[0].find("only 20.0% of the network's samples"), std::string::npos) << result.warnings[0];
  EXPECT_NE(result.warnings[1].find("the distance is in the far tail of the prior (-4.5 sigma"), std::string::npos)
      << result.warnings[1];
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
