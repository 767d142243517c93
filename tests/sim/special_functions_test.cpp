#include "sim/special_functions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penumbra {
namespace {

TEST(NormalQuantile, PublishedValues) {
  // Wichura (1988), AS 241: the three values that its listing gives for checking.
  EXPECT_NEAR(normal_quantile(0.25), -0.6744897501960817, 1e-15);
  EXPECT_NEAR(normal_quantile(0.001), -3.090232306167814, 1e-14);
  EXPECT_NEAR(normal_quantile(1e-20), -9.262340089798408, 1e-13);
}

TEST(NormalQuantile, InvertsTheDistributionFunctionInTheLowerTail) {
  for (double z = -30.0; z <= 0.0; z += 0.37) EXPECT_NEAR(normal_quantile(normal_cdf(z)), z, 1e-12 * (1.0 - z));
  for (double z = 0.0; z <= 5.0; z += 0.37) EXPECT_NEAR(normal_quantile(normal_cdf(z)), z, 1e-9);
}

TEST(NormalQuantile, EndsAndOutside) {
  EXPECT_EQ(normal_quantile(0.0), -HUGE_VAL);
  EXPECT_EQ(normal_quantile(1.0), HUGE_VAL);
  EXPECT_TRUE(std::isnan(normal_quantile(-0.1)));
  EXPECT_TRUE(std::isnan(normal_quantile(1.1)));
  EXPECT_TRUE(std::isnan(normal_quantile(NAN)));
}

TEST(RegularizedBeta, ClosedForms) {
  for (double x = 0.01; x < 1.0; x += 0.07) {
    EXPECT_NEAR(regularized_beta(1.0, 1.0, x, 1.0 - x), x, 1e-14);
    EXPECT_NEAR(regularized_beta(2.0, 3.0, x, 1.0 - x), x * x * (6.0 - 8.0 * x + 3.0 * x * x), 1e-14);
    EXPECT_NEAR(regularized_beta(2.5, 1.0, x, 1.0 - x), std::pow(x, 2.5), 1e-14);
    EXPECT_NEAR(regularized_beta(0.5, 0.5, x, 1.0 - x), 2.0 / std::acos(-1.0) * std::asin(std::sqrt(x)), 1e-13);
    // Complements.
    EXPECT_NEAR(regularized_beta(2.5, 1.8, x, 1.0 - x) + regularized_beta(1.8, 2.5, 1.0 - x, x), 1.0, 1e-14);
  }
}

TEST(RegularizedBeta, TailsKeepTheirRelativeAccuracy) {
  // I_x(a, b) -> x^a / (a B(a, b)) for small x.
  const double a = 1.6, b = 4.0, x = 1e-12;
  const double leading = std::exp(a * std::log(x) + std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b)) / a;
  EXPECT_NEAR(regularized_beta(a, b, x, 1.0 - x) / leading, 1.0, 1e-10);
}

}  // namespace
}  // namespace penumbra
