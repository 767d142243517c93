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
  EXPECT_EQ(run.table("sbc.csv").rows(), 17u);                  // the parameters and ln of the density
  EXPECT_EQ(run.table("sbc_with_photometry.csv").rows(), 17u);  // system 0 has seven bands

  // What is done is not done again.
  const std::filesystem::path done = run.out / "work" / "system_0.csv";
  const auto before = std::filesystem::last_write_time(done);
  const std::string again = fmt::format("'{}/bin/experiment_exact' '{}/experiments/exact/smoke.toml' '{}' 2>/dev/null",
                                        PENUMBRA_BUILD_DIR, PENUMBRA_SOURCE_DIR, run.out.string());
  EXPECT_EQ(std::system(again.c_str()), 0);
  EXPECT_EQ(std::filesystem::last_write_time(done), before);

  // Another part, joined with this one: rows of both, unchanged.
  const std::filesystem::path joined = run.out.string() + "-joined";
  std::filesystem::remove_all(joined);
  std::filesystem::create_directories(joined);
  const auto join = [&](const std::string& parts, const std::string& budget) {
    std::string config = read_text(PENUMBRA_SOURCE_DIR "/experiments/exact/smoke.toml");
    config.replace(config.find("budget = 3000"), 13, "budget = " + budget);
    write_text(joined / "config.toml", fmt::format("first = 1\nparts = {}\n{}", parts, config));
    return run_command({PENUMBRA_BUILD_DIR "/bin/experiment_exact", joined / "config.toml", joined}, joined);
  };
  const ProgramResult both = join(fmt::format("\"{}\"", run.out.string()), "3000");
  ASSERT_EQ(both.exit_code, 0) << both.err;
  for (const char* table : {"systems.csv", "ranks.csv"}) {
    EXPECT_TRUE(read_text(joined / table).starts_with(read_text(run.out / table))) << table;
    EXPECT_EQ(TextTable::read(joined / table).numbers("index"), (std::vector<double>{0.0, 1.0}));
  }
  EXPECT_EQ(TextTable::read(joined / "sbc.csv").numbers("systems"), std::vector<double>(17, 2.0));

  const ProgramResult twice = join(fmt::format("[\"{0}\", \"{0}\"]", run.out.string()), "3000");
  EXPECT_EQ(twice.exit_code, 2);
  EXPECT_NE(twice.err.find("system 0 is in an earlier part too"), std::string::npos) << twice.err;
  const ProgramResult other = join(fmt::format("\"{}\"", run.out.string()), "4000");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.err.find("budget = 3000, expected 4000"), std::string::npos) << other.err;
}

}  // namespace
}  // namespace penumbra
