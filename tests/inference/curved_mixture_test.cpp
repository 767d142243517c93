#include "inference/curved_mixture.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/constants.h"
#include "tests/inference/fitted_density.h"

namespace penumbra {
namespace {

// A sheet in four dimensions, thin across and curved by its first coordinate's square and cube and by a product of the
// first two.
constexpr double kThin = 0.02;
Eigen::Vector4d bend(const Eigen::Vector4d& u) {
  return {3.0 * u[0] + 1.0, 2.0 * u[1], kThin * u[2] + u[0] * u[0] - 0.3 * u[0] * u[1],
          kThin * u[3] + 0.2 * u[0] * u[0] * u[0]};
}
double log_truth(const Eigen::Vector4d& x) {
  const double u0 = (x[0] - 1.0) / 3.0, u1 = x[1] / 2.0;
  const double u2 = (x[2] - u0 * u0 + 0.3 * u0 * u1) / kThin, u3 = (x[3] - 0.2 * u0 * u0 * u0) / kThin;
  return -0.5 * (u0 * u0 + u1 * u1 + u2 * u2 + u3 * u3) - 2.0 * std::log(kTwoPi) - std::log(6.0 * kThin * kThin);
}

Eigen::MatrixXd truth_draws(int count, std::uint64_t draw) {
  RandomStream random(11, draw, Stage::kTest);
  Eigen::MatrixXd out(4, count);
  for (Eigen::Index i = 0; i < count; ++i) {
    Eigen::Vector4d u;
    for (double& value : u) value = random.normal();
    out.col(i) = bend(u);
  }
  return out;
}

class CurvedMixtureTest : public testing::Test {
 protected:
  RandomStream random{12, 0, Stage::kTest};
  std::optional<CurvedMixture> mixture = CurvedMixture::fit(truth_draws(4000, 0), truth_draws(4000, 1), 8, random);
};

TEST_F(CurvedMixtureTest, FollowsACurvedSheet) {
  ASSERT_TRUE(mixture);
  const Eigen::MatrixXd x = truth_draws(4000, 2);
  double truth = 0.0;
  for (Eigen::Index i = 0; i < x.cols(); ++i) truth += log_truth(x.col(i)) / static_cast<double>(x.cols());
  // Three widths instead of one cost .1 nats in four dimensions; the rest, that the principal axes mix what is curved
  // with what it is a polynomial of. Normals alone, as many as they like, come nowhere near.
  EXPECT_GT(mean_log_density(*mixture, x), truth - 0.6);
  const auto normals = GaussianMixture::fit(truth_draws(4000, 0), truth_draws(4000, 1), 8, random);
  EXPECT_LT(mean_log_density(*normals, x), truth - 1.0);
}

TEST_F(CurvedMixtureTest, ItsMapGoesBothWaysAndKeepsVolumes) {
  ASSERT_TRUE(mixture);
  const Eigen::MatrixXd draws = truth_draws(50, 3);
  double determinant = 0.0;
  for (Eigen::Index i = 0; i < draws.cols(); ++i) {
    Eigen::Vector4d x = draws.col(i);
    if (i % 2 == 1) x *= 5.0;  // also far beyond the points
    const Eigen::VectorXd y = mixture->straight(x);
    EXPECT_LT((mixture->curved(y) - x).norm(), 1e-10 * (1.0 + x.norm()));
    constexpr double kStep = 1e-5;
    Eigen::Matrix4d jacobian;
    for (Eigen::Index d = 0; d < 4; ++d) {
      const Eigen::Vector4d step = kStep * Eigen::Vector4d::Unit(d);
      jacobian.col(d) = (mixture->straight(x + step) - mixture->straight(x - step)) / (2.0 * kStep);
    }
    if (i == 0) determinant = std::abs(jacobian.determinant());
    EXPECT_NEAR(std::abs(jacobian.determinant()) / determinant, 1.0, 1e-4) << i;
  }
}

TEST_F(CurvedMixtureTest, DrawsFollowItsDensity) {
  ASSERT_TRUE(mixture);
  expect_draws_near_truth(*mixture, log_truth, 2.0, random);
}

TEST_F(CurvedMixtureTest, NeedsPointsThatSpanAllDimensions) {
  Eigen::MatrixXd flat = truth_draws(500, 5);
  EXPECT_FALSE(CurvedMixture::fit(flat.leftCols(4), flat, 4, random));
  flat.row(2).setConstant(7.0);
  EXPECT_FALSE(CurvedMixture::fit(flat, flat, 4, random));
}

}  // namespace
}  // namespace penumbra
