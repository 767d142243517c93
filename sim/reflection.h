// Heating of each star by the other: light that falls on a star is sent back where it fell, as heat, and raises the
// temperature there. In units of a star's own intrinsic surface flux, with F = F0 + H the flux that leaves a point,
//   H1 = albedo1 (L F0_2 + M H2)
// and the same with 1 and 2 exchanged, where L and M integrate over what the point sees of the companion. L knows that
// the light is limb-darkened. M does too in Wilson's scheme (1990, ApJ 356, 613); what was sent back obeys Lambert's
// law in Horvat's (Horvat et al. 2019, ApJS 240, 36, all that is not sent back being lost). As in PHOEBE, heating
// changes the temperature only: T^4 grows as F / F0.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"
#include "sim/elementary.h"

namespace penumbra {

// Irradiance of a small plane by a uniformly bright sphere, in units of the sphere's own surface flux. `cos_zenith` is
// the cosine of the angle between the plane's normal and the sphere's centre, `sin_radius` the sphere's radius over its
// distance. Exact, with the sphere partly below the plane too (Snyder 1996; Lagarde & de Rousiers 2014, section 4.7.2).
// While it is wholly above, limb darkening changes nothing. While it is not, `darkened` is the share of the light whose
// intensity goes as mu. A small sphere's, with t = cos_zenith / sin_radius, is
//   sin_radius^3 int_-t^1 (t + y) (1 - y^2) dy / int_-1^1 (1 + y) (1 - y^2) dy = sin_radius^3 (1 + t)^3 (3 - t) / 16,
// and a factor fitted to sums over the disc keeps the error below .003 sin_radius^3 to sin_radius = .45.
PN_INLINE double setting_sphere_irradiance(double cos_zenith, double sin_radius, double darkened) {
  const double sin2_radius = sin_radius * sin_radius;
  const double sin_zenith = std::sqrt(1.0 - cos_zenith * cos_zenith);
  const double cot_radius = std::sqrt(1.0 / sin2_radius - 1.0);
  double y = -cot_radius * cos_zenith / sin_zenith;
  y = y > -1.0 ? y : -1.0;
  y = y < 1.0 ? y : 1.0;
  const double half = std::sqrt(1.0 - y * y), chord = sin_zenith * half;
  const double uniform =
      ((cos_zenith * arctangent(half, y) - cot_radius * chord) * sin2_radius + arctangent(chord, cot_radius)) / kPi;
  const double share = cos_zenith / sin_radius, rise = 1.0 + share, rest = 1.0 - share;
  const double peaked =
      sin2_radius * sin_radius * rise * rise * rise * (3.0 - share) / 16.0 * (1.0 + 0.25 * sin2_radius * rest * rest);
  return uniform + darkened * (peaked - uniform);
}
PN_HD inline double sphere_irradiance(double cos_zenith, double sin_radius, double darkened) {
  if (cos_zenith >= sin_radius) return cos_zenith * sin_radius * sin_radius;
  if (cos_zenith <= -sin_radius) return 0.0;
  return setting_sphere_irradiance(cos_zenith, sin_radius, darkened);
}

// Share of a star's flux whose intensity goes as mu, for I(mu) / I(1) = 1 - u (1 - mu).
PN_HD inline double darkened_share(double u) { return 2.0 * u / (3.0 - u); }

// The companion as a source of heat: a sphere whose brightness, over its mean, depends on where it is seen from. That
// is a polynomial in (separation / distance)^2 - 1, which falls steadily from the facing point to the horizon, and
// there hardly differs between the directions along the orbit and across it (heating.h).
inline constexpr int kBrightnessTerms = 5;

struct Companion {
  double radius;
  double irradiation;  // the star's albedo times the companion's mean surface flux over its own; 0: no reflection
  double darkened;     // darkened_share
  double separation2;  // of the stars' centres, squared
  double brightness[kBrightnessTerms];

  PN_INLINE double nearness(double distance) const { return separation2 / (distance * distance) - 1.0; }
  PN_INLINE double brightness_from(double distance) const {
    const double near = nearness(distance);
    double seen = brightness[kBrightnessTerms - 1];
    PN_DEVICE_UNROLL
    for (int l = kBrightnessTerms - 2; l >= 0; --l) seen = brightness[l] + near * seen;
    return seen;
  }
  // In units of the companion's mean flux. `distance`: of its centre.
  PN_HD double irradiance(double cos_zenith, double distance) const {
    return sphere_irradiance(cos_zenith, radius / distance, darkened) * brightness_from(distance);
  }
  // What it adds to (T / Teff)^4.
  PN_HD double heating(double cos_zenith, double distance) const {
    return irradiation * irradiance(cos_zenith, distance);
  }
  // The same for `count` points. Few see the companion set, and those cost the most: they are dealt with apart.
  template <class Lanes>
  PN_INLINE void heat(const Lanes& lanes, int count, const double* cos_zenith, const double* distance,
                      double* out) const {
    lanes.for_each(count, [&](int i) {
      const double sin_radius = radius / distance[i];
      const double risen = cos_zenith[i] > 0.0 ? cos_zenith[i] * sin_radius * sin_radius : 0.0;
      out[i] = irradiation * risen * brightness_from(distance[i]);
    });
    lanes.replace_where(
        count, cos_zenith, distance, [&](double cosine, double far) { return std::abs(cosine) * far < radius; },
        [&](double cosine, double far) {
          return irradiation * setting_sphere_irradiance(cosine, radius / far, darkened) * brightness_from(far);
        },
        out);
  }
};

}  // namespace penumbra
