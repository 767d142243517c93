// Elementary functions in single precision without branches, for a `Real` that is one float (a thread of the device) or
// a vector of them (the SIMD lanes of a host thread: GCC's and Clang's vector extension). Errors are a few units in the
// last place, absolute ones for soft_limit; NaN stays NaN.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/host_device.h"

namespace penumbra {

// For a Real: how many floats it holds, and integers of the same shape. Vectors specialise it where they are defined.
template <class Real>
struct Lanes;

template <>
struct Lanes<float> {
  static constexpr int kCount = 1;
  using Int = std::int32_t;
  PN_INLINE static float from(const float* values) { return *values; }
  PN_INLINE static float to_real(Int n) { return static_cast<float>(n); }
  PN_INLINE static float root(float x) { return std::sqrt(x); }
};

namespace detail {
// Adding it rounds to an integer, which stands in the low bits of the sum.
inline constexpr float kFloatRounder = 12582912.0f;  // 1.5 * 2^23
inline constexpr float kLn2HighFloat = 0.693359375f, kLn2LowFloat = -2.12194440e-4f;

template <class Real>
PN_INLINE typename Lanes<Real>::Int bits(Real x) {
  return __builtin_bit_cast(typename Lanes<Real>::Int, x);
}
template <class Real>
PN_INLINE Real from_bits(typename Lanes<Real>::Int n) {
  return __builtin_bit_cast(Real, n);
}
}  // namespace detail

// e^x, within 1.6e-38 .. 1.6e38; the polynomial is that of Moshier's Cephes library.
template <class Real>
PN_INLINE Real exponential(Real x) {
  const Real low = Real{} - 87.0f, high = Real{} + 88.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const Real shifted = x * 1.44269504f + detail::kFloatRounder;
  const Real n = shifted - detail::kFloatRounder;
  const Real r = (x - n * detail::kLn2HighFloat) - n * detail::kLn2LowFloat;
  Real p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return detail::from_bits<Real>(detail::bits(p) + (detail::bits(shifted) << 23));
}

// ln x for a normal x > 0: x = 2^n m with m in [sqrt(1/2), sqrt(2)], ln m = 2 artanh((m - 1) / (m + 1)) by its series.
template <class Real>
PN_INLINE Real logarithm(Real x) {
  constexpr std::int32_t kRootHalf = 0x3f3504f3;
  const auto shifted = detail::bits(x) - kRootHalf;
  const Real m = detail::from_bits<Real>((shifted & 0x007fffff) + kRootHalf);
  const Real n = Lanes<Real>::to_real(shifted >> 23);
  const Real s = (m - 1.0f) / (m + 1.0f), z = s * s;
  Real p = z * (2.0f / 9.0f) + 2.0f / 7.0f;
  p = p * z + 2.0f / 5.0f;
  p = p * z + 2.0f / 3.0f;
  return n * detail::kLn2HighFloat + (n * detail::kLn2LowFloat + s * z * p + 2.0f * s);
}

// sin and cos of 2 pi x, x in [0, 1], by their Taylor series about the nearest quarter of a turn.
template <class Real>
PN_INLINE void sine_cosine_of_turn(Real x, Real& sine, Real& cosine) {
  const Real shifted = x * 4.0f + detail::kFloatRounder;
  const Real r = (x * 4.0f - (shifted - detail::kFloatRounder)) * 1.57079633f, z = r * r;
  Real s = z * (1.0f / 362880.0f) - 1.0f / 5040.0f;
  s = s * z + 1.0f / 120.0f;
  s = s * z - 1.0f / 6.0f;
  s = s * z * r + r;
  Real c = z * (1.0f / 40320.0f) - 1.0f / 720.0f;
  c = c * z + 1.0f / 24.0f;
  c = c * z - 0.5f;
  c = c * z + 1.0f;
  const auto quadrant = detail::bits(shifted);
  const auto odd = (quadrant & 1) != 0;
  const Real a = odd ? c : s, b = odd ? s : c;
  sine = (quadrant & 2) != 0 ? -a : a;
  cosine = ((quadrant + 1) & 2) != 0 ? -b : b;
}

// limit tanh(x / limit), as nn/flow.cpp bounds its log scales.
template <class Real>
PN_INLINE Real soft_limit(Real x, float limit) {
  return limit - (2.0f * limit) / (exponential(x * (2.0f / limit)) + 1.0f);
}

template <class Real>
PN_INLINE Real larger(Real a, Real b) {
  return b > a ? b : a;
}

template <class Real>
PN_INLINE Real rectified(Real x) {
  return x < 0.0f ? Real{} : x;
}

}  // namespace penumbra
