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
  double radius_at[kOutlinePoints];  // at azimuths 2 pi j / kOutlinePoints
  double cosine[kOutlineHarmonics + 1], sine[kOutlineHarmonics + 1];
  // The limb's height above the sky plane, first harmonic; and 1 / radius^2, zeroth and second: an ellipsoid's outline.
  double height_cos, height_sin;
  double inverse2_mean, inverse2_cos, inverse2_sin;

  // Radius and its derivative at the azimuth of cosine c and sine s.
  PN_HD double operator()(double c, double s, double& derivative) const {
    double radius = cosine[0];
    derivative = 0.0;
    double cm = 1.0, sm = 0.0;
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

// cos and sin of 2 pi j / kOutlinePoints, j >= 0.
static_assert(kOutlinePoints == 16);
PN_HD inline double outline_cos(int j) {
  constexpr double kC1 = 0.92387953251128675613, kC2 = 0.70710678118654752440, kC3 = 0.38268343236508977173;
  constexpr double kCosine[kOutlinePoints] = {1.0,  kC1,  kC2,  kC3,  0.0, -kC3, -kC2, -kC1,
                                              -1.0, -kC1, -kC2, -kC3, 0.0, kC3,  kC2,  kC1};
  return kCosine[j % kOutlinePoints];
}
PN_HD inline double outline_sin(int j) { return outline_cos(j + 12); }

PN_HD inline Outline trace_outline(const Surface& surface, const SkyFrame& frame) {
  Outline outline{};
  Roche::Limb limb{surface.radius, 0.0, 0.0};
  for (int j = 0; j < kOutlinePoints; ++j) {
    const double c = outline_cos(j), s = outline_sin(j);
    limb = surface.roche.limb(c * frame.right + s * frame.up, c * frame.up + (-s) * frame.right, frame.sight,
                              limb.sky_radius, limb.height);
    const double radius = limb.sky_radius;
    outline.radius_at[j] = radius;
    for (int m = 0; m <= kOutlineHarmonics; ++m) {
      outline.cosine[m] += radius * outline_cos(m * j);
      outline.sine[m] += radius * outline_sin(m * j);
    }
    outline.height_cos += limb.height * c;
    outline.height_sin += limb.height * s;
    const double inverse2 = 1.0 / (radius * radius);
    outline.inverse2_mean += inverse2;
    outline.inverse2_cos += inverse2 * outline_cos(2 * j);
    outline.inverse2_sin += inverse2 * outline_sin(2 * j);
  }
  constexpr double kScale = 2.0 / kOutlinePoints;
  for (int m = 0; m <= kOutlineHarmonics; ++m) {
    outline.cosine[m] *= m == 0 ? 0.5 * kScale : kScale;
    outline.sine[m] *= kScale;
  }
  outline.height_cos *= kScale;
  outline.height_sin *= kScale;
  outline.inverse2_mean *= 0.5 * kScale;
  outline.inverse2_cos *= kScale;
  outline.inverse2_sin *= kScale;
  return outline;
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

// How far the point of outline `a` at azimuth (c, s) lies outside outline `b`, whose centre is at X = offset.
PN_HD inline double protrusion(const Outline& a, const Outline& b, double offset, double c, double s) {
  double unused;
  const double radius = a(c, s, unused);
  const double x = radius * c - offset, y = radius * s;
  const double distance = std::sqrt(x * x + y * y);
  if (distance < 1e-14) return -b.cosine[0];
  return distance - b(x / distance, y / distance, unused);
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
    const double f = protrusion(a, b, offset, std::cos(x), std::sin(x));
    if (std::abs(f) < 1e-11 * a.cosine[0]) break;
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
PN_HD inline Crossings find_crossings(const Outline& a, const Outline& b, double offset) {
  constexpr double kStep = kTwoPi / kOutlinePoints;
  const double thin = 1e-9 * a.cosine[0];
  double f[kOutlinePoints];
  int inside = 0, highest = 0, lowest = 0;
  for (int j = 0; j < kOutlinePoints; ++j) {
    double unused;
    const double x = a.radius_at[j] * outline_cos(j) - offset, y = a.radius_at[j] * outline_sin(j);
    const double distance = std::sqrt(x * x + y * y);
    f[j] = distance < 1e-14 ? -b.cosine[0] : distance - b(x / distance, y / distance, unused);
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
    const double extreme = protrusion(a, b, offset, std::cos(at), std::sin(at));
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

// out[k] += flux of the cone from `origin` to the piece of `edge` between two azimuths about the edge's own centre at
// X = offset. Along each ray the point is origin + (1 - y^2) (edge - origin), which removes the limb's square root.
struct LensIntegral {
  const Surface* surface;  // eclipsed star
  const SkyFrame* frame;
  const Outline* limb;   // its outline
  double centre_height;  // of the surface above the sky plane, on the line of sight through the centre
  double longest;        // largest radius of the surface: towards the companion
  const GaussTable* gauss;
  const BandIntensity* bands;
  int band_count;
  double* out;

  PN_HD void add_ray(const SkyPoint& origin, const SkyPoint& edge, double turn, int radial) const {
    const double* node = gauss->nodes(radial);
    const double* weight = gauss->weights(radial);
    for (int i = 0; i < radial; ++i) {
      const double y = node[i];
      const double sigma = 1.0 - y * y;
      const double px = origin.x + sigma * (edge.x - origin.x), py = origin.y + sigma * (edge.y - origin.y);
      const double middle = (limb->height_cos * px + limb->height_sin * py) / limb->cosine[0];
      const double inside = 1.0 - px * px * (limb->inverse2_mean + limb->inverse2_cos) -
                            py * py * (limb->inverse2_mean - limb->inverse2_cos) - 2.0 * px * py * limb->inverse2_sin;
      const double guess = centre_height * centre_height * (inside > 1e-3 ? inside : 1e-3);
      const Vector3 sky = px * frame->right + py * frame->up;
      const double height = surface->roche.height(sky, frame->sight, middle, guess, longest);
      double mu;
      Vector3 gravity;
      const Vector3 position = sky + height * frame->sight;
      const SurfacePoint point = surface_point(*surface, position, frame->sight, mu, gravity);
      add_intensity(point, turn * weight[i] * sigma * 2.0 * y * surface->weight(position), bands, band_count, out);
    }
  }

  // How the points of an arc are spread: Gauss points; Gauss points in t with azimuth ~ t^2 (3 - 2 t), for an arc that
  // ends at the limb, where the intensity changes as a square root; equal steps for the whole turn.
  enum class Spread { kGauss, kGaussToEnds, kEqual };

  PN_HD void add_arc(const SkyPoint& origin, const Outline& edge, double offset, double from, double to, int points,
                     Spread spread, int radial) const {
    for (int j = 0; j < points; ++j) {
      double fraction = (j + 0.5) / points, share = 1.0 / points;
      if (spread != Spread::kEqual) {
        fraction = gauss->nodes(points)[j];
        share = gauss->weights(points)[j];
      }
      if (spread == Spread::kGaussToEnds) {
        share *= 6.0 * fraction * (1.0 - fraction);
        fraction *= fraction * (3.0 - 2.0 * fraction);
      }
      const double azimuth = from + (to - from) * fraction;
      const double c = std::cos(azimuth), s = std::sin(azimuth);
      double derivative;
      const double radius = edge(c, s, derivative);
      const SkyPoint at{offset + radius * c, radius * s};
      const double tx = derivative * c - radius * s, ty = derivative * s + radius * c;
      const double turn = (at.x - origin.x) * ty - (at.y - origin.y) * tx;
      add_ray(origin, at, turn * share * (to - from), radial);
    }
  }
};

// Gauss points for an arc of a given length, as `half_turn` times a base plus a share of the length. An edge that ends
// at the limb needs a base for its square roots however short it is. (Tuned on random systems: 5e-5 of the flux.)
PN_HD inline int arc_points(int half_turn, double base, double share, double length) {
  const int points = static_cast<int>(std::ceil(half_turn * (base + share * length / kPi)));
  return points < kMaxGaussPoints ? points : kMaxGaussPoints;
}

enum class Overlap { kNone, kPartial, kAnnular, kTotal };

// out[k] += flux that the eclipsing star hides, as add_disc_flux counts it. kTotal: all of the disc, and nothing is
// added. `frame` is the eclipsed star's; `arc` and `radial` are Gauss points in azimuth for a half turn, and along each
// ray.
PN_HD inline Overlap add_hidden_flux(const Surface& eclipsed, const Surface& eclipsing, const SkyFrame& frame,
                                     double sky_distance, int arc, int radial, const GaussTable& gauss,
                                     const BandIntensity* bands, int band_count, double* out) {
  if (sky_distance > 1.5 * (eclipsed.radius + eclipsing.radius)) return Overlap::kNone;
  if (outer_gap(eclipsed, eclipsing, frame, sky_distance) >= 0.0) return Overlap::kNone;
  const Outline a = trace_outline(eclipsed, frame);
  const Outline b = trace_outline(eclipsing, companion_frame(frame));
  const Crossings crossings = find_crossings(a, b, sky_distance);
  if (crossings.count == 0 && crossings.inside) return Overlap::kTotal;
  if (crossings.count == 0 && sky_distance > a.cosine[0]) return Overlap::kNone;

  double slope;
  const double centre_height = eclipsed.roche.radius(frame.sight, eclipsed.radius, slope);
  const double longest = eclipsed.roche.radius({1.0, 0.0, 0.0}, eclipsed.radius, slope);
  const LensIntegral lens{&eclipsed, &frame, &a, centre_height, longest, &gauss, bands, band_count, out};
  if (crossings.count == 0) {
    lens.add_arc({sky_distance, 0.0}, b, sky_distance, 0.0, kTwoPi, 2 * arc, LensIntegral::Spread::kEqual, radial);
    return Overlap::kAnnular;
  }
  // The lens's edge, anticlockwise: a's outline from [0] to [1], then b's from there back.
  const double from_a = crossings.azimuth_a[0], to_a = crossings.azimuth_a[1];
  double azimuth_b[2];
  double unused;
  for (int i = 0; i < 2; ++i) {
    const double c = std::cos(crossings.azimuth_a[i]), s = std::sin(crossings.azimuth_a[i]);
    const double radius = a(c, s, unused);
    azimuth_b[i] = std::atan2(radius * s, radius * c - sky_distance);
  }
  const double from_b = azimuth_b[1], to_b = azimuth_b[0] > from_b ? azimuth_b[0] : azimuth_b[0] + kTwoPi;
  const double c_a = std::cos(0.5 * (from_a + to_a)), s_a = std::sin(0.5 * (from_a + to_a));
  const double c_b = std::cos(0.5 * (from_b + to_b)), s_b = std::sin(0.5 * (from_b + to_b));
  const double radius_a = a(c_a, s_a, unused), radius_b = b(c_b, s_b, unused);
  const SkyPoint origin{0.5 * (radius_a * c_a + sky_distance + radius_b * c_b),
                        0.5 * (radius_a * s_a + radius_b * s_b)};
  const double length_a = to_a - from_a, length_b = to_b - from_b;
  lens.add_arc(origin, a, 0.0, from_a, to_a, arc_points(arc, 0.3, 0.4, length_a), LensIntegral::Spread::kGauss, radial);
  lens.add_arc(origin, b, sky_distance, from_b, to_b, arc_points(arc, 0.8, 0.2, length_b),
               LensIntegral::Spread::kGaussToEnds, radial);
  return Overlap::kPartial;
}

}  // namespace penumbra
