// The visible surface of one star: gravity, temperature and emergent intensity at a point, and the light of the whole
// disc.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/atmosphere.h"
#include "sim/elementary.h"
#include "sim/heat_map.h"
#include "sim/lanes.h"
#include "sim/reflection.h"
#include "sim/roche.h"

namespace penumbra {

// One star in one passband as the surface integrals read it: StarBand with its limb darkening as a polynomial in
// s = sqrt(mu) and a multiple of s^2 ln s, normalised so that a disc of this mean intensity keeps it.
struct BandIntensity {
  double log_intensity, slope_t, curve_t, slope_g;
  double limb[5];
  double limb_log;
};

// ln I is continued from Teff in xi = 1 - Teff / T, in which Planck's law is nearly straight (exactly so in Wien's
// limit), with the same first and second derivatives at Teff as StarBand's expansion in ln T.
PN_HD inline BandIntensity make_band_intensity(const StarBand& band) {
  const double* c = band.limb.c;
  const double scale = 1.0 / band.limb.disc_integral();
  return {band.log_intensity,
          band.slope_t,
          band.slope_t + band.curve_t,
          band.slope_g,
          {scale * (1.0 - c[0] - c[1] - c[2] - c[3]), scale * c[0], scale * c[1], scale * c[2], scale * c[3]},
          -2.0 * scale * band.limb.log};
}

// What each point's light counts for, linear in its position: 1 for a flux, the velocity for a radial velocity.
struct PointWeight {
  double constant = 1.0;
  Vector3 gradient = {0.0, 0.0, 0.0};
  PN_INLINE double operator()(const Vector3& position) const { return constant + dot(gradient, position); }
};

// One star at one separation.
struct Surface {
  Roche roche;
  double radius;                      // volume-equivalent
  double gravity_darkening;           // beta of T^4 ~ g^beta
  double log_mean_gravity;            // RocheFit
  int crowding;                       // roche.h
  Companion companion;                // what heats it
  const HeatMap* heat_map = nullptr;  // what that leaves out; null: nothing
  PointWeight weight = {};
};

// A point of the surface in itself, and where its companion stands.
struct LocalSurface {
  Vector3 gravity;           // gradient of the potential, which points inwards
  double mu;                 // 0 where the normal points away from the observer
  double relative_gravity2;  // (g / g_mean)^2, g_mean = G M / R^2
  double cos_zenith;         // of the companion's centre
  double companion_distance;
};

PN_INLINE LocalSurface local_surface(const Surface& surface, const Vector3& position, const Vector3& sight) {
  LocalSurface local;
  local.gravity = surface.roche.gradient(position, local.companion_distance);
  const double g2 = dot(local.gravity, local.gravity);
  const double inverse_g = 1.0 / std::sqrt(g2);
  const double mu = -dot(local.gravity, sight) * inverse_g;
  local.mu = mu > 0.0 ? mu : 0.0;
  const double r2 = surface.radius * surface.radius;
  local.relative_gravity2 = g2 * r2 * r2;
  const double toward = surface.roche.separation * local.gravity.x - dot(local.gravity, position);
  local.cos_zenith = -toward * inverse_g / local.companion_distance;
  return local;
}

// Flux that leaves a point without the companion's help, (T / Teff)^4: von Zeipel's law, normalised to its mean over
// area. log_gravity is ln g / g_mean.
PN_INLINE double intrinsic_flux(const Surface& surface, double log_gravity) {
  return exponential(surface.gravity_darkening * log_gravity - surface.log_mean_gravity);
}

PN_INLINE double xi_of(double t4) { return 1.0 - 1.0 / std::sqrt(std::sqrt(t4)); }

// Numbers that belong to the bands, `stride` apart.
struct BandSums {
  double* first;
  int stride;
  PN_HD BandSums(double* at, int apart = 1) : first(at), stride(apart) {}
  PN_HD double& operator[](int band) const { return first[band * stride]; }
};

// Points of one view, some at a time.
inline constexpr int kViewPoints = 72;
template <class Lanes>
inline constexpr int kViewChunk = kViewPoints / Lanes::kSize* Lanes::kSize;
struct ViewPoints {
  double weight[kViewPoints];  // projected area
  double sqrt_mu[kViewPoints];
  double log_gravity[kViewPoints];  // relative_gravity2, then its ln / 2
  // Where the point is, while that is being found: direction and radius, or place on the sky. Then what it gets from
  // the companion, and (T / Teff)^4, at last xi = 1 - Teff / T.
  union {
    double x[kViewPoints], temperature[kViewPoints];
  };
  union {
    double y[kViewPoints], cos_zenith[kViewPoints];
  };
  union {
    double z[kViewPoints], companion_distance[kViewPoints];
  };
  double r[kViewPoints];
  double left_out[kViewPoints];  // heat of a heat map

  PN_INLINE void set(int i, const LocalSurface& local, double w) {
    weight[i] = w;
    sqrt_mu[i] = std::sqrt(local.mu);
    log_gravity[i] = local.relative_gravity2;
    cos_zenith[i] = local.cos_zenith;
    companion_distance[i] = local.companion_distance;
  }
};

struct PointLight {
  double weighted, limb, sqrt_mu;
};

// out[k] += weight * emergent intensity in each band, summed over the first `count` points.
template <class Lanes>
PN_INLINE void add_intensity(const Lanes& lanes, const Surface& surface, ViewPoints& points, int count,
                             const BandIntensity* bands, int band_count, BandSums out) {
  double* const t = points.temperature;
  // A loop of its own: g++ 12 vectorises it only so.
  lanes.for_each(count, [&](int i) {
    const double log_gravity = 0.5 * logarithm(points.log_gravity[i]);
    points.log_gravity[i] = log_gravity;
    t[i] = intrinsic_flux(surface, log_gravity);
  });
  if (surface.companion.irradiation > 0.0) {
    double* const heat = points.r;  // has served
    surface.companion.heat(lanes, count, points.cos_zenith, points.companion_distance, heat);
    lanes.for_each(count, [&](int i) { t[i] += heat[i]; });
  }
  if (surface.heat_map != nullptr) lanes.for_each(count, [&](int i) { t[i] += points.left_out[i]; });
  lanes.for_each(count, [&](int i) { t[i] = xi_of(t[i]); });
  for (int k = 0; k < band_count; ++k) {
    const BandIntensity b = bands[k];
    const auto light = [&](int i) {
      const double m = points.sqrt_mu[i], xi = t[i];
      double exponent = b.log_intensity + xi * (b.slope_t + 0.5 * b.curve_t * xi) + b.slope_g * points.log_gravity[i];
      exponent = exponent > -700.0 ? exponent : -700.0;
      exponent = exponent < 700.0 ? exponent : 700.0;
      const double limb = b.limb[0] + m * (b.limb[1] + m * (b.limb[2] + m * (b.limb[3] + m * b.limb[4])));
      return PointLight{points.weight[i] * exponential(exponent), limb, m};
    };
    double sum;
    if (b.limb_log == 0.0) {
      sum = lanes.sum(count, [&](int i) {
        const PointLight p = light(i);
        return p.weighted * p.limb;
      });
    } else {
      sum = lanes.sum(count, [&](int i) {
        const PointLight p = light(i);
        const double m = p.sqrt_mu;
        return p.weighted * (p.limb + b.limb_log * m * m * logarithm(m > 1e-100 ? m : 1e-100));
      });
    }
    if (lanes.rank() == 0) out[k] += sum;
  }
  lanes.sync();
}

// The plane of the sky in one star's frame: `right` points to the companion, `up` = sight x right.
struct SkyFrame {
  Vector3 sight, right, up;
};

PN_HD inline SkyFrame sky_frame(const Vector3& sight) {
  const double s = std::sqrt(sight.y * sight.y + sight.z * sight.z);
  if (s < 1e-12) return {sight, {0.0, 1.0, 0.0}, {0.0, 0.0, sight.x > 0.0 ? 1.0 : -1.0}};
  return {sight, {s, -sight.x * sight.y / s, -sight.x * sight.z / s}, {0.0, sight.z / s, -sight.y / s}};
}

// The same sky, its axes turned from `right` towards `up`.
PN_HD inline SkyFrame turned(const SkyFrame& f, double angle) {
  double s, c;
  sine_cosine(angle, s, c);
  return {f.sight, c * f.right + s * f.up, c * f.up + (-s) * f.right};
}

// The same sky in the companion's frame. x is mirrored instead of turned by pi: the Roche model is symmetric in y.
PN_HD inline SkyFrame companion_frame(const SkyFrame& f) {
  return {{-f.sight.x, f.sight.y, f.sight.z}, {-f.right.x, f.right.y, f.right.z}, {-f.up.x, f.up.y, f.up.z}};
}

// Rays on the plane of the sky: from a disc's centre to its limb, or from a point inside the eclipsed lens to its edge.
inline constexpr int kMaxRays = 96;
inline constexpr int kMaxAzimuths = kMaxRays - more_azimuths(kMostCrowding);

// Working memory of one view.
struct ViewWork {
  ViewPoints points;
  double ray_x[kMaxRays], ray_y[kMaxRays];  // disc: of the outward unit vector; lens: of the edge
  double ray_a[kMaxRays], ray_b[kMaxRays];  // disc: the limb's direction along it and along the sight; lens: weight
};

// Point `i` of rays that carry `points_a_ray` each.
struct RayPoint {
  int ray, point;
};
PN_INLINE RayPoint ray_point(int i, int points_a_ray) {
  // A double's division, which has vector instructions: (i + 1/2) / n is never close to an integer.
  const int ray = static_cast<int>((i + 0.5) / points_a_ray);
  return {ray, i - ray * points_a_ray};
}

// out[k] += flux of the whole disc, int I dA_projected, in units of intensity times a^2. Polar coordinates about the
// line of sight through the centre: trapezoid in azimuth; from the centre to the limb Gauss points in v with mu = 1 -
// (1 - v^2)^2 on a sphere, so that v is as sqrt(mu) at the limb, where limb-darkening laws are polynomials in it, and
// as the distance from the centre there.
template <class Lanes>
PN_INLINE void add_disc_flux(const Lanes& lanes, const Surface& surface, const SkyFrame& frame, int azimuths, int polar,
                             const GaussTable& gauss, const BandIntensity* bands, int band_count, ViewWork& work,
                             BandSums out) {
  polar += more_polar(surface.crowding);
  const int polar_points = polar < kMaxGaussPoints ? polar : kMaxGaussPoints;
  azimuths += more_azimuths(surface.crowding);
  const double* node = gauss.nodes(polar_points);
  const double* weight = gauss.weights(polar_points);
  const int steps = newton_steps(surface.crowding);
  lanes.for_each(whole_lanes(azimuths), [&](int j) {
    double s, c;
    sine_cosine(kTwoPi * (j + 0.5) / azimuths, s, c);
    const Vector3 outward = c * frame.right + s * frame.up;
    work.ray_x[j] = c;
    work.ray_y[j] = s;
    work.ray_a[j] = surface.roche.first_radius(outward, surface.radius);
    work.ray_b[j] = 0.0;
  });
  for (int step = 0; step < steps; ++step) {
    lanes.for_each(whole_lanes(azimuths), [&](int j) {
      const double c = work.ray_x[j], s = work.ray_y[j];
      const Roche::Limb limb =
          surface.roche.limb_step(c * frame.right + s * frame.up, c * frame.up + (-s) * frame.right, frame.sight,
                                  {work.ray_a[j], work.ray_b[j], 0.0});
      work.ray_a[j] = limb.sky_radius;
      work.ray_b[j] = limb.height;
    });
  }
  lanes.for_each(whole_lanes(azimuths), [&](int j) {
    const double inverse = 1.0 / std::sqrt(work.ray_a[j] * work.ray_a[j] + work.ray_b[j] * work.ray_b[j]);
    work.ray_a[j] *= inverse;
    work.ray_b[j] *= inverse;
  });

  const int total = azimuths * polar_points;
  const double turn = kTwoPi / azimuths;
  for (int first = 0; first < total; first += kViewChunk<Lanes>) {
    const int left = whole_lanes(total - first), count = left < kViewChunk<Lanes> ? left : kViewChunk<Lanes>;
    lanes.for_each(count, [&](int i) {
      const bool real = first + i < total;
      const RayPoint at = ray_point(real ? first + i : total - 1, polar_points);
      work.points.x[i] = work.ray_x[at.ray];
      work.points.y[i] = work.ray_y[at.ray];
      work.points.z[i] = work.ray_a[at.ray];
      work.points.r[i] = work.ray_b[at.ray];
      work.points.sqrt_mu[i] = node[at.point];
      work.points.weight[i] = real ? turn * weight[at.point] : 0.0;
    });
    lanes.for_each(count, [&](int i) {
      // direction ~ cos(alpha) sight + sin(alpha) limb, alpha from 0 to pi / 2; cos(alpha) is mu on a sphere
      const double limb_out = work.points.z[i], limb_sight = work.points.r[i];
      const double v = work.points.sqrt_mu[i], rest = 1.0 - v * v;
      const double cosine = 1.0 - rest * rest;
      const double sine = rest * std::sqrt(1.0 + cosine);  // 1 - cosine^2 = rest^2 (1 + cosine)
      const double inverse_length = 1.0 / std::sqrt(1.0 + 2.0 * sine * cosine * limb_sight);
      const double along = inverse_length * (cosine + sine * limb_sight), across = inverse_length * sine * limb_out;
      const Vector3 direction =
          along * frame.sight + (across * work.points.x[i]) * frame.right + (across * work.points.y[i]) * frame.up;
      const double solid_angle = work.points.weight[i] * 4.0 * v * rest * limb_out * limb_out * inverse_length *
                                 inverse_length * inverse_length;
      double slope, r = surface.roche.first_radius(direction, surface.radius);
      r = surface.roche.radius_step(direction, r, slope);
      r = surface.roche.radius_step(direction, r, slope);
      work.points.weight[i] = solid_angle;
      work.points.x[i] = direction.x;
      work.points.y[i] = direction.y;
      work.points.z[i] = direction.z;
      work.points.r[i] = r;
    });
    for (int step = 2; step < steps; ++step) {
      lanes.for_each(count, [&](int i) {
        double slope;
        work.points.r[i] =
            surface.roche.radius_step({work.points.x[i], work.points.y[i], work.points.z[i]}, work.points.r[i], slope);
      });
    }
    if (surface.heat_map != nullptr) {
      lanes.for_each(count, [&](int i) {
        work.points.left_out[i] =
            (*surface.heat_map)(surface.roche.separation, {work.points.x[i], work.points.y[i], work.points.z[i]});
      });
    }
    lanes.for_each(count, [&](int i) {
      const Vector3 direction{work.points.x[i], work.points.y[i], work.points.z[i]};
      const double r = work.points.r[i];
      const LocalSurface local = local_surface(surface, r * direction, frame.sight);
      // dA mu = r^2 dOmega mu / (normal . direction)
      const double lean = dot(local.gravity, frame.sight) / dot(local.gravity, direction);
      work.points.set(i, local,
                      work.points.weight[i] * r * r * (lean > 0.0 ? lean : 0.0) * surface.weight(r * direction));
    });
    add_intensity(lanes, surface, work.points, count, bands, band_count, out);
  }
}

}  // namespace penumbra
