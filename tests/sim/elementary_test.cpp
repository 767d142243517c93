#include "sim/elementary.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penumbra {
namespace {

// Largest |f - g| / max(|g|, floor) over n points of [from, to].
template <class F, class G>
double largest_difference(double from, double to, double floor, F&& f, G&& g) {
  double largest = 0.0;
  const int n = 100000;
  for (int i = 0; i <= n; ++i) {
    const double x = from + (to - from) * i / n;
    const double difference = std::abs(f(x) - g(x)) / std::max(std::abs(g(x)), floor);
    if (!(difference <= largest)) largest = difference;  // NaN too
  }
  return largest;
}

TEST(Elementary, AgreesWithTheLibrary) {
  const auto sine = [](double x) {
    double s, c;
    sine_cosine(x, s, c);
    return s;
  };
  const auto cosine = [](double x) {
    double s, c;
    sine_cosine(x, s, c);
    return c;
  };
  EXPECT_LT(largest_difference(-700.0, 700.0, 0.0, exponential, [](double x) { return std::exp(x); }), 1e-15);
  EXPECT_LT(largest_difference(-1.0, 1.0, 0.0, exponential, [](double x) { return std::exp(x); }), 1e-15);
  EXPECT_LT(largest_difference(1e-3, 3.0, 1e-2, logarithm, [](double x) { return std::log(x); }), 1e-15);
  EXPECT_LT(largest_difference(1e-300, 1e300, 0.0, logarithm, [](double x) { return std::log(x); }), 1e-15);
  EXPECT_LT(largest_difference(-20.0, 20.0, 1.0, sine, [](double x) { return std::sin(x); }), 1e-15);
  EXPECT_LT(largest_difference(-20.0, 20.0, 1.0, cosine, [](double x) { return std::cos(x); }), 1e-15);
  for (const double x : {-3.0, -0.2, 0.0, 0.7, 12.0}) {
    const auto angle = [&](double y) { return arctangent(y, x); };
    EXPECT_LT(largest_difference(0.0, 8.0, 1e-2, angle, [&](double y) { return std::atan2(y, x); }), 1e-15) << x;
  }
}

TEST(Elementary, KeepsFiniteAtTheEdges) {
  EXPECT_EQ(logarithm(1.0), 0.0);
  EXPECT_EQ(arctangent(0.0, 0.0), 0.0);
}

}  // namespace
}  // namespace penumbra
