// The part of one star's disc that the other hides.
//
// Plane of the sky: origin at the eclipsed star's centre, X towards the eclipsing star's centre, in units of a.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/surface.h"

namespace penumbra {

// A star's outline on the sky about its own centre, as a trigonometric polynomial through equally spaced limb points.
inline constexpr int kOutlinePoints = 16;
inline constexpr int kOutlineHarmonics = 7;

struct Outline {
  // At azimuths 2 pi j / kOutlinePoints.
  double cos_at[kOutlinePoints], sin_at[kOutlinePoints], radius_at[kOutlinePoints], height_at[kOutlinePoints];
  double cosine[kOutlineHarmonics + 1], sine[kOutlineHarmonics + 1];
  // The limb's height above the sky plane, first harmonic; and 1 / radius^2, zeroth and second: an ellipsoid's outline.
  double height_cos, height_sin;
  double inverse2_mean, inverse2_cos, inverse2_sin;

  // Radius and its derivative at the azimuth of cosine c and sine s.
  PN_INLINE double operator()(double c, double s, double& derivative) const {
    double radius = cosine[0];
    derivative = 0.0;
    double cm = 1.0, sm = 0.0;
    PN_UNROLL(8)
    for (int m = 1; m <= kOutlineHarmonics; ++m) {
      const double next = cm * c - sm * s;
      sm = sm * c + cm * s;
      cm = next;
      radius += cosine[m] * cm + sine[m] * sm;
      derivative += m * (sine[m] * cm - cosine[m] * sm);
    }
    return radius;
  }
};

static_assert(kOutlineHarmonics + 1 == kLanes && kOutlinePoints % kLanes == 0);

template <class Lanes>
PN_INLINE void trace_outline(const Lanes& lanes, const Surface& surface, const SkyFrame& frame, Outline& outline) {
  double* const radius = outline.radius_at;
  double* const height = outline.height_at;
  double *const cos_at = outline.cos_at, *const sin_at = outline.sin_at;
  lanes.for_each(kOutlinePoints, [&](int j) {
    double c, s;
    sine_cosine(kTwoPi / kOutlinePoints * j, s, c);
    cos_at[j] = c;
    sin_at[j] = s;
    radius[j] = surface.roche.first_radius(c * frame.right + s * frame.up, surface.radius);
    height[j] = 0.0;
  });
  const int steps = newton_steps(surface.crowding);
  for (int step = 0; step < steps; ++step) {
    lanes.for_each(kOutlinePoints, [&](int j) {
      const double c = cos_at[j], s = sin_at[j];
      const Roche::Limb limb = surface.roche.limb_step(
          c * frame.right + s * frame.up, c * frame.up + (-s) * frame.right, frame.sight, {radius[j], height[j], 0.0});
      radius[j] = limb.sky_radius;
      height[j] = limb.height;
    });
  }
  constexpr double kScale = 2.0 / kOutlinePoints;
  lanes.for_each(kOutlineHarmonics + 1, [&](int m) {
    double c1, s1, c = 1.0, s = 0.0, cosine = 0.0, sine = 0.0;
    sine_cosine(kTwoPi / kOutlinePoints * m, s1, c1);
    PN_UNROLL(16)
    for (int j = 0; j < kOutlinePoints; ++j) {
      cosine += radius[j] * c;
      sine += radius[j] * s;
      const double next = c * c1 - s * s1;
      s = s * c1 + c * s1;
      c = next;
    }
    outline.cosine[m] = (m == 0 ? 0.5 : 1.0) * kScale * cosine;
    outline.sine[m] = kScale * sine;
  });
  const auto mean = [&](auto&& term) { return kScale * lanes.sum(kOutlinePoints, term); };
  const double height_cos = mean([&](int j) { return height[j] * cos_at[j]; });
  const double height_sin = mean([&](int j) { return height[j] * sin_at[j]; });
  const double inverse2_mean = mean([&](int j) { return 0.5 / (radius[j] * radius[j]); });
  const double inverse2_cos =
      mean([&](int j) { return (cos_at[j] * cos_at[j] - sin_at[j] * sin_at[j]) / (radius[j] * radius[j]); });
  const double inverse2_sin = mean([&](int j) { return 2.0 * cos_at[j] * sin_at[j] / (radius[j] * radius[j]); });
  if (lanes.rank() == 0) {
    outline.height_cos = height_cos;
    outline.height_sin = height_sin;
    outline.inverse2_mean = inverse2_mean;
    outline.inverse2_cos = inverse2_cos;
    outline.inverse2_sin = inverse2_sin;
  }
  lanes.sync();
}

// Smallest distance between the outlines along the line of centres, corrected to second order for outlines that are not
// perpendicular to it: positive apart, 0 at the outer contacts, negative in eclipse.
PN_HD inline double outer_gap(const Surface& eclipsed, const Surface& eclipsing, const SkyFrame& frame,
                              double sky_distance) {
  const SkyFrame other = companion_frame(frame);
  const Roche::Limb a = eclipsed.roche.limb(frame.right, frame.up, frame.sight, eclipsed.radius, 0.0);
  const Roche::Limb b = eclipsing.roche.limb(-1.0 * other.right, -1.0 * other.up, other.sight, eclipsing.radius, 0.0);
  const double tilt = b.slope / b.sky_radius - a.slope / a.sky_radius;
  const double curvature = 1.0 / a.sky_radius + 1.0 / b.sky_radius;
  return sky_distance - a.sky_radius - b.sky_radius - 0.5 * tilt * tilt / curvature;
}

struct SkyPoint {
  double x, y;
};

// How far the point at azimuth (c, s) of outline `a`, or at this radius, lies outside outline `b`, whose centre is at
// X = offset.
PN_INLINE double protrusion(double radius, const Outline& b, double offset, double c, double s) {
  double unused;
  const double x = radius * c - offset, y = radius * s;
  const double distance = std::sqrt(x * x + y * y);
  const double inverse = 1.0 / (distance > 1e-14 ? distance : 1e-14);
  return distance - b(x * inverse, y * inverse, unused);
}
PN_HD inline double protrusion(const Outline& a, const Outline& b, double offset, double azimuth) {
  double c, s, unused;
  sine_cosine(azimuth, s, c);
  return protrusion(a(c, s, unused), b, offset, c, s);
}

// Where two outlines cross.
struct Crossings {
  int count;            // 0 or 2
  bool inside;          // without crossings: a lies within b
  double azimuth_a[2];  // azimuths about a's centre; a lies inside b between [0] and [1], azimuth_a[1] > azimuth_a[0]
  double largest;       // largest protrusion of a out of b
};

// Root of the protrusion between two azimuths of opposite sign: regula falsi, Illinois variant.
PN_HD inline double crossing_between(const Outline& a, const Outline& b, double offset, double x0, double f0, double x1,
                                     double f1) {
  double x = x0;
  for (int iteration = 0; iteration < 60; ++iteration) {
    x = (x0 * f1 - x1 * f0) / (f1 - f0);
    const double f = protrusion(a, b, offset, x);
    if (std::abs(f) < 1e-8 * a.cosine[0]) break;  // what the lens lacks then is some 1e-9 of a disc
    if ((f > 0.0) == (f1 > 0.0)) {
      f0 *= 0.5;
    } else {
      x0 = x1;
      f0 = f1;
    }
    x1 = x;
    f1 = f;
    if (std::abs(x1 - x0) < 1e-13) break;
  }
  return x;
}

// The outlines' crossings. Outlines are convex and nearly round, so there are two or none. A narrow lens or crescent
// that at most one sample meets is found at the extremum of the parabola through three; one thinner than `thin`, whose
// tips would drown in rounding, counts as no crossing.
// `f` holds kOutlinePoints numbers, for its use.
template <class Lanes>
PN_INLINE Crossings find_crossings(const Lanes& lanes, const Outline& a, const Outline& b, double offset, double* f) {
  constexpr double kStep = kTwoPi / kOutlinePoints;
  const double thin = 1e-9 * a.cosine[0];
  lanes.for_each(kOutlinePoints,
                 [&](int j) { f[j] = protrusion(a.radius_at[j], b, offset, a.cos_at[j], a.sin_at[j]); });
  int inside = 0, highest = 0, lowest = 0;
  for (int j = 0; j < kOutlinePoints; ++j) {
    if (f[j] < 0.0) ++inside;
    if (f[j] > f[highest]) highest = j;
    if (f[j] < f[lowest]) lowest = j;
  }
  Crossings result{0, f[highest] < thin, {0.0, 0.0}, f[highest]};
  double enter = 0.0, exit = 0.0;
  if (inside <= 1 || inside >= kOutlinePoints - 1) {
    const bool mostly_inside = inside > 1;
    const int j = mostly_inside ? highest : lowest;
    const double left = f[(j + kOutlinePoints - 1) % kOutlinePoints], right = f[(j + 1) % kOutlinePoints];
    const double bend = left - 2.0 * f[j] + right;
    double shift = bend != 0.0 ? 0.5 * (left - right) / bend : 0.0;
    shift = std::fmin(0.9, std::fmax(-0.9, shift));
    const double at = (j + shift) * kStep;
    const double extreme = protrusion(a, b, offset, at);
    if (mostly_inside) {
      result.largest = std::fmax(result.largest, extreme);
      result.inside = result.largest < thin;
      if (extreme < thin) return result;
    } else if (extreme > -thin) {
      return result;
    }
    const double before = crossing_between(a, b, offset, (j - 1) * kStep, left, at, extreme);
    const double after = crossing_between(a, b, offset, (j + 1) * kStep, right, at, extreme);
    enter = mostly_inside ? after : before;
    exit = mostly_inside ? before : after;
  } else {
    if (result.inside || f[lowest] > -thin) return result;
    for (int j = 0; j < kOutlinePoints; ++j) {
      const int next = (j + 1) % kOutlinePoints;
      if ((f[j] < 0.0) == (f[next] < 0.0)) continue;
      const double root = crossing_between(a, b, offset, j * kStep, f[j], (j + 1) * kStep, f[next]);
      (f[next] < 0.0 ? enter : exit) = root;
    }
  }
  result.count = 2;
  result.inside = false;
  result.azimuth_a[0] = enter;
  result.azimuth_a[1] = exit > enter ? exit : exit + kTwoPi;
  return result;
}

// How the rays to an arc of the lens's edge are spread: Gauss points; Gauss points in t with azimuth ~ t^2 (3 - 2 t),
// for an arc that ends at the limb, where the intensity changes as a square root; equal steps for the whole turn.
enum class Spread { kGauss, kGaussToEnds, kEqual };

// Rays `first_ray` and on: from `origin` to the piece of `edge` between two azimuths about the edge's own centre at X =
// offset. Their weight is the area that the edge sweeps, twice.
template <class Lanes>
PN_INLINE void aim_rays(const Lanes& lanes, const SkyPoint& origin, const Outline& edge, double offset, double from,
                        double to, int count, Spread spread, const GaussTable& gauss, int first_ray, ViewWork& work) {
  const bool equal = spread == Spread::kEqual, to_ends = spread == Spread::kGaussToEnds;
  const double* node = gauss.nodes(equal ? kMaxGaussPoints : count);
  const double* weight = gauss.weights(equal ? kMaxGaussPoints : count);
  lanes.for_each(whole_lanes(count), [&](int lane) {
    // Lanes past `count` compute rays that are not used.
    const double gauss_fraction = node[lane], gauss_share = weight[lane];
    const double t = equal ? (lane + 0.5) / count : gauss_fraction;
    const double share = (equal ? 1.0 / count : gauss_share) * (to_ends ? 6.0 * t * (1.0 - t) : 1.0);
    double s, c, derivative;
    sine_cosine(from + (to - from) * (to_ends ? t * t * (3.0 - 2.0 * t) : t), s, c);
    const double radius = edge(c, s, derivative);
    const double x = offset + radius * c, y = radius * s;
    const double tx = derivative * c - radius * s, ty = derivative * s + radius * c;
    work.ray_x[first_ray + lane] = x;
    work.ray_y[first_ray + lane] = y;
    work.ray_a[first_ray + lane] = ((x - origin.x) * ty - (y - origin.y) * tx) * share * (to - from);
  });
}

// out[k] += flux of the cones from `origin` to the edge. Along each ray the point is origin + (1 - y^2) (edge -
// origin), which removes the limb's square root. `limb` is the eclipsed star's outline.
template <class Lanes>
PN_INLINE void add_rays(const Lanes& lanes, const Surface& surface, const SkyFrame& frame, const Outline& limb,
                        const SkyPoint& origin, int rays, int radial, const GaussTable& gauss,
                        const BandIntensity* bands, int band_count, ViewWork& work, BandSums out) {
  const double* node = gauss.nodes(radial);
  const double* weight = gauss.weights(radial);
  // The surface's height on the line of sight through its centre, and its largest radius: towards the companion.
  double slope;
  const double centre_height = surface.roche.radius(frame.sight, surface.radius, slope);
  const double longest = surface.roche.radius({1.0, 0.0, 0.0}, surface.radius, slope);
  const double height2 = centre_height * centre_height, inverse_radius = 1.0 / limb.cosine[0];
  const int steps = newton_steps(surface.crowding);
  // The limb's first harmonic gives the height where near and far sides meet: only near enough on an ellipsoid.
  const int middle_steps = surface.crowding;
  const int total = rays * radial;
  for (int first = 0; first < total; first += kViewChunk<Lanes>) {
    const int left = whole_lanes(total - first), count = left < kViewChunk<Lanes> ? left : kViewChunk<Lanes>;
    lanes.for_each(count, [&](int i) {
      const bool real = first + i < total;
      const RayPoint at = ray_point(real ? first + i : total - 1, radial);
      work.points.x[i] = work.ray_x[at.ray];
      work.points.y[i] = work.ray_y[at.ray];
      work.points.r[i] = node[at.point];
      work.points.weight[i] = real ? work.ray_a[at.ray] * weight[at.point] : 0.0;
    });
    lanes.for_each(count, [&](int i) {
      const double y = work.points.r[i], sigma = 1.0 - y * y;
      const double px = origin.x + sigma * (work.points.x[i] - origin.x);
      const double py = origin.y + sigma * (work.points.y[i] - origin.y);
      const double inside = 1.0 - px * px * (limb.inverse2_mean + limb.inverse2_cos) -
                            py * py * (limb.inverse2_mean - limb.inverse2_cos) - 2.0 * px * py * limb.inverse2_sin;
      work.points.x[i] = px;
      work.points.y[i] = py;
      work.points.z[i] = (limb.height_cos * px + limb.height_sin * py) * inverse_radius;
      work.points.r[i] = height2 * (inside > 1e-3 ? inside : 1e-3);
      work.points.weight[i] *= sigma * 2.0 * y;
    });
    for (int step = 0; step < middle_steps; ++step) {
      lanes.for_each(count, [&](int i) {
        const Vector3 sky = work.points.x[i] * frame.right + work.points.y[i] * frame.up;
        work.points.z[i] = surface.roche.middle_step(sky, frame.sight, work.points.z[i]);
      });
    }
    double* const most = work.points.sqrt_mu;  // not needed yet
    lanes.for_each(count, [&](int i) {
      const Vector3 sky = work.points.x[i] * frame.right + work.points.y[i] * frame.up;
      most[i] = Roche::most_height(sky, work.points.z[i], longest);
      work.points.r[i] = work.points.r[i] < most[i] ? work.points.r[i] : most[i];
    });
    for (int step = 0; step < steps; ++step) {
      lanes.for_each(count, [&](int i) {
        const Vector3 sky = work.points.x[i] * frame.right + work.points.y[i] * frame.up;
        work.points.r[i] = surface.roche.height_step(sky, frame.sight, work.points.z[i], most[i], work.points.r[i]);
      });
    }
    const auto position_of = [&](int i) {
      const double height = work.points.z[i] + std::sqrt(work.points.r[i]);
      return work.points.x[i] * frame.right + work.points.y[i] * frame.up + height * frame.sight;
    };
    if (surface.heat_map != nullptr) {
      lanes.for_each(count, [&](int i) {
        work.points.left_out[i] = (*surface.heat_map)(surface.roche.separation, position_of(i));
      });
    }
    lanes.for_each(count, [&](int i) {
      const Vector3 position = position_of(i);
      work.points.set(i, local_surface(surface, position, frame.sight),
                      work.points.weight[i] * surface.weight(position));
    });
    add_intensity(lanes, surface, work.points, count, bands, band_count, out);
  }
}

// Gauss points for an arc of a given length, as `half_turn` times a base plus a share of the length. An edge that ends
// at the limb needs a base for its square roots however short it is. (Tuned on random systems: 5e-5 of the flux.)
PN_HD inline int arc_points(int half_turn, double base, double share, double length) {
  const int points = static_cast<int>(std::ceil(half_turn * (base + share * length / kPi)));
  return points < kMaxGaussPoints ? points : kMaxGaussPoints;
}

enum class Overlap { kNone, kPartial, kAnnular, kTotal };

// Working memory of an eclipse.
struct EclipseWork {
  ViewWork view;
  Outline outline[2];
  double protrusion[kOutlinePoints];
};

// out[k] += flux that the eclipsing star hides, as add_disc_flux counts it. kTotal: all of the disc, and nothing is
// added. `frame` is the eclipsed star's; `arc` and `radial` are Gauss points in azimuth for a half turn, and along each
// ray.
template <class Lanes>
PN_INLINE Overlap add_hidden_flux(const Lanes& lanes, const Surface& eclipsed, const Surface& eclipsing,
                                  const SkyFrame& frame, double sky_distance, int arc, int radial,
                                  const GaussTable& gauss, const BandIntensity* bands, int band_count,
                                  EclipseWork& work, BandSums out) {
  if (sky_distance > 1.5 * (eclipsed.radius + eclipsing.radius)) return Overlap::kNone;
  if (outer_gap(eclipsed, eclipsing, frame, sky_distance) >= 0.0) return Overlap::kNone;
  const int crowding = eclipsed.crowding > eclipsing.crowding ? eclipsed.crowding : eclipsing.crowding;
  const int more = crowding < 2 ? crowding : 2;
  arc += more;
  radial += more;
  // The dark tip of a star that nearly fills its lobe is small on the lens's edge.
  if (eclipsed.crowding == kMostCrowding) arc *= 2;
  arc = arc < kMaxGaussPoints ? arc : kMaxGaussPoints;
  radial = radial < kMaxGaussPoints ? radial : kMaxGaussPoints;
  const Outline &a = work.outline[0], &b = work.outline[1];
  trace_outline(lanes, eclipsed, frame, work.outline[0]);
  trace_outline(lanes, eclipsing, companion_frame(frame), work.outline[1]);
  const Crossings crossings = find_crossings(lanes, a, b, sky_distance, work.protrusion);
  if (crossings.count == 0 && crossings.inside) return Overlap::kTotal;
  if (crossings.count == 0 && sky_distance > a.cosine[0]) return Overlap::kNone;

  SkyPoint origin{sky_distance, 0.0};
  int rays;
  if (crossings.count == 0) {
    rays = 2 * arc;
    aim_rays(lanes, origin, b, sky_distance, 0.0, kTwoPi, rays, Spread::kEqual, gauss, 0, work.view);
  } else {
    // The lens's edge, anticlockwise: a's outline from [0] to [1], then b's from there back.
    const double from_a = crossings.azimuth_a[0], to_a = crossings.azimuth_a[1];
    double azimuth_b[2];
    double c, s, unused;
    for (int i = 0; i < 2; ++i) {
      sine_cosine(crossings.azimuth_a[i], s, c);
      const double radius = a(c, s, unused);
      azimuth_b[i] = std::atan2(radius * s, radius * c - sky_distance);
    }
    const double from_b = azimuth_b[1], to_b = azimuth_b[0] > from_b ? azimuth_b[0] : azimuth_b[0] + kTwoPi;
    double c_a, s_a, c_b, s_b;
    sine_cosine(0.5 * (from_a + to_a), s_a, c_a);
    sine_cosine(0.5 * (from_b + to_b), s_b, c_b);
    const double radius_a = a(c_a, s_a, unused), radius_b = b(c_b, s_b, unused);
    origin = {0.5 * (radius_a * c_a + sky_distance + radius_b * c_b), 0.5 * (radius_a * s_a + radius_b * s_b)};
    const int rays_a = arc_points(arc, 0.3, 0.4, to_a - from_a), rays_b = arc_points(arc, 0.8, 0.2, to_b - from_b);
    rays = rays_a + rays_b;
    aim_rays(lanes, origin, a, 0.0, from_a, to_a, rays_a, Spread::kGauss, gauss, 0, work.view);
    aim_rays(lanes, origin, b, sky_distance, from_b, to_b, rays_b, Spread::kGaussToEnds, gauss, rays_a, work.view);
  }
  add_rays(lanes, eclipsed, frame, a, origin, rays, radial, gauss, bands, band_count, work.view, out);
  return crossings.count == 0 ? Overlap::kAnnular : Overlap::kPartial;
}

}  // namespace penumbra
