#include "inference/gaussian_mixture.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/constants.h"
#include "tests/inference/fitted_density.h"

namespace penumbra {
namespace {

constexpr double kShare = 0.3;  // of the first of two normals in three dimensions, far apart and of unlike shape

Eigen::Vector3d sigma(bool first) { return first ? Eigen::Vector3d(0.1, 1.0, 3.0) : Eigen::Vector3d(2.0, 0.05, 1.0); }
Eigen::Vector3d centre(bool first) { return first ? Eigen::Vector3d(-2.0, 4.0, 0.0) : Eigen::Vector3d(3.0, -1.0, 1.0); }

double log_truth(const Eigen::Vector3d& x) {
  double sum = 0.0;
  for (const bool first : {true, false}) {
    const Eigen::Array3d s = sigma(first).array(), u = (x - centre(first)).array() / s;
    sum += (first ? kShare : 1.0 - kShare) * std::exp(-0.5 * u.square().sum()) / (s.prod() * std::pow(kTwoPi, 1.5));
  }
  return std::log(sum);
}

Eigen::MatrixXd truth_draws(int count, std::uint64_t draw) {
  RandomStream random(3, draw, Stage::kTest);
  Eigen::MatrixXd out(3, count);
  for (Eigen::Index i = 0; i < count; ++i) {
    const bool first = random.uniform() < kShare;
    for (Eigen::Index d = 0; d < 3; ++d) out(d, i) = centre(first)[d] + sigma(first)[d] * random.normal();
  }
  return out;
}

TEST(GaussianMixture, FindsTwoNormals) {
  RandomStream random(4, 0, Stage::kTest);
  const auto mixture = GaussianMixture::fit(truth_draws(4000, 0), truth_draws(4000, 1), 8, random);
  ASSERT_TRUE(mixture);
  EXPECT_GE(mixture->size(), 3u);
  const Eigen::MatrixXd x = truth_draws(4000, 2);
  double truth = 0.0;
  for (Eigen::Index i = 0; i < x.cols(); ++i) truth += log_truth(x.col(i)) / static_cast<double>(x.cols());
  // The three widths cost some .1, what the components share widens the thin one: .04. One component lacks 1.
  EXPECT_NEAR(mean_log_density(*mixture, x), truth - 0.145, 0.05);
  const auto one = GaussianMixture::fit(truth_draws(4000, 0), truth_draws(4000, 1), 1, random);
  EXPECT_LT(mean_log_density(*one, x), truth - 1.0);
}

TEST(GaussianMixture, DrawsFollowItsDensity) {
  RandomStream random(5, 0, Stage::kTest);
  const auto mixture = GaussianMixture::fit(truth_draws(2000, 3), truth_draws(2000, 4), 8, random);
  ASSERT_TRUE(mixture);
  expect_draws_near_truth(*mixture, log_truth, 1.5, random);
}

TEST(GaussianMixture, NeedsPointsThatSpanAllDimensions) {
  RandomStream random(6, 0, Stage::kTest);
  Eigen::MatrixXd flat = truth_draws(500, 5);
  EXPECT_FALSE(GaussianMixture::fit(flat.leftCols(3), flat, 4, random));
  flat.row(2).setConstant(7.0);
  EXPECT_FALSE(GaussianMixture::fit(flat, flat, 4, random));
}

}  // namespace
}  // namespace penumbra
