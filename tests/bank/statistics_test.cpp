#include "bank/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace penumbra {
namespace {

TEST(Statistics, QuantilesAreLinearBetweenTheSortedValues) {
  // numpy.quantile([3, 1, 4, 1, 5], [0, .25, .5, .75, 1]) and, of the same, [0, 1/3, 2/3, 1].
  EXPECT_EQ(quantiles({3, 1, 4, 1, 5}, 5), (std::vector<double>{1, 1, 3, 4, 5}));
  const std::vector<double> thirds = quantiles({3, 1, 4, 1, 5}, 4);
  EXPECT_NEAR(thirds[1], 5.0 / 3.0, 1e-12);
  EXPECT_NEAR(thirds[2], 11.0 / 3.0, 1e-12);
  EXPECT_EQ(quantiles({2}, 3), (std::vector<double>{2, 2, 2}));
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

TEST(Statistics, RobustDeviationOfAGaussianWithOutliers) {
  RandomStream random(1, 0, Stage::kTest);
  std::vector<double> values(20000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 50 == 0 ? 1e6 : 3.0 + 0.2 * random.normal();
  EXPECT_NEAR(robust_deviation(values), 0.2, 0.2 * (0.03 + 4.0 * 1.17 / std::sqrt(40000.0)));  // 2% of outliers: +3%
}

// Against a search on a fine grid of the same loss, with a quarter of wild points; and the plain least squares, which
// those points pull.
TEST(Statistics, RobustFitIsTheMinimumOfItsLoss) {
  RandomStream random(2, 0, Stage::kTest);
  std::vector<double> x, y;
  for (int i = 0; i < 60; ++i) {
    x.push_back(random.uniform());
    y.push_back(0.4 - 0.7 * x.back() + 0.05 * random.normal() + (i % 4 == 0 ? 2.0 : 0.0));
  }
  const auto residuals = [&](const std::vector<double>& p) {
    std::vector<double> r;
    for (std::size_t i = 0; i < x.size(); ++i) r.push_back(p[0] + p[1] * x[i] - y[i]);
    return r;
  };
  const auto loss = [&](const std::vector<double>& p) {
    double sum = 0.0;
    for (const double r : residuals(p)) sum += 2.0 * (std::sqrt(1.0 + 100.0 * r * r) - 1.0);
    return sum;
  };
  const std::vector<double> found = fit_robustly(residuals, {0.0, 0.0});
  for (int a = -20; a <= 100; ++a) {
    for (int b = -130; b <= 30; ++b) EXPECT_GE(loss({0.01 * a, 0.01 * b}), loss(found) - 1e-9);
  }
  EXPECT_NEAR(found[0], 0.4, 0.1);
  EXPECT_NEAR(found[1], -0.7, 0.15);
}

TEST(Statistics, RobustFitStaysWithinItsBounds) {
  const auto residuals = [](const std::vector<double>& p) { return std::vector<double>{p[0] - 9.0, p[0] - 8.0}; };
  EXPECT_NEAR(fit_robustly(residuals, {0.0})[0], 5.0, 1e-9);
}

}  // namespace
}  // namespace penumbra
