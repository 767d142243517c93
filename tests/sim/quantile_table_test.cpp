#include "sim/quantile_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "sim/special_functions.h"

namespace penumbra {
namespace {

// Exponential distribution in y = ln x: x = -ln(1 - Phi(z)).
TailProbabilities exponential(double y) {
  const double x = std::exp(y);
  return {-std::expm1(-x), std::exp(-x), x * std::exp(-x)};
}

TEST(QuantileTable, FollowsTheDistributionInBothTails) {
  const QuantileTable table(exponential, -60.0, 6.0);
  for (double z = -8.0; z <= 8.0; z += 0.0137) {
    const double exact = z < 0.0 ? std::log(-std::log1p(-normal_cdf(z))) : std::log(-std::log(normal_cdf(-z)));
    ASSERT_NEAR(table.value(z), exact, 1e-7) << z;
  }
}

TEST(QuantileTable, SlopeIsTheDerivativeAndContinuous) {
  const QuantileTable table(exponential, -60.0, 6.0);
  constexpr double kH = 1e-6;
  for (double z = -10.0; z <= 10.0; z += 0.0331) {
    double slope = 0.0;
    table.value(z, &slope);
    ASSERT_GT(slope, 0.0);
    ASSERT_NEAR(slope, (table.value(z + kH) - table.value(z - kH)) / (2.0 * kH), 1e-6) << z;
  }
}

TEST(QuantileTable, InvertsItself) {
  const QuantileTable table(exponential, -60.0, 6.0);
  for (double z = -12.0; z <= 12.0; z += 0.0173) ASSERT_NEAR(table.z_of(table.value(z)), z, 1e-11);
}

TEST(QuantileTable, ANormalIsAStraightLine) {
  const QuantileTable table(
      [](double x) -> TailProbabilities {
        const double t = (x + 1.0) / 0.5;
        return {normal_cdf(t), normal_cdf(-t), normal_pdf(t) / 0.5};
      },
      -30.0, 30.0);
  for (double z = -12.0; z <= 12.0; z += 0.31) EXPECT_NEAR(table.value(z), -1.0 + 0.5 * z, 1e-11);
}

TEST(QuantileTable, ADistributionOutsideItsBracketIsAnError) {
  EXPECT_THROW(QuantileTable(exponential, -1.0, 1.0), std::logic_error);
}

}  // namespace
}  // namespace penumbra
