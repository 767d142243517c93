// The experiment experiments/exact: a short run. Needs the data tables; what it computes is tested in tests/inference.
#include <filesystem>

#include "sim/parameters.h"
#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

TEST(ExactExperiment, RunsBrieflyAndGoesOn) {
  if (!std::filesystem::exists(PENUMBRA_SOURCE_DIR "/data/tables/atmospheres.h5"))
    GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  const SmokeRun run = run_smoke("exact");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  expect_figures_and_provenance(run, {"convergence", "ranks"});
  const TextTable systems = run.table("systems.csv");
  EXPECT_EQ(systems.rows(), 1u);
  // The budget is far too small, and says so.
  EXPECT_EQ(systems.numbers("converged"), std::vector<double>{0.0});
  for (const double evaluations : systems.numbers("mcmc_evaluations")) EXPECT_NEAR(evaluations, 3000.0, 512.0);
  const TextTable ranks = run.table("ranks.csv");
  for (const ParameterInfo& p : kParameters) {
    for (const double rank : ranks.numbers(std::string(p.name))) {
      EXPECT_GT(rank, 0.0);
      EXPECT_LT(rank, 1.0);
    }
  }
  EXPECT_EQ(run.table("sbc.csv").rows(), 17u);  // the parameters and ln of the density

  // What is done is not done again.
  const std::filesystem::path done = run.out / "work" / "system_0.csv";
  const auto before = std::filesystem::last_write_time(done);
  const std::string again = fmt::format("'{}/bin/experiment_exact' '{}/experiments/exact/smoke.toml' '{}' 2>/dev/null",
                                        PENUMBRA_BUILD_DIR, PENUMBRA_SOURCE_DIR, run.out.string());
  EXPECT_EQ(std::system(again.c_str()), 0);
  EXPECT_EQ(std::filesystem::last_write_time(done), before);
}

}  // namespace
}  // namespace penumbra
