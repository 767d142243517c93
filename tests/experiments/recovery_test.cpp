#include <cmath>
#include <map>

#include "experiments/recovery/quality.h"
#include "inference/best_fit.h"
#include "sim/simulation_settings.h"
#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

// By how much chi^2 of the data falls from a constant to the true curve: the squared signal to noise, but for noise.
TEST(Quality, SignalToNoiseIsThatOfTheData) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  SimulationSettings settings;
  settings.prior = named_prior("field");
  const LoadedSimulator simulator(std::filesystem::path(PENUMBRA_SOURCE_DIR) / "data", settings);
  int compared = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    Simulation simulation;
    simulator->simulate(1, i, simulation);
    const Qualities quality = measure_quality(*simulator, simulation);
    Observation clean;
    ASSERT_EQ(simulator->predict(simulation.draw.theta, simulation.observation, clean), Status::kOk);
    double fall = 0.0, points = 0.0, curves = 0.0;
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const LightCurve& curve = simulation.observation.light_curves[c];
      if (curve.empty()) continue;
      const std::vector<double> constant(curve.phase.size(), 1.0);
      fall += fit_scale(curve, constant.data()).chi2 - fit_scale(curve, clean.light_curves[c].flux.data()).chi2;
      points += static_cast<double>(curve.phase.size());
      curves += 1.0;
    }
    EXPECT_EQ(quality[kPoints], points);
    EXPECT_EQ(quality[kLightCurves], curves);
    if (quality[kSignalToNoise] < 100.0) continue;
    ++compared;
    EXPECT_NEAR(std::sqrt(fall) / quality[kSignalToNoise], 1.0, 0.05) << i;  // 3 standard deviations of noise 1.7 x
  }
  EXPECT_GT(compared, 10);
}

TEST(RecoveryExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const SmokeRun run = run_smoke("recovery");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  expect_figures_and_provenance(run, {"recovery", "widths", "quality"});

  const TextTable widths = run.table("widths.csv"), accuracy = run.table("accuracy.csv");
  ASSERT_EQ(widths.rows(), 16u);
  ASSERT_EQ(accuracy.rows(), 16u);
  for (std::size_t p = 0; p < 16; ++p) {
    EXPECT_GT(widths.numbers("width68")[p], 0.0);
    EXPECT_GT(widths.numbers("width90")[p], widths.numbers("width68")[p]);
    EXPECT_GT(widths.numbers("paper_width90")[p], widths.numbers("paper_width68")[p]);
    EXPECT_LT(accuracy.numbers("contraction")[p], 1.0);
    EXPECT_NEAR(accuracy.numbers("error_deviation")[p], 1.0, 0.4);  // of a calibrated posterior, about 1
  }

  const TextTable systems = run.table("work/systems.csv");
  const std::vector<double> truth = systems.numbers("truth"), median = systems.numbers("median"),
                            low68 = systems.numbers("low68"), high68 = systems.numbers("high68"),
                            low90 = systems.numbers("low90"), high90 = systems.numbers("high90");
  const std::vector<std::string_view> quantity = systems.texts("quantity");
  std::map<std::string_view, int> rows;
  for (std::size_t i = 0; i < systems.rows(); ++i) {
    ++rows[quantity[i]];
    ASSERT_TRUE(low90[i] <= low68[i] && low68[i] <= median[i] && median[i] <= high68[i] && high68[i] <= high90[i]) << i;
    if (quantity[i] != "omega") continue;
    EXPECT_TRUE(truth[i] >= 0.0 && truth[i] <= 6.28319 && median[i] >= 0.0 && median[i] <= 6.28319) << i;
    EXPECT_LE(high90[i] - low90[i], 6.28319);
  }
  ASSERT_EQ(rows.size(), 18u);  // the parameters, sqrt(e) cos(omega) and sqrt(e) sin(omega)
  const int count = rows["msum"];
  EXPECT_GE(count, 195);

  // Each system is in one group of each quality, and the groups hold the truths that the systems' intervals hold.
  const TextTable quality = run.table("quality.csv");
  std::map<std::pair<std::string_view, std::string_view>, double> in_groups, inside_groups;
  const std::vector<std::string_view> name = quality.texts("quality"), parameter = quality.texts("parameter");
  const std::vector<double> group = quality.numbers("systems");
  const std::vector<double> inside50 = quality.numbers("inside50"), inside68 = quality.numbers("inside68");
  for (std::size_t i = 0; i < quality.rows(); ++i) {
    EXPECT_TRUE(inside50[i] >= 0.0 && inside50[i] <= inside68[i] && inside68[i] <= 1.0) << i;
    in_groups[{name[i], parameter[i]}] += group[i];
    inside_groups[{name[i], parameter[i]}] += group[i] * inside68[i];
  }
  EXPECT_EQ(in_groups.size(), 6u * 16u);
  for (const auto& [key, sum] : in_groups) EXPECT_EQ(sum, count) << key.first << ' ' << key.second;
  std::map<std::string_view, int> inside;
  for (std::size_t i = 0; i < systems.rows(); ++i) inside[quantity[i]] += truth[i] >= low68[i] && truth[i] <= high68[i];
  for (const auto& [key, sum] : inside_groups) {
    if (key.second == "omega") continue;  // an interval may reach over an end
    EXPECT_NEAR(sum, inside[key.second], 0.5) << key.first << ' ' << key.second;
  }
}

}  // namespace
}  // namespace penumbra
