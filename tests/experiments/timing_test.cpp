// The experiment experiments/timing: its meter, its systems, and a short run.
#include <gtest/gtest.h>

#include <fstream>

#include "experiments/timing/meter.h"
#include "experiments/timing/problem.h"
#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

void write_counter(const std::filesystem::path& folder, double energy_uj) {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "energy_uj") << std::fixed << energy_uj;
  std::ofstream(folder / "max_energy_range_uj") << 1000000000;
}

TEST(PackageEnergy, SumsPackagesAndFollowsAnOverflow) {
  const ScratchFolder scratch("energy");
  const std::filesystem::path root = scratch.path();
  EXPECT_TRUE(std::isnan(PackageEnergy(root).joules_since_start()));  // no counter
  write_counter(root / "intel-rapl:0", 2e6);
  write_counter(root / "intel-rapl:1", 9.99e8);
  write_counter(root / "intel-rapl:0:0", 1e6);  // a part of package 0
  const PackageEnergy energy(root);
  write_counter(root / "intel-rapl:0", 5e6);
  write_counter(root / "intel-rapl:1", 1e6);
  write_counter(root / "intel-rapl:0:0", 9e6);
  EXPECT_NEAR(energy.joules_since_start(), 3.0 + 2.0, 1e-9);
  std::filesystem::remove(root / "intel-rapl:1" / "energy_uj");
  EXPECT_TRUE(std::isnan(energy.joules_since_start()));
}

TEST(Meter, CountsTheProcessorsTime) {
  const Meter meter;
  const std::clock_t end = std::clock() + CLOCKS_PER_SEC / 20;
  while (std::clock() < end) {
  }
  const Cost cost = meter.read();
  EXPECT_GE(cost.cpu_s, 0.045);
  EXPECT_GE(cost.wall_s, 0.045);
}

TEST(TimingExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const SmokeRun run = run_smoke("timing");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  const TextTable own = run.table("own.csv");
  EXPECT_EQ(own.rows(), 3u);  // neural, importance, MCMC of one system
  for (const double seconds : own.numbers("cpu_s")) EXPECT_GT(seconds, 0.0);
  EXPECT_EQ(run.table("scaling.csv").rows(), 2u);
  expect_figures_and_provenance(run, {"cost"});
  if (run.log.find("skipped: emcee") != std::string::npos) GTEST_SKIP() << "no .venv-peers: run tools/setup.sh peers";
  const TextTable peers = run.table("peers.csv"), check = run.table("model_check.csv");
  EXPECT_GE(peers.rows(), 1u);
  for (const double difference : check.numbers("largest_difference")) EXPECT_LT(difference, 5e-3);
}

}  // namespace
}  // namespace penumbra
