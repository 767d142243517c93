#include "inference/summary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penumbra {
namespace {

// numpy.percentile([1, 2, 4, 8, 16], [50, 16, 84, 5, 95])
TEST(Summarize, AgreesWithNumpy) {
  const Summary s = summarize({8, 1, 16, 2, 4});
  EXPECT_DOUBLE_EQ(s.median, 4.0);
  EXPECT_DOUBLE_EQ(s.low68, 1.64);
  EXPECT_DOUBLE_EQ(s.high68, 10.88);
  EXPECT_DOUBLE_EQ(s.low90, 1.2);
  EXPECT_DOUBLE_EQ(s.high90, 14.4);
  EXPECT_DOUBLE_EQ(summarize({3.0}).low90, 3.0);
}

TEST(SummaryTable, HasEveryQuantityTheLiteratureAndTheWarnings) {
  PosteriorRecord record;
  record.object.name = "Star";
  for (int s = 0; s <= 100; ++s) {
    Theta theta{3.0, 0.5, 8.0, 0.0, 0.25, 0.1, 1.0, 0.5, 9000, 7000, 1.5, 0.8, 2.0, 1.0, 100.0, 0.05};
    theta[kRadius1] = 2.0 + 0.001 * (s - 50);  // half the 68% interval is .034
    record.samples.theta.push_back(theta);
  }
  record.object.literature = {{kRadius1, 1.9, 0.0, "Someone 2020"}, {kMass1, 2.0, 0.1, "Other 2021"}};
  record.warnings = {"look out"};
  record.reweighting = {"field", "paper", 17.4};
  const std::string table = summary_table(record);
  for (int k = 0; k < kQuantityCount; ++k) {
    EXPECT_NE(table.find("\n" + std::string(quantity_info(k).name) + " "), std::string::npos) << quantity_info(k).name;
  }
  EXPECT_NE(table.find("1.900 (+2.9 sigma) [1]"), std::string::npos) << table;
  EXPECT_NE(table.find("2.000 +- 0.100 (+0.0 sigma) [2]"), std::string::npos) << table;
  EXPECT_NE(table.find("[1] Someone 2020\n[2] Other 2021\n"), std::string::npos) << table;
  EXPECT_NE(table.find("made under prior field, read under prior paper: 17 effective samples\n"), std::string::npos);
  EXPECT_NE(table.find("WARNING: look out\n"), std::string::npos) << table;
}

TEST(Refinement, IsTrustedWhereItsOwnDiagnosticSaysSo) {
  PosteriorRecord record;
  EXPECT_TRUE(refinement_trusted(record));  // nothing was refined
  record.refinement = {{"pareto_k", "0.65"}};
  EXPECT_TRUE(refinement_trusted(record));
  record.refinement = {{"pareto_k", "84"}};
  EXPECT_FALSE(refinement_trusted(record));
  EXPECT_EQ(refinement_fact(record, "pareto_k"), 84.0);
  EXPECT_TRUE(std::isnan(refinement_fact(record, "mcmc_r_hat")));
  record.refinement = {{"pareto_k", "84"}, {"mcmc_r_hat", "1.03"}, {"mcmc_effective_size", "1200"}};
  EXPECT_TRUE(refinement_trusted(record));  // the MCMC's samples
  for (const char* bad : {"1.06", "inf"}) {
    record.refinement[1].second = bad;
    EXPECT_FALSE(refinement_trusted(record)) << bad;
  }
  record.refinement = {{"mcmc_r_hat", "1.03"}, {"mcmc_effective_size", "900"}};
  EXPECT_FALSE(refinement_trusted(record));
}

}  // namespace
}  // namespace penumbra
