// The shape of a star that fills an equipotential of the Roche model. Lengths are in units of the semi-major axis.
//
// Omega = 1 / r + q (1 / |r - d| - x / d^2) + (1 + q) (x^2 + y^2) / 2 about the star's centre, companion at (d, 0, 0),
// q the companion's mass over the star's, rotation synchronous with the mean motion (Wilson 1979, F = 1). Gravity, the
// gradient, is in units of G M / a^2 with the star's own M.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"
#include "sim/elementary.h"
#include "sim/lanes.h"
#include "sim/quadrature.h"
#include "sim/vector3.h"

namespace penumbra {

// 1 / sqrt(a) and 1 / sqrt(b) by one division.
PN_INLINE void inverse_roots(double a, double b, double& inverse_a, double& inverse_b) {
  const double root_a = std::sqrt(a), root_b = std::sqrt(b), inverse = 1.0 / (root_a * root_b);
  inverse_a = root_b * inverse;
  inverse_b = root_a * inverse;
}

struct Roche {
  double q;           // mass of the companion over that of the star
  double separation;  // instantaneous distance of the centres
  double potential;   // of the surface

  // Gradient of Omega; `companion_distance` becomes |r - d|.
  PN_INLINE Vector3 gradient(const Vector3& p, double& companion_distance) const {
    const double dx = p.x - separation;
    const double transverse2 = p.y * p.y + p.z * p.z;
    const double r2 = p.x * p.x + transverse2;
    const double c2 = dx * dx + transverse2;
    companion_distance = std::sqrt(c2);
    const double own = 1.0 / (r2 * std::sqrt(r2));
    const double other = q / (c2 * companion_distance);
    const double spin = 1.0 + q;
    return {-p.x * own - dx * other - q / (separation * separation) + spin * p.x, p.y * (spin - own - other),
            -p.z * (own + other)};
  }

  // Where Newton's method starts: 1 / r from the tide's second and third harmonic and the rotation on a sphere of this
  // radius, exact to first order in the distortion.
  PN_INLINE double first_radius(const Vector3& direction, double mean_radius) const {
    const double x = direction.x, ratio = mean_radius / separation;
    const double second = 1.5 * x * x - 0.5, third = x * (2.5 * x * x - 1.5);
    const double tide = q / separation * ratio * ratio * (second + ratio * third);
    const double spin = 0.5 * (1.0 + q) * mean_radius * mean_radius * (1.0 - direction.z * direction.z);
    return 1.0 / (potential - q / separation - tide - spin);
  }

  // Radius of the surface along the unit vector `direction`, a better one than r: a step of Newton's method in 1 / r,
  // in which Omega is nearly linear. `slope` becomes d Omega / d r at the old r.
  PN_INLINE double radius_step(const Vector3& direction, double r, double& slope) const {
    const double tide = q / (separation * separation) * direction.x;
    const double spin = (1.0 + q) * (1.0 - direction.z * direction.z);
    const double along = r - separation * direction.x;
    const double c2 = along * along + separation * separation * (1.0 - direction.x * direction.x);
    const double inverse_c = 1.0 / std::sqrt(c2);
    const double inverse_r = 1.0 / r;
    const double excess = inverse_r + q * inverse_c - tide * r + 0.5 * spin * r * r - potential;
    slope = -inverse_r * inverse_r - q * along * inverse_c * inverse_c * inverse_c - tide + spin * r;
    // 1 / r + excess / (r^2 slope), as d Omega / d(1 / r) = -r^2 d Omega / d r
    return r * r * slope / (r * slope + excess);
  }

  // The converged radius; `slope` belongs to it.
  PN_HD double radius(const Vector3& direction, double guess, double& slope) const {
    double r = guess;
    for (int iteration = 0; iteration < 20; ++iteration) {
      const double last = r;
      r = radius_step(direction, last, slope);
      if (std::abs(r - last) < 1e-6 * r) break;  // the error left is below its square
    }
    return r;
  }

  // A point of the outline on the sky: where the half-plane spanned by `out` (on the sky) and `sight` (to the observer)
  // touches the surface tangentially.
  struct Limb {
    double sky_radius;  // along `out`
    double height;      // along `sight`
    double slope;       // d sky_radius / d azimuth, for azimuth growing towards `aside`
  };
  // A step of Newton's method on Omega = potential, dOmega/dz = 0.
  PN_INLINE Limb limb_step(const Vector3& out, const Vector3& aside, const Vector3& sight, const Limb& limb) const {
    const double s = limb.sky_radius, h = limb.height;
    const double spin = 1.0 + q;
    const double spin_sh = spin * (out.x * sight.x + out.y * sight.y);
    const double spin_hh = spin * (sight.x * sight.x + sight.y * sight.y);
    const Vector3 p = s * out + h * sight;
    const double dx = p.x - separation;
    const double c_out = s - separation * out.x, c_sight = h - separation * sight.x;
    const double r2 = s * s + h * h, c2 = dx * dx + p.y * p.y + p.z * p.z;
    double own1, other1;
    inverse_roots(r2, c2, own1, other1);
    const double own2 = own1 * own1, other2 = other1 * other1;
    const double own3 = own1 * own2, other3 = q * other1 * other2;
    const double tide = q / (separation * separation);
    const double value = own1 + q * other1 - tide * p.x + 0.5 * spin * (p.x * p.x + p.y * p.y) - potential;
    const double d_s = -s * own3 - c_out * other3 - tide * out.x + spin * (p.x * out.x + p.y * out.y);
    const double d_h = -h * own3 - c_sight * other3 - tide * sight.x + spin * (p.x * sight.x + p.y * sight.y);
    const double d_sh = 3.0 * (s * h * own3 * own2 + c_out * c_sight * other3 * other2) + spin_sh;
    const double d_hh = (3.0 * h * h * own2 - 1.0) * own3 + (3.0 * c_sight * c_sight * other2 - 1.0) * other3 + spin_hh;
    const double scale = 1.0 / (d_s * d_hh - d_h * d_sh);
    // The slope follows from dOmega = 0 along the outline; its error is that of the point.
    const double d_aside = separation * aside.x * other3 - tide * aside.x + spin * (p.x * aside.x + p.y * aside.y);
    return {s + scale * (d_h * d_h - value * d_hh), h + scale * (value * d_sh - d_s * d_h), -s * d_aside / d_s};
  }

  PN_HD Limb limb(const Vector3& out, const Vector3& aside, const Vector3& sight, double guess_radius,
                  double guess_height) const {
    Limb limb{guess_radius, guess_height, 0.0};
    for (int iteration = 0; iteration < 20; ++iteration) {
      const Limb last = limb;
      limb = limb_step(out, aside, sight, last);
      const double moved = std::abs(limb.sky_radius - last.sky_radius) + std::abs(limb.height - last.height);
      if (moved < 3e-5 * limb.sky_radius) break;  // the error left is its square
    }
    return limb;
  }

  // Where the near and the far side of the surface meet when `sky` (a vector in the plane of the sky) goes to the limb:
  // the height of the largest Omega on the line of sight. A better one than `middle`: a step of Newton's method.
  PN_INLINE double middle_step(const Vector3& sky, const Vector3& sight, double middle) const {
    const Vector3 p = sky + middle * sight;
    const double c_sight = middle - separation * sight.x;
    const double dx = p.x - separation;
    const double transverse2 = p.y * p.y + p.z * p.z;
    const double r2 = p.x * p.x + transverse2, c2 = dx * dx + transverse2;
    const double own2 = 1.0 / (r2 > 1e-20 ? r2 : 1e-20), other2 = 1.0 / c2;
    const double own3 = own2 * std::sqrt(own2), other3 = q * other2 * std::sqrt(other2);
    const double spin = 1.0 + q;
    const double d_h = -middle * own3 - c_sight * other3 - q / (separation * separation) * sight.x +
                       spin * (p.x * sight.x + p.y * sight.y);
    const double d_hh = (3.0 * middle * middle * own2 - 1.0) * own3 +
                        (3.0 * c_sight * c_sight * other2 - 1.0) * other3 +
                        spin * (sight.x * sight.x + sight.y * sight.y);
    // Where Omega bends upwards, far from its largest, as the star's own field does near it.
    return middle - d_h / (d_hh < -0.2 * own3 ? d_hh : -own3);
  }

  // Height along `sight` of the surface point that is seen at `sky` (a vector in the plane of the sky), the near side.
  // Newton's method in v^2 = (height - middle)^2, which stays regular at the limb, where the near and far sides meet:
  // a better v^2. It is at most `most`: beyond the surface's largest radius a step would end in the companion's lobe.
  PN_INLINE double height_step(const Vector3& sky, const Vector3& sight, double middle, double most, double v2) const {
    const double v = std::sqrt(v2);
    const double h = middle + v;
    const Vector3 p = sky + h * sight;
    const double dx = p.x - separation;
    const double transverse2 = p.y * p.y + p.z * p.z;
    const double r2 = p.x * p.x + transverse2, c2 = dx * dx + transverse2;
    double own1, other1;
    inverse_roots(r2, c2, own1, other1);
    const double own3 = own1 * own1 * own1, other3 = q * other1 * other1 * other1;
    const double tide = q / (separation * separation);
    const double spin = 1.0 + q;
    const double excess = own1 + q * other1 - tide * p.x + 0.5 * spin * (p.x * p.x + p.y * p.y) - potential;
    const double d_h =
        -h * own3 - (h - separation * sight.x) * other3 - tide * sight.x + spin * (p.x * sight.x + p.y * sight.y);
    double next = v2 - 2.0 * v * excess / d_h;
    next = next > 0.02 * v2 ? next : 0.02 * v2;
    return next < most ? next : most;
  }
  // `most` from the largest radius, which is that towards the companion.
  PN_INLINE static double most_height(const Vector3& sky, double middle, double longest) {
    const double reach2 = longest * longest - dot(sky, sky);
    double reach = std::sqrt(reach2 > 0.0 ? reach2 : 0.0) - middle;
    reach = reach > 0.0 ? reach : 0.0;
    return reach * reach;
  }
};

// Distance of the inner Lagrange point from the star: the root of dOmega/dx between the centres, where it increases.
PN_HD inline double inner_lagrange_point(double q, double separation) {
  double lower = 0.0, upper = separation;
  double x = separation / (1.0 + std::cbrt(q));
  for (int iteration = 0; iteration < 80; ++iteration) {
    const double other = separation - x;
    const double force = -1.0 / (x * x) + q / (other * other) - q / (separation * separation) + (1.0 + q) * x;
    (force > 0.0 ? upper : lower) = x;
    const double gradient = 2.0 / (x * x * x) + 2.0 * q / (other * other * other) + 1.0 + q;
    double next = x - force / gradient;
    if (!(next > lower && next < upper)) next = 0.5 * (lower + upper);
    const double step = std::abs(next - x);
    x = next;
    if (step < 1e-12 * separation) break;
  }
  return x;
}

PN_HD inline double inner_lagrange_potential(double q, double separation) {
  const double x = inner_lagrange_point(q, separation);
  return 1.0 / x + q * (1.0 / (separation - x) - x / (separation * separation)) + 0.5 * (1.0 + q) * x * x;
}

// Volume-equivalent radius of the Roche lobe over the separation, q the companion's mass over the star's (Eggleton
// 1983, ApJ 268, 368).
PN_HD inline double roche_lobe_radius(double q) {
  const double root = std::cbrt(1.0 / q);
  return 0.49 * root * root / (0.6 * root * root + std::log1p(root));
}

// How nearly a star fills its lobe, in steps: the more, the more points it needs, in angle and in phase, for the same
// accuracy, and the more steps of Newton's method from first_radius.
PN_HD inline int crowding(double radius_over_lobe) {
  return radius_over_lobe < 0.45 ? 0 : radius_over_lobe < 0.8 ? 1 : radius_over_lobe < 0.9 ? 2 : 4;
}
inline constexpr int kMostCrowding = 4;
PN_HD inline int newton_steps(int crowding) { return crowding == kMostCrowding ? 9 : 2 + crowding; }
// Added to a disc's azimuths, and to the points on each. (At .998 of the lobe 14 and 11 leave 1.5e-4 of the flux.)
// Close companions need more because of the edge of their light, too.
PN_HD constexpr int more_azimuths(int crowding) {
  return crowding == 0 ? 0 : crowding == kMostCrowding ? 30 : 6 + 2 * crowding;
}
PN_HD constexpr int more_polar(int crowding) {
  return crowding == 0 ? 0 : crowding == kMostCrowding ? 15 : 3 + 2 * crowding;
}

// The equipotential of a given volume, and what depends on its whole surface.
struct RocheFit {
  double potential;
  double log_mean_gravity;  // ln of the area-weighted mean of (g R^2)^beta
  bool closed;              // false: no closed surface holds the volume
};

// Points of the quadrature over one surface: Gauss in t with cos(angle from the line of centres) = 1 - 2 t^2, so that t
// goes as the angle near the tip towards the companion, which is a cone where the star fills its lobe; midpoints in the
// quarter turn about the line that the planes of symmetry leave.
inline constexpr int kShapeLatitudes = 12;
inline constexpr int kShapeLongitudes = 4;
inline constexpr int kShapePoints = kShapeLatitudes * kShapeLongitudes;
static_assert(kShapePoints % kLanes == 0);

// Working memory of fit_roche.
struct ShapeWork {
  double x[kShapePoints], y[kShapePoints], z[kShapePoints], weight[kShapePoints];  // directions
  double r[kShapePoints];
  double a[kShapePoints], b[kShapePoints], c[kShapePoints], d[kShapePoints];  // terms of sums
};

// Volume-equivalent radius `radius` -> potential (Newton on volume), then the gravity-darkening normalisation.
template <class Lanes>
PN_HD RocheFit fit_roche(const Lanes& lanes, double q, double separation, double radius, double beta,
                         const GaussTable& gauss, ShapeWork& work) {
  const double critical = inner_lagrange_potential(q, separation);
  const double volume = radius * radius * radius;  // in units of 4 pi / 3
  const double* node = gauss.nodes(kShapeLatitudes);
  const double* weight = gauss.weights(kShapeLatitudes);
  const double x3 = volume / (separation * separation * separation);
  // Start: the monopole of Omega, and the tide's second-order swelling (Kopal 1959, Close Binary Systems, ch. III).
  RocheFit fit{1.0 / radius + q / separation + (1.0 + q) * radius * radius / 3.0 + 2.4 * q * q * x3 * x3 / radius, 0.0,
               false};
  if (!(radius < separation)) return fit;
  // A surface just inside the critical one still has a finite slope everywhere.
  const double lowest = critical * (1.0 + 1e-6);
  bool at_limit = fit.potential <= lowest;
  if (at_limit) fit.potential = lowest;
  const Roche start{q, separation, fit.potential};
  lanes.for_each(kShapePoints, [&](int i) {
    const int latitude = i / kShapeLongitudes, longitude = i % kShapeLongitudes;
    const double t = node[latitude];
    const double x = 1.0 - 2.0 * t * t;
    const double across = std::sqrt(1.0 - x * x);
    double sine, cosine;
    sine_cosine(0.5 * kPi * (longitude + 0.5) / kShapeLongitudes, sine, cosine);
    work.x[i] = x;
    work.y[i] = across * cosine;
    work.z[i] = across * sine;
    work.weight[i] = 2.0 * t * weight[latitude];
    work.r[i] = start.first_radius({x, across * cosine, across * sine}, radius);
  });
  const int steps = at_limit ? 12 : newton_steps(crowding(radius / (roche_lobe_radius(q) * separation)));
  for (int iteration = 0;; ++iteration) {
    const Roche roche{q, separation, fit.potential};
    for (int step = 0; step < steps; ++step) {
      lanes.for_each(kShapePoints, [&](int i) {
        double slope;
        const double r = roche.radius_step({work.x[i], work.y[i], work.z[i]}, work.r[i], slope);
        work.r[i] = r;
        work.a[i] = work.weight[i] * r * r * r;
        work.b[i] = work.weight[i] * 3.0 * r * r / slope;
      });
    }
    const double excess = lanes.sum(kShapePoints, [&](int i) { return work.a[i]; }) / kShapeLongitudes - volume;
    if (at_limit && excess < 0.0) return fit;  // the whole lobe is smaller than the star
    const double slope = lanes.sum(kShapePoints, [&](int i) { return work.b[i]; }) / kShapeLongitudes;
    const double step = -excess / slope;
    if (std::abs(step) < 1e-10 * fit.potential) break;
    if (iteration == 12) return fit;
    fit.potential += step;
    at_limit = fit.potential <= lowest;
    if (at_limit) fit.potential = lowest;
  }
  fit.closed = fit.potential > critical;

  const Roche roche{q, separation, fit.potential};
  lanes.for_each(kShapePoints, [&](int i) {
    const Vector3 direction{work.x[i], work.y[i], work.z[i]};
    const double r = work.r[i];
    double companion_distance;
    const Vector3 g = roche.gradient(r * direction, companion_distance);
    const double g2 = dot(g, g), strength = std::sqrt(g2), inward = -dot(g, direction);
    const double area = work.weight[i] * r * r * strength / inward;
    const double darkening = exponential(0.5 * beta * logarithm(g2 * volume * radius));
    work.a[i] = area;
    work.b[i] = area * darkening;
  });
  const double area = lanes.sum(kShapePoints, [&](int i) { return work.a[i]; });
  const double gravity = lanes.sum(kShapePoints, [&](int i) { return work.b[i]; });
  fit.log_mean_gravity = std::log(gravity / area);
  return fit;
}

// The same on one host thread.
inline RocheFit fit_roche(double q, double separation, double radius, double beta, const GaussTable& gauss) {
  ShapeWork work;
  return fit_roche(HostLanes{}, q, separation, radius, beta, gauss, work);
}

}  // namespace penumbra
