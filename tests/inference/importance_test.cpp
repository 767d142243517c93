#include "inference/importance.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// Draws of a generalised Pareto distribution, ascending.
std::vector<double> pareto_draws(GeneralizedPareto law, int count, std::uint64_t draw) {
  RandomStream random(1, draw, Stage::kTest);
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(law.quantile(random.uniform()));
  std::sort(values.begin(), values.end());
  return values;
}

// Zhang and Stephens (2009) find the estimate nearly unbiased, with a standard deviation of about (1 + k) / sqrt(n).
TEST(GeneralizedParetoFit, FindsKnownShapes) {
  constexpr int kCount = 1000, kRepeats = 20;
  for (const double k : {-0.3, 0.0, 0.3, 0.7, 1.5}) {
    double shape = 0.0, scale = 0.0;
    for (std::uint64_t r = 0; r < kRepeats; ++r) {
      const GeneralizedPareto fit = fit_generalized_pareto(pareto_draws({k, 2.5}, kCount, r));
      shape += fit.k / kRepeats;
      scale += fit.sigma / kRepeats;
    }
    const double error = (1.0 + std::abs(k)) / std::sqrt(double{kCount} * kRepeats);
    EXPECT_NEAR(shape, k + (0.5 - k) * 10.0 / 1010.0, 4.0 * error) << k;  // with the prior's ten observations
    EXPECT_NEAR(scale / 2.5, 1.0, 6.0 * error) << k;
  }
}

TEST(GeneralizedParetoFit, RefusesWhatHasNoFit) {
  EXPECT_EQ(fit_generalized_pareto(std::vector<double>{1.0, 2.0, 3.0, 4.0}).k, INFINITY);
  EXPECT_EQ(fit_generalized_pareto(std::vector<double>{0.0, 0.0, 0.0, 0.0, 1.0}).k, INFINITY);
  EXPECT_TRUE(std::isfinite(fit_generalized_pareto(std::vector<double>{1.0, 2.0, 3.0, 4.0, 5.0}).k));
}

// ln(target / proposal) of S draws x [D] ~ N(0, width^2) for the target `evidence` times N(mean, I).
struct GaussianCase {
  static constexpr int kDimensions = 6;
  std::vector<std::vector<double>> x;
  std::vector<double> log_ratio;
  GaussianCase(double width, double mean, double log_evidence, int count, std::uint64_t draw = 0) {
    RandomStream random(2, draw, Stage::kTest);
    for (int s = 0; s < count; ++s) {
      std::vector<double> point;
      double ratio = log_evidence;
      for (int d = 0; d < kDimensions; ++d) {
        const double n = random.normal();
        point.push_back(width * n);
        ratio += 0.5 * n * n + std::log(width) - 0.5 * std::pow(width * n - mean, 2);
      }
      x.push_back(point);
      log_ratio.push_back(ratio);
    }
  }
};

TEST(ImportanceWeights, ReturnMeanVarianceAndEvidenceOfAGaussian) {
  const GaussianCase c(1.4, 0.5, -123.0, 20000);
  const ImportanceWeights weights = importance_weights(c.log_ratio, 20000);
  EXPECT_LT(weights.pareto_k, 0.5);
  EXPECT_NEAR(std::accumulate(weights.weight.begin(), weights.weight.end(), 0.0), 1.0, 1e-12);
  EXPECT_NEAR(weights.log_evidence, -123.0, 4.0 * weights.log_evidence_error);
  EXPECT_LT(weights.log_evidence_error, 0.02);
  const double error = 1.0 / std::sqrt(weights.effective_size);
  for (std::size_t d = 0; d < GaussianCase::kDimensions; ++d) {
    double mean = 0.0, square = 0.0;
    for (std::size_t s = 0; s < c.x.size(); ++s) {
      mean += weights.weight[s] * c.x[s][d];
      square += weights.weight[s] * c.x[s][d] * c.x[s][d];
    }
    EXPECT_NEAR(mean, 0.5, 4.5 * error);
    EXPECT_NEAR(square - mean * mean, 1.0, 4.5 * std::sqrt(2.0) * error);
  }
}

// The stated error of the evidence is the scatter over repeats, and k-hat is calm throughout.
TEST(ImportanceWeights, ErrorOfTheEvidenceIsItsScatter) {
  double square = 0.0;
  constexpr int kRepeats = 200;
  for (std::uint64_t r = 0; r < kRepeats; ++r) {
    const GaussianCase c(1.3, 0.2, 7.0, 1000, r + 1);
    const ImportanceWeights weights = importance_weights(c.log_ratio, 1000);
    EXPECT_LT(weights.pareto_k, kLargestParetoK);
    square += std::pow((weights.log_evidence - 7.0) / weights.log_evidence_error, 2) / kRepeats;
  }
  EXPECT_NEAR(square, 1.0, 4.0 * std::sqrt(2.0 / kRepeats));
}

// A proposal that is too narrow: the weights' tail has the shape 1 - width^2.
TEST(ImportanceWeights, KHatSeesAProposalThatIsTooNarrow) {
  for (std::uint64_t r = 0; r < 20; ++r) {
    const GaussianCase c(0.4, 0.0, 0.0, 4000, r + 1);
    EXPECT_GT(importance_weights(c.log_ratio, 4000).pareto_k, kLargestParetoK) << r;
  }
}

TEST(ImportanceWeights, SamplesWithoutWeightCount) {
  const std::vector<double> equal(100, 3.0);
  const ImportanceWeights all = importance_weights(equal, 100), half = importance_weights(equal, 200);
  EXPECT_EQ(all.pareto_k, -INFINITY);
  EXPECT_DOUBLE_EQ(all.efficiency, 1.0);
  EXPECT_DOUBLE_EQ(all.log_evidence, 3.0);
  EXPECT_EQ(all.log_evidence_error, 0.0);
  EXPECT_DOUBLE_EQ(half.efficiency, 0.5);
  EXPECT_DOUBLE_EQ(half.log_evidence, 3.0 - std::log(2.0));
  EXPECT_NEAR(half.log_evidence_error, std::sqrt(0.5 / 100), 1e-12);  // binomial

  const std::vector<double> none(10, -INFINITY);
  const ImportanceWeights zero = importance_weights(none, 10);
  EXPECT_EQ(zero.pareto_k, INFINITY);
  EXPECT_EQ(zero.effective_size, 0.0);
  EXPECT_EQ(zero.log_evidence, -INFINITY);

  // One that outweighs all others by more than a double holds.
  std::vector<double> one(1000, -2000.0);
  one[3] = 0.0;
  const ImportanceWeights single = importance_weights(one, 1000);
  EXPECT_EQ(single.pareto_k, INFINITY);
  EXPECT_DOUBLE_EQ(single.effective_size, 1.0);

  // A tail that no law fits: 60 powers of e from a weight to the next, up to as many as a double holds.
  std::vector<double> steep(1000, -700.0);
  for (std::size_t s = 0; s < 12; ++s) steep[s] = -60.0 * static_cast<double>(s);
  const ImportanceWeights wild = importance_weights(steep, 1000);
  EXPECT_GT(wild.pareto_k, 10.0);
  EXPECT_DOUBLE_EQ(wild.effective_size, 1.0);
  EXPECT_NEAR(wild.log_evidence, -std::log(1000.0), 1e-12);

  EXPECT_THROW(importance_weights(std::vector<double>{NAN}, 1), std::invalid_argument);
  EXPECT_THROW(importance_weights(std::vector<double>{INFINITY}, 1), std::invalid_argument);
  EXPECT_THROW(importance_weights(equal, 99), std::invalid_argument);
}

// The independent implementation: ArviZ's.
TEST(ImportanceWeights, AgreeWithArviz) {
  const fs::path folder = fs::temp_directory_path() / ("penumbra_psis_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream table(folder / "cases.txt");
  table.precision(17);
  for (const double width : {0.6, 0.9, 1.3}) {
    const GaussianCase c(width, 0.1, 50.0, 2000);
    const ImportanceWeights weights = importance_weights(c.log_ratio, 2000);
    table << weights.pareto_k;
    for (const double value : c.log_ratio) table << ' ' << value;
    for (const double value : weights.weight) table << ' ' << std::log(value);
    table << '\n';
  }
  table.close();
  std::ofstream(folder / "check.py") << R"(
import sys, warnings
warnings.simplefilter("ignore")
try:
    import arviz, numpy as np
except ImportError:
    sys.exit(77)
for row in np.loadtxt(sys.argv[1]):
    k, ratio, weight = row[0], row[1:2001], row[2001:]
    expected, expected_k = arviz.psislw(ratio)
    assert abs(k - expected_k) < 1e-6, (k, expected_k)
    assert np.abs(weight - expected).max() < 1e-6, np.abs(weight - expected).max()
)";
  const int status = std::system(
      (std::string(PENUMBRA_PYTHON) + " " + (folder / "check.py").string() + " " + (folder / "cases.txt").string())
          .c_str());
  fs::remove_all(folder);
  if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 127)
    GTEST_SKIP() << PENUMBRA_PYTHON << " has no arviz: run tools/setup.sh";
  EXPECT_EQ(status, 0);
}

TEST(Resample, TakesEachSampleInProportion) {
  RandomStream random(3, 0, Stage::kTest);
  const std::vector<double> weight{0.1, 0.0, 0.65, 0.25};
  const std::vector<std::size_t> chosen = resample(weight, 1000, random);
  ASSERT_EQ(chosen.size(), 1000u);
  for (std::size_t s = 0; s < weight.size(); ++s)  // systematic: within one of the expected number
    EXPECT_NEAR(static_cast<double>(std::ranges::count(chosen, s)), 1000.0 * weight[s], 1.0);
  EXPECT_FALSE(std::ranges::is_sorted(chosen));
  EXPECT_EQ(resample(std::vector<double>{0.0, 2.0, 0.0}, 3, random), (std::vector<std::size_t>{1, 1, 1}));
  EXPECT_THROW(resample(std::vector<double>{0.0, 0.0}, 3, random), std::invalid_argument);
}

}  // namespace
}  // namespace penumbra
