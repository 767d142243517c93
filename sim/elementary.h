// Elementary functions without branches, for loops over lanes (lanes.h): a compiler can run eight at once, which it
// cannot with those of the C library. Errors are a few units in the last place. The device
// fuses products with sums, so that its last digits differ from the host's. They keep the stack empty there, where the
// library's sine and cosine spend one on large angles.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "sim/constants.h"
#include "sim/lanes.h"

namespace penumbra {

namespace detail {
// Adding and subtracting it rounds to an integer, which stands in the low bits of the sum.
inline constexpr double kRounder = 6755399441055744.0;  // 1.5 * 2^52
inline constexpr double kLn2High = 6.93147180369123816490e-01, kLn2Low = 1.90821492927058770002e-10;
}  // namespace detail

// e^x for |x| <= 700: x = n ln 2 + r, e^r by its Taylor series.
PN_INLINE double exponential(double x) {
  const double shifted = x * 1.44269504088896338700 + detail::kRounder;
  const double n = shifted - detail::kRounder;
  const double r = (x - n * detail::kLn2High) - n * detail::kLn2Low;
  double p = 1.0 / 6227020800.0;
  p = p * r + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r * r + r + 1.0;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52));
}

// ln x for a normal x > 0: x = 2^n m with m in [sqrt(1/2), sqrt(2)], ln m = 2 artanh((m - 1) / (m + 1)) by its series.
PN_INLINE double logarithm(double x) {
  constexpr std::int64_t kRootHalf = 0x3fe6a09e00000000;
  const std::int64_t bits = std::bit_cast<std::int64_t>(x) - kRootHalf;
  const double m = std::bit_cast<double>((bits & 0x000fffffffffffff) + kRootHalf);
  const double n = std::bit_cast<double>((bits >> 52) + 0x4338000000000000) - detail::kRounder;
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double p = 2.0 / 21.0;
  p = p * z + 2.0 / 19.0;
  p = p * z + 2.0 / 17.0;
  p = p * z + 2.0 / 15.0;
  p = p * z + 2.0 / 13.0;
  p = p * z + 2.0 / 11.0;
  p = p * z + 2.0 / 9.0;
  p = p * z + 2.0 / 7.0;
  p = p * z + 2.0 / 5.0;
  p = p * z + 2.0 / 3.0;
  return n * detail::kLn2High + (n * detail::kLn2Low + s * z * p + 2.0 * s);
}

// sin x and cos x for |x| up to 1e5: x = n pi / 2 + r, both by their Taylor series.
PN_INLINE void sine_cosine(double x, double& sine, double& cosine) {
  const double shifted = x * 0.63661977236758134308 + detail::kRounder;
  const double n = shifted - detail::kRounder;
  const double r = ((x - n * 1.57079632673412561417) - n * 6.07710050630396597660e-11) - n * 2.02226624879595063154e-21;
  const double z = r * r;
  double s = 1.0 / 355687428096000.0;
  s = s * z - 1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z - 1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z - 1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z - 1.0 / 6.0;
  s = r + r * z * s;
  double c = 1.0 / 20922789888000.0;
  c = c * z - 1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z - 1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z - 1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
  c = c * z - 0.5;
  c = 1.0 + z * c;
  const std::uint64_t quadrant = std::bit_cast<std::uint64_t>(shifted);
  const bool odd = (quadrant & 1) != 0;
  const double a = odd ? c : s, b = odd ? s : c;
  sine = (quadrant & 2) != 0 ? -a : a;
  cosine = ((quadrant + 1) & 2) != 0 ? -b : b;
}

// atan(y / x) for y >= 0, in [0, pi]; the rational function is that of Moshier's Cephes library.
PN_INLINE double arctangent(double y, double x) {
  const double ax = x < 0.0 ? -x : x;
  const bool steep = y > ax;
  const double small = steep ? ax : y, large = steep ? y : ax;
  const bool upper = small > 0.66 * large;
  // 0 / 0 counts as 0.
  const double numerator = upper ? small - large : small, denominator = upper ? small + large : large;
  const double t = numerator / (denominator > 0.0 ? denominator : 1.0), z = t * t;
  double p = -8.750608600031904122785e-1;
  p = p * z - 1.615753718733365076637e1;
  p = p * z - 7.500855792314704667340e1;
  p = p * z - 1.228866684490136173410e2;
  p = p * z - 6.485021904942025371773e1;
  double q = z + 2.485846490142306297962e1;
  q = q * z + 1.650270098316988542046e2;
  q = q * z + 4.328810604912902668951e2;
  q = q * z + 4.853903996359136964868e2;
  q = q * z + 1.945506571482613964425e2;
  double angle = t + t * z * (p / q);
  angle = upper ? angle + 0.25 * kPi : angle;
  angle = steep ? 0.5 * kPi - angle : angle;
  return x < 0.0 ? kPi - angle : angle;
}

}  // namespace penumbra
