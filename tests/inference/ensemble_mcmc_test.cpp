#include "inference/ensemble_mcmc.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <stdexcept>

#include "inference/bridge_sampling.h"
#include "inference/likelihood.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr std::size_t kD = kParameterCount;

// A first-order autoregressive process of each walker, whose autocorrelation time is (1 + rho) / (1 - rho).
std::vector<double> autoregressive(double rho, int generations, int walkers, double offset = 0.0) {
  RandomStream random(5, static_cast<std::uint64_t>(generations), Stage::kTest);
  std::vector<double> state, out;
  for (int w = 0; w < walkers; ++w) state.push_back(random.normal());
  for (int g = 0; g < generations; ++g) {
    for (int w = 0; w < walkers; ++w) {
      double& x = state[static_cast<std::size_t>(w)];
      x = rho * x + std::sqrt(1.0 - rho * rho) * random.normal();
      out.push_back(x + (w == 0 ? offset : 0.0));
    }
  }
  return out;
}

TEST(AutocorrelationTime, OfAutoregressiveProcesses) {
  for (const double rho : {0.0, 0.5, 0.9}) {
    const double expected = (1.0 + rho) / (1.0 - rho);
    EXPECT_NEAR(autocorrelation_time(autoregressive(rho, 1000, 200), 200), expected, 0.1 * expected) << rho;
  }
  // A chain that is thinned before it is summed.
  EXPECT_NEAR(autocorrelation_time(autoregressive(0.99, 10000, 100), 100), 199.0, 0.08 * 199.0);
}

TEST(Thinned, MeetsEveryWalkerAlike) {
  // 640 draws of 64 walkers, every 10th: along the generations that would be walkers 0, 10, 20, ..
  EnsembleChain chain;
  chain.walkers = 64;
  chain.draws.resize(64 * 100);
  RandomStream random(1, 2, Stage::kTest);
  const std::vector<std::size_t> chosen = thinned(chain, 640, random);
  ASSERT_EQ(chosen.size(), 640u);
  std::array<std::vector<std::size_t>, 64> generations;
  for (const std::size_t s : chosen) generations[s % 64].push_back(s / 64);
  for (std::vector<std::size_t>& of_walker : generations) {
    ASSERT_EQ(of_walker.size(), 10u);
    std::sort(of_walker.begin(), of_walker.end());
    for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(of_walker[i], of_walker[0] + 10 * i);
  }
  EXPECT_EQ(thinned(chain, 1'000'000, random).size(), chain.draws.size());
}

TEST(SplitRHat, SeesChainsThatDisagreeAndChainsThatDrift) {
  EXPECT_NEAR(split_r_hat(autoregressive(0.0, 1000, 20), 20), 1.0, 0.003);
  EXPECT_GT(split_r_hat(autoregressive(0.0, 1000, 4, 1.0), 4), 1.1);
  std::vector<double> drift = autoregressive(0.0, 1000, 4);
  for (std::size_t i = 0; i < drift.size(); ++i)
    drift[i] += 2.0 * static_cast<double>(i) / static_cast<double>(drift.size());
  EXPECT_GT(split_r_hat(drift, 4), 1.1);
  EXPECT_THROW(split_r_hat(std::vector<double>(12, 0.0), 4), std::invalid_argument);
}

// The second coordinates are sinh z, or 3 z, in which what is Gaussian in z remains so.
BatchDensity problem_of(double (*log_likelihood)(const Latent&), bool linear = false) {
  return [=](std::size_t system, std::span<EnsemblePoint> points) {
    for (EnsemblePoint& point : points) {
      double log_jacobian = 0.0;
      for (std::size_t d = 0; d < kD; ++d) {
        double &z = point.at[0][d], &other = point.at[1][d];
        if (system == 0) other = linear ? 3.0 * z : std::sinh(z);
        if (system == 1) z = linear ? other / 3.0 : std::asinh(other);
        log_jacobian += std::log(linear ? 3.0 : std::cosh(z));
      }
      const double log_prior = log_unit_normal(point.at[0]);
      point.log_start = {log_prior, log_prior - log_jacobian};
      point.log_rest = log_likelihood(point.at[0]);
    }
  };
}

// A unit normal prior in z times a Gaussian likelihood: pairs of coordinates (2k, 2k + 1) are observed through their
// sum and difference, the sum a hundred times as well.
struct GaussianProblem {
  static constexpr double kSum = 1.0, kSumSigma = 0.01, kDifferenceSigma = 1.0;
  static double log_likelihood(const Latent& z) {
    double out = 0.0;
    for (std::size_t d = 0; d < kD; d += 2) {
      const double sum = (z[d] + z[d + 1] - kSum) / kSumSigma, difference = (z[d] - z[d + 1]) / kDifferenceSigma;
      out -= 0.5 * (sum * sum + difference * difference);
    }
    return out;
  }
  // Posterior of u = sum: prior N(0, 2); of v = difference: the same. Var = 1 / (1 / 2 + 1 / sigma^2).
  static double variance(double sigma) { return 1.0 / (0.5 + 1.0 / (sigma * sigma)); }
  // ln of the mean of exp(-(x - m)^2 / 2 sigma^2) over N(0, 2), for sums and differences.
  static double log_evidence() {
    const auto one = [](double mean, double sigma) {
      const double total = 2.0 + sigma * sigma;
      return 0.5 * std::log(sigma * sigma / total) - 0.5 * mean * mean / total;
    };
    return 0.5 * double{kD} * (one(kSum, kSumSigma) + one(0.0, kDifferenceSigma));
  }
};

// Complete points whose coordinates 0 are draws of N(0, I), from which every problem here starts.
std::vector<EnsemblePoint> prior_draws(const BatchDensity& density, const EnsembleOptions& options) {
  RandomStream random(6, 0, Stage::kTest);
  std::vector<EnsemblePoint> points(static_cast<std::size_t>(options.populations * options.walkers));
  for (EnsemblePoint& point : points)
    for (double& value : point.at[0]) value = random.normal();
  density(0, points);
  return points;
}

EnsembleChain run(const BatchDensity& density, const EnsembleOptions& options, std::uint64_t draw) {
  RandomStream random(7, draw, Stage::kTest);
  return sample_ensemble({{density, prior_draws(density, options)}}, options, random);
}

// The prior is a hundred times as wide as the answer in half of the directions.
TEST(SampleEnsemble, ReturnsMeanCovarianceAndEvidenceOfAGaussian) {
  const EnsembleOptions options;
  const EnsembleChain chain = run(problem_of(GaussianProblem::log_likelihood, true), options, 0);
  ASSERT_TRUE(chain.converged) << chain.r_hat << " " << chain.effective_size << " " << chain.autocorrelation_time;
  EXPECT_LE(chain.r_hat, 1.05);
  EXPECT_GE(chain.effective_size, 1000.0);
  EXPECT_LE(chain.evaluations, options.budget);
  EXPECT_GT(chain.acceptance, 0.1);
  EXPECT_LT(chain.acceptance, 0.75);  // of independent draws, half of the proposals, all; of steps half
  const double count = static_cast<double>(chain.draws.size()), error = 1.0 / std::sqrt(chain.effective_size);
  for (std::size_t d = 0; d < kD; d += 2) {
    double sum = 0.0, sum_squares = 0.0, difference = 0.0, difference_squares = 0.0, product = 0.0;
    for (const EnsemblePoint& point : chain.draws) {
      const Latent& z = point.at[0];
      const double u = z[d] + z[d + 1] - GaussianProblem::kSum, v = z[d] - z[d + 1];
      sum += u / count;
      sum_squares += u * u / count;
      difference += v / count;
      difference_squares += v * v / count;
      product += u * v / count;
    }
    const double var_u = GaussianProblem::variance(GaussianProblem::kSumSigma);
    const double var_v = GaussianProblem::variance(GaussianProblem::kDifferenceSigma);
    const double mean_u = (var_u / std::pow(GaussianProblem::kSumSigma, 2) - 1.0) * GaussianProblem::kSum;  // -5e-5
    EXPECT_NEAR(sum, mean_u, 4.5 * error * std::sqrt(var_u));
    EXPECT_NEAR(difference, 0.0, 4.5 * error * std::sqrt(var_v));
    EXPECT_NEAR(sum_squares / var_u, 1.0, 4.5 * std::sqrt(2.0) * error);
    EXPECT_NEAR(difference_squares / var_v, 1.0, 4.5 * std::sqrt(2.0) * error);
    EXPECT_NEAR(product / std::sqrt(var_u * var_v), 0.0, 4.5 * error);
  }
  // Each draw comes with its density.
  for (std::size_t s = 0; s < chain.draws.size(); s += 97)
    EXPECT_EQ(GaussianProblem::log_likelihood(chain.draws[s].at[0]), chain.draws[s].log_rest);

  RandomStream random(9, 0, Stage::kTest);
  const LogEvidence evidence =
      bridge_evidence(problem_of(GaussianProblem::log_likelihood, true), chain, {}, 2000, random);
  EXPECT_LT(evidence.error, 0.05);
  EXPECT_NEAR(evidence.value, GaussianProblem::log_evidence(), 4.5 * evidence.error);
}

// Two modes with nine tenths and one tenth of the probability.
TEST(SampleEnsemble, WeighsModesAgainstEachOther) {
  const BatchDensity density = problem_of([](const Latent& z) {
    const double a = (z[0] - 1.0) / 0.1, b = (z[0] + 1.0) / 0.1;
    return std::log(0.9 * std::exp(-0.5 * a * a) + 0.1 * std::exp(-0.5 * b * b) + 1e-300);
  });
  EnsembleOptions options;
  options.budget = 120'000;
  options.effective_size = INFINITY;
  const EnsembleChain chain = run(density, options, 1);
  double right = 0.0;
  for (const EnsemblePoint& point : chain.draws) right += point.at[0][0] > 0.0 ? 1.0 : 0.0;
  EXPECT_NEAR(right / static_cast<double>(chain.draws.size()), 0.9, 4.5 * std::sqrt(0.09 / chain.effective_size));
  EXPECT_FALSE(chain.converged);
  EXPECT_LT(chain.evaluations, options.budget + 100);
}

// Modes that only a change of sign connects, far apart for steps, and coordinates that nobody reads.
TEST(SampleEnsemble, MirrorsCoordinatesAndDrawsUnreadOnes) {
  EnsembleOptions options;
  options.budget = 200'000;
  options.mirrored = {3};
  options.unread = {5, 9};
  const BatchDensity density = problem_of(
      [](const Latent& z) {
        const double deviation = (std::abs(z[3]) - 2.0) / 0.01;
        return -0.5 * deviation * deviation;
      },
      true);
  // The same numbers in both systems, where nobody reads them.
  const BatchDensity with_unread = [&](std::size_t system, std::span<EnsemblePoint> points) {
    std::vector<std::array<double, 2>> unread;
    for (EnsemblePoint& point : points) {
      unread.push_back({point.at[system][5], point.at[system][9]});
      point.at[system][5] = point.at[system][9] = 0.0;
    }
    density(system, points);
    for (std::size_t s = 0; s < points.size(); ++s) {
      for (Latent& at : points[s].at) {
        at[5] = unread[s][0];
        at[9] = unread[s][1];
      }
      for (double& log_start : points[s].log_start)
        log_start -= 0.5 * (unread[s][0] * unread[s][0] + unread[s][1] * unread[s][1]);
    }
  };
  const EnsembleChain chain = run(with_unread, options, 2);
  EXPECT_GT(chain.effective_size, 200.0);
  double up = 0.0, square = 0.0;
  const double count = static_cast<double>(chain.draws.size());
  for (const EnsemblePoint& point : chain.draws) {
    up += point.at[0][3] > 0.0 ? 1.0 / count : 0.0;
    square += point.at[0][5] * point.at[0][5] / count;
    ASSERT_EQ(point.at[0][5], point.at[1][5]);
  }
  const double error = 1.0 / std::sqrt(chain.effective_size);
  EXPECT_NEAR(up, 0.5, 4.5 * 0.5 * error);
  EXPECT_NEAR(square, 1.0, 4.5 * std::sqrt(2.0) * error);
}

// Nothing is known: the answer is the prior, and the same seed gives the same chain.
TEST(SampleEnsemble, WithoutLikelihoodReturnsThePriorAndRepeats) {
  const BatchDensity density = problem_of([](const Latent&) { return 0.0; });
  EnsembleOptions options;
  options.effective_size = 500.0;
  const EnsembleChain chain = run(density, options, 3);
  ASSERT_TRUE(chain.converged);
  EXPECT_EQ(chain.temperatures, 1);
  const double error = 1.0 / std::sqrt(chain.effective_size), count = static_cast<double>(chain.draws.size());
  for (std::size_t d = 0; d < kD; ++d) {
    double mean = 0.0, square = 0.0;
    for (const EnsemblePoint& point : chain.draws) {
      const Latent& z = point.at[0];
      mean += z[d] / count;
      square += z[d] * z[d] / count;
    }
    EXPECT_NEAR(mean, 0.0, 4.5 * error);
    EXPECT_NEAR(square, 1.0, 4.5 * std::sqrt(2.0) * error);
  }
  const EnsembleChain again = run(density, options, 3);
  ASSERT_EQ(again.draws.size(), chain.draws.size());
  EXPECT_EQ(again.draws.back().at, chain.draws.back().at);
}

// A broad mode that holds a tenth of the probability, and one far away that is four times narrower in each of 16
// directions: draws of the prior do not see it until the likelihood's power has left them in the other.
constexpr double kNarrow = 0.05, kNarrowAt = 1.5, kBroad = 0.2;
double log_two_widths(const Latent& z) {
  double broad = std::log(0.1), narrow = std::log(0.9);
  for (const double value : z) {
    const double at_narrow = (value - kNarrowAt) / kNarrow, at_broad = value / kBroad;
    broad -= 0.5 * (at_broad * at_broad - value * value) + std::log(kBroad);
    narrow -= 0.5 * (at_narrow * at_narrow - value * value) + std::log(kNarrow);
  }
  return std::max(broad, narrow) + std::log1p(std::exp(-std::abs(broad - narrow)));
}

// The same posterior from an equal mixture of N(centre, width^2) in each coordinate of the first system; the points of
// a centre follow those of another.
EnsembleStart start_near(const BatchDensity& density, std::vector<double> centres, double width, std::size_t count,
                         RandomStream& random) {
  EnsembleStart out;
  out.density = [=](std::size_t system, std::span<EnsemblePoint> points) {
    density(system, points);
    for (EnsemblePoint& point : points) {
      double start = -INFINITY;
      for (const double centre : centres) {
        double one = -std::log(static_cast<double>(centres.size()));
        for (const double value : point.at[0])
          one -= 0.5 * std::pow((value - centre) / width, 2) + std::log(width * std::sqrt(kTwoPi));
        start = std::max(start, one) + std::log1p(std::exp(-std::abs(start - one)));
      }
      const double shift = start - point.log_start[0];
      for (double& log_start : point.log_start) log_start += shift;
      point.log_rest -= shift;
    }
  };
  out.points.resize(count);
  for (std::size_t s = 0; s < count; ++s)
    for (double& value : out.points[s].at[0]) value = centres[s * centres.size() / count] + width * random.normal();
  out.density(0, out.points);
  return out;
}

TEST(SampleEnsemble, FindsWithASecondStartAModeThatThePriorsWalkersMiss) {
  const BatchDensity density = problem_of(log_two_widths, true);
  EnsembleOptions options;
  RandomStream random(10, 0, Stage::kTest);
  const auto narrow_share = [](const EnsembleChain& chain) {
    double share = 0.0;
    for (const EnsemblePoint& point : chain.draws) {
      double mean = 0.0;
      for (const double value : point.at[0]) mean += value / kD;
      share += std::abs(mean - kNarrowAt) < 10.0 * kNarrow ? 1.0 : 0.0;
    }
    return share / static_cast<double>(chain.draws.size());
  };
  std::vector<EnsembleStart> starts{{density, prior_draws(density, options)}};
  const EnsembleChain prior_alone = sample_ensemble(starts, options, random);
  EXPECT_EQ(narrow_share(prior_alone), 0.0);  // or this test asks nothing

  // More points than walkers, of a density twice as wide as the mode.
  starts.push_back(start_near(density, {kNarrowAt}, 2.0 * kNarrow, 2000, random));
  const EnsembleChain chain = sample_ensemble(starts, options, random);
  ASSERT_TRUE(chain.converged) << chain.r_hat << " " << chain.effective_size;
  EXPECT_NEAR(narrow_share(chain), 0.9, 4.5 * std::sqrt(0.09 / chain.effective_size));
  const LogEvidence evidence = bridge_evidence(density, chain, {}, 2000, random);
  EXPECT_NEAR(evidence.value, 0.0, 4.5 * std::max(evidence.error, 0.02));
}

// Modes of width .1 at 1 and at -1 in each coordinate.
template <int kBelow>  // of ln of the second one's density
double log_two_places(const Latent& z) {
  double right = 0.0, wrong = -kBelow;
  for (const double value : z) {
    right -= 0.5 * std::pow((value - 1.0) / 0.1, 2);
    wrong -= 0.5 * std::pow((value + 1.0) / 0.1, 2);
  }
  return std::max(right, wrong);
}

// A start that only knows a mode of next to no probability does no harm.
TEST(SampleEnsemble, LeavesAModeThatHoldsNothing) {
  const BatchDensity density = problem_of(log_two_places<40>, true);
  EnsembleOptions options;
  RandomStream random(11, 0, Stage::kTest);
  const EnsembleChain chain = sample_ensemble(
      {{density, prior_draws(density, options)}, start_near(density, {-1.0}, 0.2, 256, random)}, options, random);
  ASSERT_TRUE(chain.converged) << chain.r_hat << " " << chain.effective_size;
  for (const EnsemblePoint& point : chain.draws) ASSERT_GT(point.at[0][0], 0.0);
}

// Two populations in either mode: that they differ by 2000 in ln of the density does not slow the power's rise.
TEST(SampleEnsemble, RaisesThePowerByWhatEachPopulationBears) {
  const BatchDensity density = problem_of(log_two_places<2000>, true);
  EnsembleOptions options;
  RandomStream random(12, 0, Stage::kTest);
  const EnsembleChain chain = sample_ensemble({start_near(density, {1.0, -1.0}, 0.2, 512, random)}, options, random);
  ASSERT_TRUE(chain.converged) << chain.r_hat << " " << chain.effective_size;
  EXPECT_LT(chain.temperatures, 30);
  for (const EnsemblePoint& point : chain.draws) ASSERT_GT(point.at[0][0], 0.0);
}

TEST(SampleEnsemble, KeepsToTheBudgetAndRefusesBadStarts) {
  EnsembleOptions options;
  options.budget = 1;
  const BatchDensity density = problem_of(GaussianProblem::log_likelihood);
  const EnsembleChain chain = run(density, options, 4);
  RandomStream random(8, 0, Stage::kTest);
  EXPECT_LE(chain.evaluations, 2 * options.populations * options.walkers);
  EXPECT_FALSE(chain.converged);
  EXPECT_EQ(chain.draws.size(), 512u);
  EXPECT_EQ(chain.r_hat, INFINITY);
  EXPECT_TRUE(std::isnan(bridge_evidence(density, chain, {}, 10, random).value));

  std::vector<EnsemblePoint> start = prior_draws(density, options);
  const std::vector<EnsemblePoint> few(start.begin(), start.end() - 1);
  EXPECT_THROW(sample_ensemble({{density, few}}, options, random), std::invalid_argument);
  EnsembleOptions odd;
  odd.walkers = 127;
  EXPECT_THROW(sample_ensemble({{density, prior_draws(density, odd)}}, odd, random), std::invalid_argument);
  EnsembleOptions uneven;
  uneven.chains = 63;
  EXPECT_THROW(sample_ensemble({{density, start}}, uneven, random), std::invalid_argument);
  EXPECT_THROW(sample_ensemble({}, options, random), std::invalid_argument);
  const EnsembleStart whole{density, start};
  EXPECT_THROW(sample_ensemble({whole, whole, whole}, options, random), std::invalid_argument);
  start[17].log_rest = -INFINITY;
  EXPECT_THROW(sample_ensemble({{density, start}}, options, random), std::invalid_argument);
}

}  // namespace
}  // namespace penumbra
