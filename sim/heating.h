// How bright each star looks from the other's surface: the one number that turns the irradiance of a round, evenly
// bright companion (reflection.h) into that of the true one, tides, gravity darkening and mutual heating included.
#pragma once

#include "base/host_device.h"
#include "sim/surface.h"

namespace penumbra {

namespace detail {

// Rays from the middle of the companion's disc to its limb, and points on each.
PN_HD constexpr int heating_rays(int crowding) { return crowding > 1 ? 10 : 3 + crowding; }
PN_HD constexpr int heating_depth(int crowding) { return crowding > 1 ? 7 : 3 + crowding; }

// Brightness of the companion from points j of a star: direct[j] + sum_l mutual[j][l] b[l], b being the polynomial of
// the star's own brightness seen from the companion. As many points as the polynomial has terms.
struct HeatingPoints {
  int terms;
  double nearness[kBrightnessTerms];
  double direct[kBrightnessTerms];
  double mutual[kBrightnessTerms][kBrightnessTerms];
};

}  // namespace detail

// Working memory of fit_brightness.
inline constexpr int kHeatingRays = detail::heating_rays(kMostCrowding);
inline constexpr int kHeatingPoints = whole_lanes(kHeatingRays * detail::heating_depth(kMostCrowding));
struct HeatingWork {
  detail::HeatingPoints points[2];
  double limb[whole_lanes(kHeatingRays)];  // cosine on each ray at which the companion's surface turns away
  // Of the points of the companion.
  double cosine[kHeatingPoints], azimuth[kHeatingPoints], seen[kHeatingPoints], leaving[kHeatingPoints];
  double x[kHeatingPoints], y[kHeatingPoints], z[kHeatingPoints], r[kHeatingPoints];  // direction and radius
  double log_gravity[kHeatingPoints], cos_zenith[kHeatingPoints], distance[kHeatingPoints];
  double direct[kHeatingPoints];
};

namespace detail {

// Near the line of centres the brightness of a star that nearly fills its lobe, with its dark tip, changes fast.
PN_HD constexpr int brightness_terms(int crowding) { return crowding > 1 ? kBrightnessTerms : 3; }
// Steps from the limb of an ellipsoid to that of such a star.
PN_HD constexpr int limb_steps(int crowding) { return crowding > 1 ? 4 : 0; }

// Cosine of the angle from the line of centres of point `j`: from the middle of the facing side to where the companion
// begins to set. It has set altogether at `set`, which is early beside a small and near companion: all points then move
// together towards the middle.
PN_HD inline double cosine_from_axis(int j, int terms, double set) {
  if (j == 0) return 1.0;
  const double last = terms < kBrightnessTerms ? 0.38 : 0.6, most = 0.9 * (1.0 - set);
  const double shrink = last > most ? most / last : 1.0;
  if (terms < kBrightnessTerms) return 1.0 - shrink * (j == 1 ? 0.15 : 0.38);
  return 1.0 - shrink * (j == 1 ? 0.022 : j == 2 ? 0.094 : j == 3 ? 0.3 : 0.6);
}

// Polynomial through `value` at `x`, by Newton's divided differences; terms beyond are 0.
PN_HD inline void fit_polynomial(const double* x, const double* value, int terms, double* coefficient) {
  for (int n = 0; n < kBrightnessTerms; ++n) coefficient[n] = n < terms ? value[n] : 0.0;
  for (int order = 1; order < terms; ++order)
    for (int n = terms - 1; n >= order; --n)
      coefficient[n] = (coefficient[n] - coefficient[n - 1]) / (x[n] - x[n - order]);
  for (int n = terms - 2; n >= 0; --n)
    for (int m = n; m < terms - 1; ++m) coefficient[m] -= x[n] * coefficient[m + 1];
}

// Rays from the middle of the companion's disc to its limb, points on each, and steps to the true limb.
struct HeatingRays {
  int rays, depth, limb_steps;
};

// A point of a star and its companion's sky.
struct Outlook {
  Vector3 from, up;                   // the point in the companion's mirrored frame, and the upward normal there
  SkyFrame sky;                       // towards the point
  double cos_zenith, distance, even;  // of the companion's centre; irradiance by an evenly bright companion
};

PN_INLINE Outlook outlook(const Surface& star, const Vector3& direction) {
  double slope;
  const Vector3 p = star.roche.radius(direction, star.radius, slope) * direction;
  const LocalSurface here = local_surface(star, p, direction);
  const Vector3 from{star.roche.separation - p.x, p.y, p.z};
  const double inverse_g = 1.0 / std::sqrt(dot(here.gravity, here.gravity));
  return {from,
          inverse_g * Vector3{here.gravity.x, -here.gravity.y, -here.gravity.z},
          sky_frame((1.0 / here.companion_distance) * from),
          here.cos_zenith,
          here.companion_distance,
          star.companion.irradiance(here.cos_zenith, here.companion_distance)};
}

// What the point sees of the companion, along as many rays from `first_ray` on as HeatingWork holds: work.direct, its
// irradiance in units of the companion's mean flux, and work.seen, the share in it of each unit that is sent back.
// `u`: linear limb darkening of the companion's own light, `u_back` of what it sends back. Returns the points.
template <class Lanes>
PN_INLINE int see_companion(const Lanes& lanes, const Surface& companion, const Outlook& point, const HeatingRays& grid,
                            int first_ray, double u, double u_back, const GaussTable& gauss, HeatingWork& work) {
  const int most = kHeatingPoints / grid.depth, left = grid.rays - first_ray, rays = left < most ? left : most;
  const int total = rays * grid.depth, count = whole_lanes(total);
  const int steps = newton_steps(companion.crowding);
  const double turn = kTwoPi / grid.rays;
  const double* node = gauss.nodes(grid.depth);
  const double* weight = gauss.weights(grid.depth);
  // The surface at work.cosine and work.azimuth about the middle of the disc that the point sees.
  const auto find_surface = [&](int size) {
    lanes.for_each(size, [&](int i) {
      const double cosine = work.cosine[i], sine = std::sqrt(1.0 - cosine * cosine);
      double s, c;
      sine_cosine(work.azimuth[i], s, c);
      const Vector3 out = cosine * point.sky.sight + (sine * c) * point.sky.right + (sine * s) * point.sky.up;
      work.x[i] = out.x;
      work.y[i] = out.y;
      work.z[i] = out.z;
      work.r[i] = companion.roche.first_radius(out, companion.radius);
    });
    for (int step = 0; step < steps; ++step) {
      lanes.for_each(size, [&](int i) {
        double slope;
        work.r[i] = companion.roche.radius_step({work.x[i], work.y[i], work.z[i]}, work.r[i], slope);
      });
    }
  };
  // From that middle to the limb: that of an ellipsoid with one axis `a` to the point and the companion's volume, or
  // from there to the true one (on a sphere the normal turns away from the point as fast as the angle grows).
  double slope;
  const double a = companion.roche.radius(point.sky.sight, companion.radius, slope), a2 = a * a;
  const double b2 = companion.radius * companion.radius * companion.radius / a;
  const double limb = a2 / point.distance;
  const double edge = limb / std::sqrt(limb * limb + b2 * (1.0 - a2 / (point.distance * point.distance)));
  lanes.for_each(whole_lanes(rays), [&](int ray) {
    work.azimuth[ray] = turn * (first_ray + ray + 0.5);
    work.cosine[ray] = edge;
  });
  for (int limb_step = 0; limb_step < grid.limb_steps; ++limb_step) {
    find_surface(whole_lanes(rays));
    lanes.for_each(whole_lanes(rays), [&](int ray) {
      const double cosine = work.cosine[ray], sine = std::sqrt(1.0 - cosine * cosine);
      const Vector3 at = work.r[ray] * Vector3{work.x[ray], work.y[ray], work.z[ray]};
      double unused;
      const Vector3 g = companion.roche.gradient(at, unused), path = point.from + (-1.0) * at;
      const double mu = -dot(g, path) / std::sqrt(dot(g, g) * dot(path, path));
      const double next = cosine - mu * (sine + 0.5 * mu * cosine);
      // A step may overshoot beside a much larger star.
      work.cosine[ray] = next > 0.999 ? 0.999 : next < 0.0 ? 0.0 : next;
    });
  }
  lanes.for_each(whole_lanes(rays), [&](int ray) { work.limb[ray] = work.cosine[ray]; });
  lanes.for_each(count, [&](int i) {
    const RayPoint at = ray_point(i < total ? i : total - 1, grid.depth);
    const double limb_cosine = work.limb[at.ray];
    work.cosine[i] = limb_cosine + (1.0 - limb_cosine) * node[at.point];
    work.azimuth[i] = turn * (first_ray + at.ray + 0.5);
    work.seen[i] = i < total ? weight[at.point] * (1.0 - limb_cosine) * turn / kPi : 0.0;
  });
  find_surface(count);
  lanes.for_each(count, [&](int i) {
    const Vector3 out{work.x[i], work.y[i], work.z[i]};
    const double r = work.r[i];
    const Vector3 at = r * out;
    const LocalSurface there = local_surface(companion, at, out);
    const Vector3& g = there.gravity;
    const double inverse = 1.0 / std::sqrt(dot(g, g));
    const Vector3 ray = point.from + (-1.0) * at;
    const double ray2 = dot(ray, ray), inverse_ray = 1.0 / std::sqrt(ray2);
    double leaving = -dot(g, ray) * inverse * inverse_ray, arriving = -dot(point.up, ray) * inverse_ray;
    leaving = leaving > 0.0 ? leaving : 0.0;
    arriving = arriving > 0.0 ? arriving : 0.0;
    work.seen[i] *= r * r / (-dot(g, out) * inverse) * leaving * arriving / ray2;
    work.leaving[i] = leaving;
    work.log_gravity[i] = there.relative_gravity2;
    work.cos_zenith[i] = there.cos_zenith;
    work.distance[i] = there.companion_distance;  // from the star's centre
  });
  lanes.for_each(count, [&](int i) { work.log_gravity[i] = 0.5 * logarithm(work.log_gravity[i]); });
  lanes.for_each(count, [&](int i) {
    const auto law = [&](double c) { return (1.0 - c + c * work.leaving[i]) / (1.0 - c / 3.0); };
    work.direct[i] = work.seen[i] * law(u) * intrinsic_flux(companion, work.log_gravity[i]);
    work.seen[i] *= law(u_back);
  });
  double* const heat = work.r;  // has served
  companion.companion.heat(lanes, count, work.cos_zenith, work.distance, heat);
  lanes.for_each(count, [&](int i) { work.seen[i] *= heat[i]; });
  return count;
}

// Cosine at which a companion of radius `radius` has set altogether behind a star of mean radius `mean` that reaches
// `tip` towards it: exact for spheres, for tides that of an ellipsoid's limb.
PN_HD inline double setting_cosine(double mean, double tip, double separation, double radius) {
  const double limb = tip * tip / separation, b2 = mean * mean * mean / tip;
  const double edge = limb / std::sqrt(limb * limb + b2 * (1.0 - tip * tip / (separation * separation)));
  return edge - radius / separation;
}

// The points of `star`. Brightnesses of `star` and `companion` count as 1.
template <class Lanes>
PN_INLINE void sum_over_companion(const Lanes& lanes, const Surface& star, const Surface& companion, double u,
                                  double u_back, const GaussTable& gauss, HeatingWork& work, HeatingPoints& points) {
  const int crowding = star.crowding > companion.crowding ? star.crowding : companion.crowding;
  const HeatingRays grid{heating_rays(crowding), heating_depth(crowding), limb_steps(crowding)};
  const int terms = brightness_terms(crowding);
  double set = 0.0;
  if (lanes.rank() == 0) points.terms = terms;
  for (int j = 0; j < terms; ++j) {
    // Halfway between the planes of symmetry.
    const double toward = cosine_from_axis(j, terms, set), across = std::sqrt(0.5 * (1.0 - toward * toward));
    const Outlook point = outlook(star, {toward, across, across});
    if (j == 0) {
      const double separation = star.roche.separation;
      set = setting_cosine(star.radius, separation - point.from.x, separation, companion.radius);
    }
    const int count = see_companion(lanes, companion, point, grid, 0, u, u_back, gauss, work);
    const double scale = 1.0 / point.even;
    const double direct = scale * lanes.sum(count, [&](int i) { return work.direct[i]; });
    if (lanes.rank() == 0) {
      points.nearness[j] = star.companion.nearness(point.distance);
      points.direct[j] = direct;
    }
    for (int l = 0; l < terms; ++l) {
      const double mutual = scale * lanes.sum(count, [&](int i) { return work.seen[i]; });
      if (lanes.rank() == 0) points.mutual[j][l] = mutual;
      lanes.for_each(count, [&](int i) { work.seen[i] *= companion.companion.nearness(work.distance[i]); });
    }
  }
}

}  // namespace detail

// Fills surface[k].companion.brightness of both stars, which come with {1, 0, 0}. u0, u1: their linear bolometric limb
// darkening; `back_darkened`: what is sent back obeys the same law, instead of Lambert's.
template <class Lanes>
PN_INLINE void fit_brightness(const Lanes& lanes, Surface* surface, double u0, double u1, bool back_darkened,
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
      const int terms = points[k].terms;
      for (int j = 0; j < terms; ++j) {
        value[j] = points[k].direct[j];
        for (int l = 0; l < terms; ++l) value[j] += points[k].mutual[j][l] * other[l];
      }
      detail::fit_polynomial(points[k].nearness, value, terms, surface[k].companion.brightness);
    }
  }
  lanes.sync();
}

// A heat map at one separation: the star's whole heat, by sums over all that each point sees of the companion, less
// what the fitted brightness gives. The little that comes to and fro is taken from the companion's own polynomial.
template <class Lanes>
PN_INLINE void fill_heat_map(const Lanes& lanes, const Surface& star, const Surface& companion, double u, double u_back,
                             const GaussTable& gauss, HeatingWork& work, double (*missing)[kMapRows]) {
  constexpr detail::HeatingRays kGrid{24, 12, 4};
  constexpr int kChunk = kHeatingPoints / kGrid.depth;
  double slope;
  const double reach = companion.roche.radius({1.0, 0.0, 0.0}, companion.radius, slope);  // the largest
  for (int point = 0; point < kMapTurns * kMapRows; ++point) {
    const int turn = point / kMapRows, row = point % kMapRows;
    const detail::Outlook from = detail::outlook(star, HeatMap::direction(turn, row));
    double heat = 0.0;
    if (from.cos_zenith * from.distance > -reach) {
      for (int ray = 0; ray < kGrid.rays; ray += kChunk) {
        const int count = detail::see_companion(lanes, companion, from, kGrid, ray, u, u_back, gauss, work);
        heat += lanes.sum(count, [&](int i) { return work.direct[i] + work.seen[i]; });
      }
      heat -= from.even;
    }
    if (lanes.rank() == 0) missing[turn][row] = star.companion.irradiation * heat;
  }
  lanes.sync();
}

}  // namespace penumbra
