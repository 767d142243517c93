// The spine, end to end. Needs the data tables (tools/setup.sh tables).
#include "sim/simulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

class SimulateTest : public ::testing::Test {
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
};

TEST_F(SimulateTest, EverySystemIsFiniteAndSorted) {
  Simulation simulation;
  int observed = 0;
  for (int index = 0; index < 300; ++index) {
    simulator().simulate(1, index, simulation);
    const Observation& o = simulation.observation;
    ASSERT_GT(o.period_day, 0.0);
    for (const LightCurve& curve : o.light_curves) {
      ASSERT_EQ(curve.flux.size(), curve.phase.size());
      ASSERT_EQ(curve.sigma.size(), curve.phase.size());
      ASSERT_TRUE(std::is_sorted(curve.phase.begin(), curve.phase.end()));
      for (std::size_t t = 0; t < curve.phase.size(); ++t) {
        ASSERT_TRUE(std::isfinite(curve.flux[t]));
        ASSERT_GT(curve.sigma[t], 0.0);
        ASSERT_GE(curve.phase[t], 0.0);
        ASSERT_LT(curve.phase[t], 1.0);
      }
      observed += !curve.empty();
    }
    for (int b = 0; b < kSedBandCount; ++b)
      ASSERT_EQ(std::isfinite(o.sed_flux_jy[b]), std::isfinite(o.sed_sigma_jy[b]));
  }
  EXPECT_GT(observed, 300);  // more than one light curve a system on average
}

TEST_F(SimulateTest, ASystemDependsOnSeedAndIndexOnly) {
  Simulation first, other, again;
  simulator().simulate(5, 17, first);
  for (int index = 0; index < 20; ++index) simulator().simulate(5, index + 100, other);
  simulator().simulate(5, 17, again);
  EXPECT_EQ(first.draw.theta, again.draw.theta);
  for (int c = 0; c < kChannelCount; ++c) {
    EXPECT_EQ(first.observation.light_curves[c].phase, again.observation.light_curves[c].phase);
    EXPECT_EQ(first.observation.light_curves[c].flux, again.observation.light_curves[c].flux);
  }
  simulator().simulate(6, 17, other);
  EXPECT_NE(first.draw.theta, other.draw.theta);
}

// Residuals about the prediction for the true parameters, in units of the quoted error. Each star draws how much its
// quoted errors understate the scatter (survey bank: a factor of 1 to 2 as a rule, up to ten for catalogues that quote
// photon noise alone), so single curves vary; the median over curves does not.
// This one's first draw lies beyond the Galaxy's centre, with E(B-V) = 291: no light is left, and it is drawn again.
TEST_F(SimulateTest, ASystemThatTheDustHidesIsDrawnAgain) {
  const PriorDraw hidden = simulator().prior().draw(1, draw_of_attempt(163838, 0));
  ASSERT_GT(hidden.theta[kEbv], 200.0);
  Simulation simulation;
  simulator().simulate(1, 163838, simulation);
  EXPECT_LT(simulation.draw.theta[kEbv], 20.0);
  EXPECT_EQ(simulation.draw.rejected[static_cast<std::size_t>(Status::kInvalidInput)], 1);
  Observation prediction;
  EXPECT_EQ(simulator().predict(hidden.theta, simulation.observation, prediction), Status::kInvalidInput);
}

TEST_F(SimulateTest, PredictionOfTheTruthExplainsTheData) {
  Simulation simulation;
  Observation prediction;
  std::vector<double> scatters;
  const auto median_of = [](std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  };
  for (std::uint64_t index = 0; index < 100; ++index) {
    simulator().simulate(2, index, simulation);
    ASSERT_EQ(simulator().predict(simulation.draw.theta, simulation.observation, prediction), Status::kOk);
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const LightCurve& data = simulation.observation.light_curves[c];
      const LightCurve& model = prediction.light_curves[c];
      if (data.phase.size() < 50) continue;
      std::vector<double> pull(data.phase.size());
      for (std::size_t t = 0; t < pull.size(); ++t) pull[t] = (data.flux[t] - model.flux[t]) / data.sigma[t];
      const double middle = median_of(pull);
      for (double& p : pull) p = std::abs(p - middle);
      scatters.push_back(1.4826 * median_of(pull));
      EXPECT_GT(scatters.back(), 0.2) << kChannels[c].name << " of system " << index;
      EXPECT_LT(scatters.back(), 12.0) << kChannels[c].name << " of system " << index;
    }
  }
  ASSERT_GT(scatters.size(), 100u);
  EXPECT_NEAR(median_of(scatters), 1.2, 0.3);
}

TEST_F(SimulateTest, PeriodFollowsKepler) {
  Simulation simulation;
  for (int index = 0; index < 50; ++index) {
    simulator().simulate(3, index, simulation);
    const Theta& t = simulation.draw.theta;
    const double sma_au = (t[kRadius1] + t[kRadius2]) / t[kRsumFrac] / 215.032;
    // Gaussian year: P [yr] = a^1.5 / sqrt(M).
    EXPECT_NEAR(simulation.observation.period_day / (365.2568983 * std::pow(sma_au, 1.5) / std::sqrt(t[kMsum])), 1.0,
                1e-4);
  }
}

}  // namespace
}  // namespace penumbra
