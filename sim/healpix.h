// HEALPix, the equal-area pixels of the sphere: direction -> pixel in the nested scheme (Gorski et al. 2005, ApJ 622,
// 759).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "sim/constants.h"

namespace penumbra {

// The bits of x and y in turn, x first: the order of pixels inside a base pixel.
inline std::int64_t interleave_bits(std::int64_t x, std::int64_t y) {
  std::int64_t out = 0;
  for (int bit = 0; (x | y) >> bit != 0; ++bit) {
    out |= ((x >> bit & 1) << (2 * bit)) | ((y >> bit & 1) << (2 * bit + 1));
  }
  return out;
}

// Pixel 0 .. 12 nside^2 - 1 that holds longitude `l` and latitude asin(sin_b). nside: a power of two up to 2^29.
inline std::int64_t healpix_nested(std::int64_t nside, double l_rad, double sin_b) {
  const double n = static_cast<double>(nside);
  const double turn = l_rad / kTwoPi;
  // Longitude in quarter turns, 0 to 4; the sums below must not round up to 4 or 5.
  const double quarters = std::min(4.0 * (turn - std::floor(turn)), 4.0 - 0x1p-50);
  const double height = std::abs(sin_b);
  std::int64_t base, x, y;  // base pixel 0 .. 11; position inside it, counted from its southern corner
  if (height <= 2.0 / 3.0) {
    // Equatorial belt (their section 4.1): the pixels' edges are straight in (l, sin b). Count those that ascend and
    // those that descend with longitude.
    const std::int64_t down = static_cast<std::int64_t>(std::floor(n * (0.5 + quarters - 0.75 * sin_b)));
    const std::int64_t up = static_cast<std::int64_t>(std::floor(n * (0.5 + quarters + 0.75 * sin_b)));
    const std::int64_t face_down = down / nside, face_up = up / nside;
    if (face_down == face_up) {
      base = 4 + face_up % 4;
    } else {
      base = face_down < face_up ? face_down : face_up + 8;
    }
    x = up % nside;
    y = nside - 1 - down % nside;
  } else {
    // Polar caps: four triangles, their edges at constant fractions of the distance from the pole.
    const std::int64_t triangle = static_cast<std::int64_t>(quarters);
    const double along = quarters - static_cast<double>(triangle), out = n * std::sqrt(3.0 * (1.0 - height));
    const auto edge = [&](double fraction) { return std::min(nside - 1, static_cast<std::int64_t>(fraction * out)); };
    const std::int64_t east = edge(along), west = edge(1.0 - along);
    base = sin_b > 0.0 ? triangle : triangle + 8;
    x = sin_b > 0.0 ? nside - 1 - west : east;
    y = sin_b > 0.0 ? nside - 1 - east : west;
  }
  return base * nside * nside + interleave_bits(x, y);
}

}  // namespace penumbra
