// The visible surface of one star: gravity, temperature and emergent intensity at a point, and the light of the whole
// disc.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/atmosphere.h"
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

// One star at one separation.
struct Surface {
  Roche roche;
  double radius;             // volume-equivalent
  double gravity_darkening;  // beta of T^4 ~ g^beta
  double log_mean_gravity;   // RocheFit
  double companion_radius;
  double irradiation;  // albedo times the flux of the companion's facing side over this star's mean; 0: no reflection
  int crowding;        // roche.h
};

// What the bands need to know of a surface point.
struct SurfacePoint {
  double sqrt_mu;      // of the angle between the normal and the observer
  double xi;           // 1 - Teff / T
  double log_gravity;  // ln g / g_mean, g_mean = G M / R^2
};

// `position` lies on the surface. `gravity` becomes the gradient of the potential there, which points inwards.
PN_HD inline SurfacePoint surface_point(const Surface& surface, const Vector3& position, const Vector3& sight,
                                        double& mu, Vector3& gravity) {
  double companion_distance;
  gravity = surface.roche.gradient(position, companion_distance);
  const double g2 = dot(gravity, gravity);
  const double inverse_g = 1.0 / std::sqrt(g2);
  mu = -dot(gravity, sight) * inverse_g;
  if (mu < 0.0) mu = 0.0;
  const double r2 = surface.radius * surface.radius;
  const double log_gravity = 0.5 * std::log(g2 * r2 * r2);
  // (T / Teff)^4: von Zeipel's law, normalised to the area-weighted mean of T^4, plus the companion's light.
  double t4 = std::exp(surface.gravity_darkening * log_gravity - surface.log_mean_gravity);
  if (surface.irradiation > 0.0) {
    const double toward = surface.roche.separation * gravity.x - dot(gravity, position);
    const double cos_zenith = -toward * inverse_g / companion_distance;
    t4 += surface.irradiation * sphere_irradiance(cos_zenith, surface.companion_radius / companion_distance);
  }
  return {std::sqrt(mu), 1.0 - 1.0 / std::sqrt(std::sqrt(t4)), log_gravity};
}

// out[k] += weight * emergent intensity in each band.
PN_HD inline void add_intensity(const SurfacePoint& point, double weight, const BandIntensity* bands, int band_count,
                                double* out) {
  const double m = point.sqrt_mu;
  for (int k = 0; k < band_count; ++k) {
    const BandIntensity& b = bands[k];
    const double exponent =
        b.log_intensity + point.xi * (b.slope_t + 0.5 * b.curve_t * point.xi) + b.slope_g * point.log_gravity;
    double limb = b.limb[0] + m * (b.limb[1] + m * (b.limb[2] + m * (b.limb[3] + m * b.limb[4])));
    if (b.limb_log != 0.0 && m > 0.0) limb += b.limb_log * m * m * std::log(m);
    out[k] += weight * limb * std::exp(exponent);
  }
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

// The same sky in the companion's frame. x is mirrored instead of turned by pi: the Roche model is symmetric in y.
PN_HD inline SkyFrame companion_frame(const SkyFrame& f) {
  return {{-f.sight.x, f.sight.y, f.sight.z}, {-f.right.x, f.right.y, f.right.z}, {-f.up.x, f.up.y, f.up.z}};
}

// out[k] += flux of the whole disc, int I dA_projected, in units of intensity times a^2. Polar coordinates about the
// line of sight through the centre: trapezoid in azimuth; from the centre to the limb Gauss points in v with mu = 1 -
// (1 - v^2)^2 on a sphere, so that v is as sqrt(mu) at the limb, where limb-darkening laws are polynomials in it, and
// as the distance from the centre there.
PN_HD inline void add_disc_flux(const Surface& surface, const SkyFrame& frame, int azimuths, int polar,
                                const GaussTable& gauss, const BandIntensity* bands, int band_count, double* out) {
  const int more = 2 * surface.crowding;
  const int points = polar + more < kMaxGaussPoints ? polar + more : kMaxGaussPoints;
  azimuths += more;
  const double* node = gauss.nodes(points);
  const double* weight = gauss.weights(points);
  Roche::Limb limb{surface.radius, 0.0, 0.0};
  for (int j = 0; j < azimuths; ++j) {
    const double azimuth = kTwoPi * (j + 0.5) / azimuths;
    const double c = std::cos(azimuth), s = std::sin(azimuth);
    const Vector3 outward = c * frame.right + s * frame.up;
    const Vector3 aside = c * frame.up + (-s) * frame.right;
    limb = surface.roche.limb(outward, aside, frame.sight, limb.sky_radius, limb.height);
    double r = std::sqrt(limb.sky_radius * limb.sky_radius + limb.height * limb.height);
    const double limb_out = limb.sky_radius / r, limb_sight = limb.height / r;
    for (int i = 0; i < points; ++i) {
      // direction ~ cos(alpha) sight + sin(alpha) limb, alpha from 0 to pi / 2; cos(alpha) is mu on a sphere
      const double rest = 1.0 - node[i] * node[i];
      const double cosine = 1.0 - rest * rest;
      const double sine = std::sqrt(1.0 - cosine * cosine);
      const double inverse_length = 1.0 / std::sqrt(1.0 + 2.0 * sine * cosine * limb_sight);
      const Vector3 direction =
          inverse_length * ((cosine + sine * limb_sight) * frame.sight + sine * limb_out * outward);
      const double solid_angle = kTwoPi / azimuths * weight[i] * 4.0 * node[i] * rest * limb_out * limb_out *
                                 inverse_length * inverse_length * inverse_length;
      double slope;
      r = surface.roche.radius(direction, r, slope);
      double unused;
      Vector3 gravity;
      const SurfacePoint point = surface_point(surface, r * direction, frame.sight, unused, gravity);
      // dA mu = r^2 dOmega mu / (normal . direction)
      const double lean = dot(gravity, frame.sight) / dot(gravity, direction);
      add_intensity(point, solid_angle * r * r * (lean > 0.0 ? lean : 0.0), bands, band_count, out);
    }
  }
}

}  // namespace penumbra
