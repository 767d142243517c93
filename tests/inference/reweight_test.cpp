#include "inference/reweight.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <set>

#include "sim/system.h"

namespace penumbra {
namespace {

const std::filesystem::path kTable = PENUMBRA_SOURCE_DIR "/data/tables/tracks.h5";
constexpr double kZero = -std::numeric_limits<double>::infinity();

TEST(EffectiveSampleSize, CountsTheSamplesThatSpeak) {
  EXPECT_NEAR(effective_sample_size(std::vector<double>(50, -3e4)), 50.0, 1e-9);
  EXPECT_NEAR(effective_sample_size({2.0, kZero, kZero}), 1.0, 1e-12);
  EXPECT_NEAR(effective_sample_size({std::log(3.0), 0.0}), 16.0 / 10.0, 1e-12);
  EXPECT_EQ(effective_sample_size({kZero, kZero}), 0.0);
  EXPECT_EQ(effective_sample_size({}), 0.0);
}

TEST(Resample, TakesEachAsOftenAsItsWeightDemands) {
  RandomStream random(4, 0, Stage::kTest);
  std::vector<double> log_weights, weights;
  double total = 0.0;
  for (int i = 0; i < 1000; ++i) {
    weights.push_back(i % 7 == 0 ? 0.0 : std::exp(2.0 * random.normal()));
    log_weights.push_back(std::log(weights.back()) + 500.0);
    total += weights.back();
  }
  const std::vector<std::size_t> chosen = resample(log_weights, random);
  ASSERT_EQ(chosen.size(), weights.size());
  EXPECT_FALSE(std::is_sorted(chosen.begin(), chosen.end()));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double expected = 1000.0 * weights[i] / total;
    EXPECT_LT(std::abs(static_cast<double>(std::count(chosen.begin(), chosen.end(), i)) - expected), 1.0 + 1e-9) << i;
  }
  const std::vector<std::size_t> all = resample(std::vector<double>(100, 1.0), random);
  EXPECT_EQ(std::set<std::size_t>(all.begin(), all.end()).size(), 100u);
  EXPECT_THROW(resample({kZero, kZero}, random), std::logic_error);
}

class ReweightTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(kTable)) return;
    tracks_ = std::make_unique<TrackGrid>(TrackGrid::load(kTable));
    dust_ = std::make_unique<DustPrior>(DustPrior::analytic());
  }
  static void TearDownTestSuite() {
    tracks_.reset();
    dust_.reset();
  }
  void SetUp() override {
    if (!tracks_) GTEST_SKIP() << kTable << " is absent: run python data/recipes/make_tracks.py";
  }
  static Prior make(const PriorSpec& spec) { return Prior(spec, tracks_->view(), dust_->view()); }
  // Table 1 with other numbers in every marginal that has any, but not so far off that weights die.
  static PriorSpec other_spec() {
    PriorSpec spec = named_prior("paper");
    spec.name = "other";
    spec.msum_k = 0.9;
    spec.q_alpha = 3.2;
    spec.age_alpha = 3.0;
    spec.feh_mean = -0.8;
    spec.feh_sigma = 0.45;
    spec.rsum_alpha = 2.2;
    spec.loge_mean = -2.2;
    spec.loge_sigma = 0.5;
    return spec;
  }
  static inline std::unique_ptr<TrackGrid> tracks_;
  static inline std::unique_ptr<DustPrior> dust_;
};

// Largest difference of two empirical distribution functions times sqrt(n m / (n + m)), with n effective samples of
// the first: Kolmogorov's statistic, above 1.95 by chance in 1 of 1000 cases.
double kolmogorov(std::vector<double> a, double effective, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double largest = 0.0;
  std::size_t j = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i + 1 < a.size() && a[i + 1] == a[i]) continue;  // at the end of equal values
    while (j < b.size() && b[j] <= a[i]) ++j;
    largest = std::max(largest, std::abs(static_cast<double>(i + 1) / static_cast<double>(a.size()) -
                                         static_cast<double>(j) / static_cast<double>(b.size())));
  }
  const auto count = static_cast<double>(b.size());
  return largest * std::sqrt(effective * count / (effective + count));
}

// The worst of the 16 marginals of A's samples, drawn again by `log_ratio`, beside B's.
double worst_marginal(const std::vector<Theta>& a, const std::vector<double>& log_ratio, const std::vector<Theta>& b) {
  RandomStream random(8, 0, Stage::kTest);
  const std::vector<std::size_t> chosen = resample(log_ratio, random);
  const double effective = effective_sample_size(log_ratio);
  double worst = 0.0;
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    std::vector<double> left, right;
    for (const std::size_t s : chosen) left.push_back(a[s][p]);
    for (const Theta& theta : b) right.push_back(theta[p]);
    worst = std::max(worst, kolmogorov(left, effective, right));
  }
  std::printf("%zu samples, %.0f effective, against %zu: worst marginal %.2f\n", a.size(), effective, b.size(), worst);
  return worst;
}

std::vector<Theta> draws(const Prior& prior, std::uint64_t seed, std::uint64_t count) {
  std::vector<Theta> thetas;
  for (std::uint64_t i = 0; i < count; ++i) thetas.push_back(prior.draw(seed, i).theta);
  return thetas;
}

TEST_F(ReweightTest, SamplesOfOnePriorBecomeThoseOfAnotherInEveryMarginal) {
  const Prior paper = make(named_prior("paper")), field = make(named_prior("field")), other = make(other_spec());
  const std::vector<Theta> a = draws(paper, 11, 12000);
  for (const Prior* target : {&field, &other}) {
    const std::vector<Theta> b = draws(*target, 12, 4000);
    EXPECT_LT(worst_marginal(a, log_prior_ratios(paper, *target, a), b), 1.95) << target->spec().name;
    EXPECT_GT(worst_marginal(a, std::vector<double>(a.size(), 0.0), b), 5.0) << "the priors hardly differ";
  }
}

TEST_F(ReweightTest, TheSamePriorLeavesAllWeightsEqual) {
  const Prior paper = make(named_prior("paper")), again = make(named_prior("paper"));
  const std::vector<Theta> a = draws(paper, 13, 200);
  for (const double ratio : log_prior_ratios(paper, again, a)) EXPECT_EQ(ratio, 0.0);
}

TEST_F(ReweightTest, WhatEitherPriorExcludesHasNoWeight) {
  PriorSpec tight = named_prior("paper");
  tight.track_tolerance = 0.02;
  const Prior wide = make(named_prior("paper")), narrow = make(tight);
  const std::vector<Theta> a = draws(wide, 14, 300), b = draws(narrow, 14, 300);
  const std::vector<double> down = log_prior_ratios(wide, narrow, a), up = log_prior_ratios(narrow, wide, a);
  std::size_t inside = 0;
  for (std::size_t s = 0; s < a.size(); ++s) {
    if (std::isfinite(down[s])) ++inside;
    EXPECT_EQ(std::isfinite(down[s]), std::isfinite(up[s]));
  }
  EXPECT_LT(inside, 20u);  // (2/5)^6 of 300
  for (const double ratio : log_prior_ratios(narrow, wide, b)) EXPECT_NEAR(ratio, 6.0 * std::log(0.4), 0.2);
}

// Samples given a period: those draws of A whose period is P0 to 5%, moved to P0 by the map that inference uses. Read
// under B they must be B's draws of that period. Without the density of rsumfrac in the ratio they are not.
TEST_F(ReweightTest, GivenAPeriodTheDensityOfRsumfracStaysInTheRatio) {
  const Prior paper = make(named_prior("paper")), other = make(other_spec());
  constexpr double kPeriod = 2.0;
  const auto at_period = [&](const Prior& prior, std::uint64_t seed, std::uint64_t count) {
    std::vector<Theta> thetas;
    for (std::uint64_t i = 0; i < count; ++i) {
      const PriorDraw draw = prior.draw(seed, i);
      Theta theta;
      if (std::abs(std::log(derive_system(draw.theta).period_day / kPeriod)) < 0.05 &&
          prior.theta_from_latent(draw.z, kPeriod, theta) == Status::kOk) {
        thetas.push_back(theta);
      }
    }
    return thetas;
  };
  const std::vector<Theta> a = at_period(paper, 15, 300000), b = at_period(other, 16, 200000);
  const std::vector<double> ratio = log_prior_ratios(paper, other, a);
  EXPECT_LT(worst_marginal(a, ratio, b), 1.95);

  // Without it: Beta(alpha, beta) of rsumfrac, x^(alpha - 1) (1 - x)^(beta - 1), taken out again.
  std::vector<double> without = ratio;
  const PriorSpec from = named_prior("paper"), to = other_spec();
  for (std::size_t s = 0; s < a.size(); ++s) {
    const double x = a[s][kRsumFrac];
    without[s] -= (to.rsum_alpha - from.rsum_alpha) * std::log(x) + (to.rsum_beta - from.rsum_beta) * std::log1p(-x);
  }
  EXPECT_GT(worst_marginal(a, without, b), 3.0);
}

}  // namespace
}  // namespace penumbra
