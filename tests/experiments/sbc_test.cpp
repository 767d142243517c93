#include <map>

#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

TEST(SbcExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const SmokeRun run = run_smoke("sbc");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  expect_figures_and_provenance(run, {"ranks", "ecdf", "joint"});

  const TextTable tests = run.table("tests.csv");  // 16 parameters, TARP, joint density, classifier
  ASSERT_EQ(tests.rows(), 19u);
  const std::vector<double> p = tests.numbers("p"), corrected = tests.numbers("p_holm");
  for (std::size_t t = 0; t < p.size(); ++t) {
    EXPECT_GE(p[t], 0.0);
    EXPECT_LE(p[t], corrected[t]);
    EXPECT_LE(corrected[t], 1.0);
  }
  EXPECT_GT(*std::min_element(corrected.begin(), corrected.end()), 1e-3);  // the shipped network on 200 systems

  const TextTable ranks = run.table("work/ranks.csv"), histograms = run.table("histograms.csv");
  const std::vector<double> count = histograms.numbers("count");
  const std::vector<std::string_view> names = histograms.texts("name");
  std::map<std::string_view, double> total;
  for (std::size_t i = 0; i < count.size(); ++i) total[names[i]] += count[i];
  ASSERT_EQ(total.size(), 18u);
  for (const auto& [name, sum] : total) {
    EXPECT_EQ(sum, static_cast<double>(ranks.rows())) << name;
    for (const double r : ranks.numbers(std::string(name))) {
      EXPECT_GT(r, 0.0);
      EXPECT_LT(r, 1.0);
    }
  }

  // Differences come from the ranks: recounted here for TARP.
  const TextTable ecdf = run.table("ecdf.csv");
  const std::vector<double> tarp = ranks.numbers("tarp"), point = ecdf.numbers("point"),
                            difference = ecdf.numbers("difference");
  for (std::size_t i = 0; i < ecdf.rows(); ++i) {
    if (ecdf.texts("name")[i] != "tarp") continue;
    const auto below = std::count_if(tarp.begin(), tarp.end(), [&](double r) { return r <= point[i]; });
    EXPECT_NEAR(difference[i], static_cast<double>(below) / static_cast<double>(tarp.size()) - point[i], 1e-4);
  }
}

}  // namespace
}  // namespace penumbra
