// The fit needs the data tables (tools/setup.sh tables), but no network: it starts from systems near the true one.
#include "inference/best_fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "inference/diagnostics.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

class BestFitTest : public ::testing::Test {
 protected:
  static const Simulator& simulator() {
    static const Tables tables = Tables::load(kData);
    static const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
    return simulator;
  }
  void SetUp() override {
    if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
      GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  }

  // A system with a precise light curve.
  static Simulation bright_system() {
    Simulation simulation;
    for (std::uint64_t index = 0;; ++index) {
      simulator().simulate(3, index, simulation);
      const LightCurve& curve = simulation.observation.light_curves[kTessChannel];
      if (!curve.empty() && curve.sigma.front() < 0.002) return simulation;
    }
  }

  // The draw z + offset and what it predicts.
  static bool add_draw(const Observation& observation, Latent z, double offset, PosteriorSamples& samples,
                       Predictions& predictions) {
    RandomStream random(7, samples.z.size(), Stage::kTest);
    for (double& value : z) value += offset * random.normal();
    Theta theta;
    Observation clean;
    if (simulator().prior().theta_from_latent(z, observation.period_day, theta) != Status::kOk ||
        simulator().predict(theta, observation, clean) != Status::kOk) {
      return false;
    }
    samples.z.push_back(z);
    samples.theta.push_back(theta);
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const std::vector<double>& flux = clean.light_curves[c].flux;
      predictions.flux[c].insert(predictions.flux[c].end(), flux.begin(), flux.end());
    }
    predictions.sed_jy.insert(predictions.sed_jy.end(), clean.sed_flux_jy.begin(), clean.sed_flux_jy.end());
    ++predictions.draws;
    return true;
  }
};

// From starts that are far off, the fit is as good as the truth, whose sum of squares it cannot know.
TEST_F(BestFitTest, ReachesTheTruthFromAfar) {
  const Simulation system = bright_system();
  PosteriorSamples truth, samples;
  Predictions at_truth, predictions;
  ASSERT_TRUE(add_draw(system.observation, system.draw.z, 0.0, truth, at_truth));
  const auto always = [](const BestFit&) { return true; };
  const auto never = [](const BestFit&) { return false; };
  const BestFit exact = find_best_fit(simulator(), system.observation, truth, at_truth, always, 1);
  EXPECT_TRUE(within_limits(score(exact)));
  EXPECT_EQ(exact.theta, truth.theta.front());

  for (int attempt = 0; attempt < 200 && predictions.draws < 5; ++attempt)
    add_draw(system.observation, system.draw.z, 0.1, samples, predictions);
  ASSERT_EQ(predictions.draws, 5u);
  const BestFit start = find_best_fit(simulator(), system.observation, samples, predictions, always, 1);
  EXPECT_GT(start.sum, 2.0 * exact.sum);
  const BestFit fit = find_best_fit(simulator(), system.observation, samples, predictions, never, 1);
  EXPECT_LT(fit.sum, exact.sum + 5.0);
  // Threads change nothing.
  EXPECT_EQ(find_best_fit(simulator(), system.observation, samples, predictions, never, 2).z, fit.z);
}

TEST(NoiseLevel, SeesErrorsThatAreQuotedTooSmall) {
  LightCurve curve;
  RandomStream random(1, 0, Stage::kTest);
  for (int i = 0; i < 2000; ++i) {
    curve.phase.push_back(i / 2000.0);
    curve.flux.push_back((i > 900 && i < 1000 ? 0.5 : 1.0) + 0.02 * random.normal());  // an eclipse does not count
    curve.sigma.push_back(0.01);
  }
  EXPECT_NEAR(noise_level(curve), 4.0, 0.4);
  for (double& sigma : curve.sigma) sigma = 0.1;
  EXPECT_EQ(noise_level(curve), 1.0);
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
