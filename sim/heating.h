// How bright each star looks from the other's surface: the one number that turns the irradiance of a round, evenly
// bright companion (reflection.h) into that of the true one, tides, gravity darkening and mutual heating included.
#pragma once

#include "base/host_device.h"
#include "sim/surface.h"

namespace penumbra {

namespace detail {

// Brightness of the companion from points j of a star: direct[j] + sum_l mutual[j][l] b[l], b being the polynomial of
// the star's own brightness seen from the companion.
struct HeatingPoints {
  double aspect[kBrightnessTerms];
  double direct[kBrightnessTerms];
  double mutual[kBrightnessTerms][kBrightnessTerms];
};

// Polynomial through `value` at `x`, by divided differences.
PN_HD inline void fit_polynomial(const double* x, const double* value, double* coefficient) {
  static_assert(kBrightnessTerms == 3);
  const double first = (value[1] - value[0]) / (x[1] - x[0]);
  const double second = ((value[2] - value[1]) / (x[2] - x[1]) - first) / (x[2] - x[0]);
  coefficient[2] = second;
  coefficient[1] = first - second * (x[0] + x[1]);
  coefficient[0] = value[0] - x[0] * (coefficient[1] + x[0] * second);
}

// `u`: linear limb darkening of the companion's own light, `u_back` of what it sends back. Brightnesses of `star` and
// `companion` count as 1.
PN_HD inline HeatingPoints sum_over_companion(const Surface& star, const Surface& companion, double u, double u_back,
                                              const GaussTable& gauss) {
  // Halfway between the planes of symmetry, from the middle of the facing side to where the companion begins to set.
  constexpr double kToward[kBrightnessTerms] = {1.0, 0.8, 0.5};
  const int side = 3 + (star.crowding > companion.crowding ? star.crowding : companion.crowding);
  const double* node = gauss.nodes(side);
  const double* weight = gauss.weights(side);
  HeatingPoints points{};
  for (int j = 0; j < kBrightnessTerms; ++j) {
    const double across = std::sqrt(0.5 * (1.0 - kToward[j] * kToward[j]));
    const Vector3 direction{kToward[j], across, across};
    double slope;
    const Vector3 p = star.roche.radius(direction, star.radius, slope) * direction;
    const LocalSurface here = local_surface(star, p, direction);
    const double distance = here.companion_distance;
    points.aspect[j] = here.off_axis2 / (distance * distance);
    const double even = star.companion.irradiance(here.cos_zenith, distance, here.off_axis2);
    // The point in the companion's mirrored frame, and the upward normal there.
    const Vector3 from{star.roche.separation - p.x, p.y, p.z};
    const double inverse_g = 1.0 / std::sqrt(dot(here.gravity, here.gravity));
    const Vector3 up = inverse_g * Vector3{here.gravity.x, -here.gravity.y, -here.gravity.z};
    const SkyFrame sky = sky_frame((1.0 / distance) * from);
    // From the middle of the disc that the point sees to its limb, which is that of an ellipsoid with one axis `a` to
    // the point and the companion's volume.
    const double a = companion.roche.radius(sky.sight, companion.radius, slope), a2 = a * a;
    const double b2 = companion.radius * companion.radius * companion.radius / a;
    const double limb = a2 / distance;
    const double edge = limb / std::sqrt(limb * limb + b2 * (1.0 - a2 / (distance * distance)));
    double r = companion.radius;
    for (int i = 0; i < side * side; ++i) {
      const double cosine = edge + (1.0 - edge) * node[i / side], sine = std::sqrt(1.0 - cosine * cosine);
      const double azimuth = kTwoPi * (i % side + 0.5) / side;
      const Vector3 out =
          cosine * sky.sight + (sine * std::cos(azimuth)) * sky.right + (sine * std::sin(azimuth)) * sky.up;
      r = companion.roche.radius(out, r, slope);
      const Vector3 at = r * out;
      const LocalSurface there = local_surface(companion, at, out);
      const Vector3& g = there.gravity;
      const double inverse = 1.0 / std::sqrt(dot(g, g));
      const double back = there.companion_distance;  // from the star's centre
      const Vector3 ray = from + (-1.0) * at;
      const double ray2 = dot(ray, ray), inverse_ray = 1.0 / std::sqrt(ray2);
      const double leaving = std::fmax(0.0, -dot(g, ray) * inverse * inverse_ray);
      const double arriving = std::fmax(0.0, -dot(up, ray) * inverse_ray);
      const double area = weight[i / side] * (1.0 - edge) * kTwoPi / side * r * r / (-dot(g, out) * inverse);
      const double seen = area * leaving * arriving / (kPi * ray2 * even);
      const auto law = [leaving](double c) { return (1.0 - c + c * leaving) / (1.0 - c / 3.0); };
      points.direct[j] += seen * law(u) * intrinsic_flux(companion, 0.5 * logarithm(there.relative_gravity2));
      double term = seen * law(u_back) * companion.companion.heating(there.cos_zenith, back, there.off_axis2);
      for (int l = 0; l < kBrightnessTerms; ++l) {
        points.mutual[j][l] += term;
        term *= there.off_axis2 / (back * back);
      }
    }
  }
  return points;
}

}  // namespace detail

// Fills surface[k].companion.brightness of both stars, which come with {1, 0, 0}. u[2]: their linear bolometric limb
// darkening; `back_darkened`: what is sent back obeys the same law, instead of Lambert's.
PN_HD inline void fit_brightness(Surface* surface, const double* u, bool back_darkened, const GaussTable& gauss) {
  detail::HeatingPoints points[2];
  for (int k = 0; k < 2; ++k)
    points[k] = detail::sum_over_companion(surface[k], surface[1 - k], u[1 - k], back_darkened ? u[1 - k] : 0.0, gauss);
  // To and fro: what is sent back is at most some .1 of the light, each time.
  for (int turn = 0; turn < 8; ++turn) {
    const int k = turn % 2;
    const double* other = surface[1 - k].companion.brightness;
    double value[kBrightnessTerms];
    for (int j = 0; j < kBrightnessTerms; ++j) {
      value[j] = points[k].direct[j];
      for (int l = 0; l < kBrightnessTerms; ++l) value[j] += points[k].mutual[j][l] * other[l];
    }
    detail::fit_polynomial(points[k].aspect, value, surface[k].companion.brightness);
  }
}

}  // namespace penumbra
