#include "inference/uniformity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace penumbra {
namespace {

std::vector<double> uniform_values(std::size_t count, std::uint64_t trial) {
  RandomStream random(11, trial, Stage::kTest);
  std::vector<double> values(count);
  for (double& v : values) v = random.uniform();
  return values;
}

bool keeps(const std::vector<std::size_t>& counts, const std::vector<std::pair<std::size_t, std::size_t>>& band) {
  for (std::size_t k = 0; k < counts.size(); ++k)
    if (counts[k] < band[k].first || counts[k] > band[k].second) return false;
  return true;
}

TEST(UniformBand, HoldsUniformValuesEverywhereAtOnceAsOftenAsItSays) {
  constexpr int kTrials = 4000;
  const UniformBand uniform(300, 30);
  const auto band = uniform.band(0.95);
  int kept = 0, below_twentieth = 0, below_half = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const std::vector<double> values = uniform_values(300, static_cast<std::uint64_t>(trial));
    const double p = uniform.p(values);
    const bool inside = keeps(uniform.counts(values), band);
    kept += inside;
    below_twentieth += p <= 0.05;
    below_half += p <= 0.5;
    if (p <= 0.04) {
      EXPECT_FALSE(inside);
    }
    if (p > 0.06) {
      EXPECT_TRUE(inside);
    }
  }
  // Three standard deviations of the count; counts are whole, so that a band holds a little more than asked.
  EXPECT_NEAR(kept, 0.955 * kTrials, 0.005 * kTrials + 3.0 * std::sqrt(0.95 * 0.05 * kTrials));
  EXPECT_NEAR(below_twentieth, 0.048 * kTrials, 0.004 * kTrials + 3.0 * std::sqrt(0.95 * 0.05 * kTrials));
  EXPECT_NEAR(below_half, 0.495 * kTrials, 0.01 * kTrials + 3.0 * std::sqrt(0.25 * kTrials));
}

// Two values, the points 1/3 and 2/3. Tails of the counts 0, 1, 2 at 1/3: twice 4/9, 5/9, 1/9; at 2/3 in reverse. Both
// values in the first cell, or both in the last, reach the thinnest, and have 2/9 together. One in the first and one in
// the last (2/9 again) keep to the middle of both; all others reach 4/9.
TEST(UniformBand, ByHand) {
  const UniformBand uniform(2, 3);
  EXPECT_NEAR(uniform.p(std::vector{0.1, 0.2}), 2.0 / 9.0, 1e-12);
  EXPECT_NEAR(uniform.p(std::vector{0.8, 0.9}), 2.0 / 9.0, 1e-12);
  EXPECT_NEAR(uniform.p(std::vector{0.4, 0.5}), 7.0 / 9.0, 1e-12);
  EXPECT_NEAR(uniform.p(std::vector{0.1, 0.9}), 1.0, 1e-12);
  EXPECT_EQ(uniform.band(0.7), (std::vector<std::pair<std::size_t, std::size_t>>{{0, 1}, {1, 2}}));
  EXPECT_EQ(uniform.band(0.8), (std::vector<std::pair<std::size_t, std::size_t>>{{0, 2}, {0, 2}}));
}

TEST(UniformBand, FindsShiftsAndPileUps) {
  const UniformBand uniform(1000, 50);
  std::vector<double> shifted = uniform_values(1000, 1), piled = shifted;
  for (double& v : shifted) v = std::pow(v, 1.3);
  for (double& v : piled) v = v < 0.5 ? 0.5 * std::pow(2.0 * v, 1.6) : 1.0 - 0.5 * std::pow(2.0 - 2.0 * v, 1.6);
  EXPECT_LT(uniform.p(shifted), 1e-6);
  EXPECT_LT(uniform.p(piled), 1e-4);
  EXPECT_FALSE(keeps(uniform.counts(piled), uniform.band(0.95)));
}

TEST(Holm, CorrectsByRank) {
  const std::vector<double> p{0.01, 0.04, 0.03, 0.005};
  const std::vector<double> corrected = holm(p), expected{0.03, 0.06, 0.06, 0.02};
  for (std::size_t i = 0; i < p.size(); ++i) EXPECT_NEAR(corrected[i], expected[i], 1e-12);
}

}  // namespace
}  // namespace penumbra
