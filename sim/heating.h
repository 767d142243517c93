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

}  // namespace detail

// Working memory of fit_brightness.
inline constexpr int kMostHeatingSide = 3 + kMostCrowding;
inline constexpr int kHeatingPoints = whole_lanes(kMostHeatingSide * kMostHeatingSide);
struct HeatingWork {
  detail::HeatingPoints points[2];
  // Of the points of the companion.
  double cosine[kHeatingPoints], azimuth[kHeatingPoints], seen[kHeatingPoints], leaving[kHeatingPoints];
  double log_gravity[kHeatingPoints], cos_zenith[kHeatingPoints], distance[kHeatingPoints], off_axis2[kHeatingPoints];
  double direct[kHeatingPoints];
};

namespace detail {

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
template <class Lanes>
PN_HD void sum_over_companion(const Lanes& lanes, const Surface& star, const Surface& companion, double u,
                              double u_back, const GaussTable& gauss, HeatingWork& work, HeatingPoints& points) {
  const int crowding = star.crowding > companion.crowding ? star.crowding : companion.crowding;
  const int side = 3 + crowding, total = side * side, count = whole_lanes(total);
  const int steps = newton_steps(crowding);
  const double* node = gauss.nodes(side);
  const double* weight = gauss.weights(side);
  for (int j = 0; j < kBrightnessTerms; ++j) {
    // Halfway between the planes of symmetry, from the middle of the facing side to where the companion begins to set.
    const double toward = j == 0 ? 1.0 : j == 1 ? 0.8 : 0.5, across = std::sqrt(0.5 * (1.0 - toward * toward));
    const Vector3 direction{toward, across, across};
    double slope;
    const Vector3 p = star.roche.radius(direction, star.radius, slope) * direction;
    const LocalSurface here = local_surface(star, p, direction);
    const double distance = here.companion_distance;
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
    lanes.for_each(count, [&](int i) {
      const RayPoint at = ray_point(i < total ? i : total - 1, side);
      work.cosine[i] = edge + (1.0 - edge) * node[at.point];
      work.azimuth[i] = kTwoPi * (at.ray + 0.5) / side;
      work.seen[i] = i < total ? weight[at.point] * (1.0 - edge) * kTwoPi / side / (kPi * even) : 0.0;
    });
    lanes.for_each(count, [&](int i) {
      const double cosine = work.cosine[i], sine = std::sqrt(1.0 - cosine * cosine);
      double s, c;
      sine_cosine(work.azimuth[i], s, c);
      const Vector3 out = cosine * sky.sight + (sine * c) * sky.right + (sine * s) * sky.up;
      double unused, r = companion.roche.first_radius(out, companion.radius);
      for (int step = 0; step < steps; ++step) r = companion.roche.radius_step(out, r, unused);
      const Vector3 at = r * out;
      const LocalSurface there = local_surface(companion, at, out);
      const Vector3& g = there.gravity;
      const double inverse = 1.0 / std::sqrt(dot(g, g));
      const Vector3 ray = from + (-1.0) * at;
      const double ray2 = dot(ray, ray), inverse_ray = 1.0 / std::sqrt(ray2);
      double leaving = -dot(g, ray) * inverse * inverse_ray, arriving = -dot(up, ray) * inverse_ray;
      leaving = leaving > 0.0 ? leaving : 0.0;
      arriving = arriving > 0.0 ? arriving : 0.0;
      work.seen[i] *= r * r / (-dot(g, out) * inverse) * leaving * arriving / ray2;
      work.leaving[i] = leaving;
      work.log_gravity[i] = 0.5 * logarithm(there.relative_gravity2);
      work.cos_zenith[i] = there.cos_zenith;
      work.distance[i] = there.companion_distance;  // from the star's centre
      work.off_axis2[i] = there.off_axis2;
    });
    lanes.for_each(count, [&](int i) {
      const auto law = [&](double c) { return (1.0 - c + c * work.leaving[i]) / (1.0 - c / 3.0); };
      work.direct[i] = work.seen[i] * law(u) * intrinsic_flux(companion, work.log_gravity[i]);
      work.seen[i] *= law(u_back);
    });
    lanes.for_each(count, [&](int i) {  // of the real points only: this does not run in vectors
      if (i < total)
        work.seen[i] *= companion.companion.heating(work.cos_zenith[i], work.distance[i], work.off_axis2[i]);
    });
    const double direct = lanes.sum(count, [&](int i) { return work.direct[i]; });
    const auto aspect = [&](int i) { return work.off_axis2[i] / (work.distance[i] * work.distance[i]); };
    const double m0 = lanes.sum(count, [&](int i) { return work.seen[i]; });
    const double m1 = lanes.sum(count, [&](int i) { return work.seen[i] * aspect(i); });
    const double m2 = lanes.sum(count, [&](int i) { return work.seen[i] * aspect(i) * aspect(i); });
    if (lanes.rank() == 0) {
      points.aspect[j] = here.off_axis2 / (distance * distance);
      points.direct[j] = direct;
      points.mutual[j][0] = m0;
      points.mutual[j][1] = m1;
      points.mutual[j][2] = m2;
    }
  }
}

}  // namespace detail

// Fills surface[k].companion.brightness of both stars, which come with {1, 0, 0}. u0, u1: their linear bolometric limb
// darkening; `back_darkened`: what is sent back obeys the same law, instead of Lambert's.
template <class Lanes>
PN_HD void fit_brightness(const Lanes& lanes, Surface* surface, double u0, double u1, bool back_darkened,
                          const GaussTable& gauss, HeatingWork& work) {
  detail::HeatingPoints* const points = work.points;
  for (int k = 0; k < 2; ++k) {
    const double u = k == 0 ? u1 : u0;
    detail::sum_over_companion(lanes, surface[k], surface[1 - k], u, back_darkened ? u : 0.0, gauss, work, points[k]);
  }
  lanes.sync();
  if (lanes.rank() == 0) {
    // To and fro: what is sent back is at most some .1 of the light, each time.
    for (int turn = 0; turn < 8; ++turn) {
      const int k = turn % 2;
      const double* other = surface[1 - k].companion.brightness;
      double* value = work.direct;
      for (int j = 0; j < kBrightnessTerms; ++j) {
        value[j] = points[k].direct[j];
        for (int l = 0; l < kBrightnessTerms; ++l) value[j] += points[k].mutual[j][l] * other[l];
      }
      detail::fit_polynomial(points[k].aspect, value, surface[k].companion.brightness);
    }
  }
  lanes.sync();
}

}  // namespace penumbra
