#include <cmath>

#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

TEST(CoverageExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const SmokeRun run = run_smoke("coverage");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  expect_figures_and_provenance(run, {"coverage"});

  const TextTable table = run.table("coverage.csv");
  ASSERT_EQ(table.rows(), (16u * 2u + 1u) * 4u);  // central and highest density, one of all 16 together; four levels
  const std::vector<double> level = table.numbers("level"), coverage = table.numbers("coverage"),
                            error = table.numbers("error"), departure = table.numbers("departure_points");
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (i % 4 > 0) {
      EXPECT_GE(coverage[i], coverage[i - 1]);  // a larger region holds what a smaller one does
    }
    EXPECT_NEAR(error[i], std::sqrt(level[i] * (1.0 - level[i]) / 200.0), 2e-3);
    EXPECT_NEAR(departure[i], 100.0 * (coverage[i] - level[i]), 0.01);
    EXPECT_LT(std::fabs(coverage[i] - level[i]), 5.0 * error[i] + 0.03) << i;  // the shipped network
  }
}

}  // namespace
}  // namespace penumbra
