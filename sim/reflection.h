// Heating of one star by the other: absorbed light is sent back where it fell, as heat, and changes the temperature
// only (Wilson 1990, ApJ 356, 613; Lambert's law; to and fro once).
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"

namespace penumbra {

// Irradiance of a small plane by a uniformly bright sphere, in units of the sphere's own surface flux. `cos_zenith` is
// the cosine of the angle between the plane's normal and the sphere's centre, `sin_radius` the sphere's radius over its
// distance. Exact, with the sphere partly below the plane too (Snyder 1996; Lagarde & de Rousiers 2014, section 4.7.2).
PN_HD inline double sphere_irradiance(double cos_zenith, double sin_radius) {
  const double sin2_radius = sin_radius * sin_radius;
  if (cos_zenith >= sin_radius) return cos_zenith * sin2_radius;
  if (cos_zenith <= -sin_radius) return 0.0;
  const double sin_zenith = std::sqrt(1.0 - cos_zenith * cos_zenith);
  const double cot_radius = std::sqrt(1.0 / sin2_radius - 1.0);
  const double y = -cot_radius * cos_zenith / sin_zenith;
  const double chord = sin_zenith * std::sqrt(std::fmax(0.0, 1.0 - y * y));
  const double cap = std::acos(std::fmin(1.0, std::fmax(-1.0, y)));
  return ((cos_zenith * cap - cot_radius * chord) * sin2_radius + std::atan2(chord, cot_radius)) / kPi;
}

}  // namespace penumbra
