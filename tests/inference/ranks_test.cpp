#include "inference/ranks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "inference/uniformity.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr std::size_t kTrials = 1500;

// p of a test that `rank` of independent trials is uniform.
double p_uniform(const std::function<double(RandomStream&)>& rank) {
  std::vector<double> ranks;
  for (std::size_t trial = 0; trial < kTrials; ++trial) {
    RandomStream random(21, trial, Stage::kTest);
    ranks.push_back(rank(random));
  }
  return UniformBand(kTrials, 50).p(ranks);
}

double exponential(RandomStream& random) { return -std::log(random.uniform()); }

Marginal exponential_marginal(std::size_t samples, RandomStream& random) {
  Marginal m{exponential(random), 0.0, std::vector<double>(samples)};
  for (double& s : m.samples) s = exponential(random);
  return m;
}

TEST(UniformRank, IsUniformForFewSamplesAndTies) {
  const auto rank = [](const auto& value) {
    return p_uniform([&](RandomStream& random) {
      std::vector<double> samples(3);
      for (double& s : samples) s = value(random);
      return uniform_rank(value(random), samples, random);
    });
  };
  EXPECT_GT(rank([](RandomStream& random) { return random.normal(); }), 1e-3);
  EXPECT_GT(rank([](RandomStream& random) { return random.below(2); }), 1e-3);
}

TEST(DensityRank, IsUniformHoweverFewTheSamples) {
  for (const std::size_t samples : {2u, 7u, 300u}) {
    EXPECT_GT(p_uniform([&](RandomStream& random) {
                const Marginal m = exponential_marginal(samples, random);
                return density_rank(m, random);
              }),
              1e-3)
        << samples;
  }
}

// Of the exponential distribution the denser values are the smaller ones: the rank of v is P(X > v) = exp(-v).
TEST(DensityRank, IsThatOfTheTrueDensity) {
  RandomStream random(22, 0, Stage::kTest);
  for (const double v : {0.1, 0.5, 1.0, 2.0, 4.0}) {
    Marginal m = exponential_marginal(20000, random);
    m.truth = v;
    EXPECT_NEAR(density_rank(m, random), std::exp(-v), 0.07) << v;
  }
}

TEST(Marginal, AnglesAreCountedFromTheirMean) {
  RandomStream random(23, 0, Stage::kTest);
  const double mean = 6.2, width = 0.3;  // many samples lie beyond 2 pi
  std::vector<Theta> samples(4000);
  for (Theta& sample : samples) {
    const double angle = mean + width * random.normal();
    sample.fill(0.0);
    sample[kOmega] = angle - kTwoPi * std::floor(angle / kTwoPi);
  }
  Theta truth{};
  truth[kOmega] = 0.1;
  const Marginal m = marginal(truth, samples, kOmega);
  EXPECT_NEAR(std::remainder(m.origin - mean, kTwoPi), 0.0, 0.02);
  EXPECT_NEAR(m.truth, 0.1 + kTwoPi - mean, 0.02);
  for (const double s : m.samples) EXPECT_LT(std::fabs(s), 6.0 * width);
}

// truth ~ N(0, 1), datum = truth + N(0, 1) in each of 16 dimensions, in tenths about .5: the posterior is N(datum / 2,
// 1/2), made `width` times wider. omega is turned by half a circle, so that it wraps.
double tarp_p(double width) {
  return p_uniform([width](RandomStream& random) {
    const auto place = [](std::size_t p, double v) {
      const double share = 0.5 + 0.1 * v;
      return p == kOmega ? share + 0.5 - std::floor(share + 0.5) : share;
    };
    Theta truth, datum, reference;
    std::vector<Theta> samples(100);
    for (std::size_t p = 0; p < truth.size(); ++p) {
      const double t = random.normal();
      datum[p] = t + random.normal();
      truth[p] = place(p, t);
      reference[p] = random.uniform();
      for (Theta& sample : samples) sample[p] = place(p, 0.5 * datum[p] + width * std::sqrt(0.5) * random.normal());
    }
    return tarp_rank(truth, samples, reference, random);
  });
}

TEST(Tarp, AnExactPosteriorPassesAndAScaledOneFails) {
  EXPECT_GT(tarp_p(1.0), 1e-3);
  EXPECT_LT(tarp_p(0.8), 1e-6);
  EXPECT_LT(tarp_p(1.25), 1e-6);
}

}  // namespace
}  // namespace penumbra
