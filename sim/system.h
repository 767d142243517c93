// The physical binary that theta describes: what the light-curve and SED stages read.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"
#include "sim/parameters.h"

namespace penumbra {

struct Star {
  double mass_msun;
  double radius_rsun;        // volume-equivalent
  double teff_k;             // (sum A T^4 / sum A)^(1/4), PHOEBE's normalisation
  double logg;               // log10 G M / R^2, cgs
  double gravity_darkening;  // beta of T^4 ~ g^beta
  double albedo = 0.6;       // fraction of the companion's light that heats the star and is sent back (bolometric)
  double bolometric_limb_darkening = 0.5;  // u of I(mu) / I(1) = 1 - u (1 - mu), in the light that heats the companion
  bool operator==(const Star&) const = default;
};

struct System {
  Star star[2];  // primary, secondary
  double feh;
  double period_day;
  double sma_rsun;
  double q;  // M2 / M1
  double eccentricity;
  double omega_rad;  // argument of periastron of the primary
  double cos_i;
  double distance_pc;
  double ebv;
  double gamma_km_s = 0.0;  // radial velocity of the centre of mass, positive: receding
  bool operator==(const System&) const = default;
};

// beta(Teff) of the paper's code: .32 up to 3700 K, a cubic in Teff / 1e4 K to 7000 K, .9 to 8000 K, 1 above.
PN_HD inline double gravity_darkening_exponent(double teff_k) {
  if (teff_k <= 3700.0) return 0.32;
  if (teff_k > 8000.0) return 1.0;
  if (teff_k > 7000.0) return 0.9;
  const double t = teff_k * 1e-4;
  return -5.00784 + t * (27.9838 + t * (-46.9701 + t * 25.5398));
}

// Bolometric albedo: what of the companion's light a star sends back as heat. Radiative envelopes send back all of it,
// convective ones carry some to the other side (Rucinski 1969, Acta Astronomica 19, 245).
struct AlbedoLaw {
  double convective = 0.6, radiative = 1.0;
  double radiative_from_k = 8000.0;
  PN_HD double operator()(double teff_k) const { return teff_k < radiative_from_k ? convective : radiative; }
};

// Kepler's third law: a^3 / P^2 = G M / (4 pi^2).
PN_HD inline double period_from_sma_day(double sma_rsun, double msum_msun) {
  const double a = sma_rsun * kRsun;
  return kTwoPi * std::sqrt(a * a * a / (kGMsun * msum_msun)) / kDaySeconds;
}

PN_HD inline double sma_from_period_rsun(double period_day, double msum_msun) {
  const double p = period_day * kDaySeconds / kTwoPi;
  return std::cbrt(kGMsun * msum_msun * p * p) / kRsun;
}

PN_HD inline double logg_cgs(double mass_msun, double radius_rsun) {
  return kLogGSun + std::log10(mass_msun / (radius_rsun * radius_rsun));
}

// Masses from Msum and q, the orbit from a = (R1 + R2) / rsumfrac and Msum. log L is not used: R and Teff fix it.
PN_HD inline System derive_system(const double* theta, const AlbedoLaw& albedo = {}) {
  System s;
  const double m1 = theta[kMsum] / (1.0 + theta[kQ]);
  const double mass[2] = {m1, theta[kMsum] - m1};
  for (int k = 0; k < 2; ++k) {
    Star& star = s.star[k];
    star.mass_msun = mass[k];
    star.radius_rsun = theta[kRadius1 + k];
    star.teff_k = theta[kTeff1 + k];
    star.logg = logg_cgs(star.mass_msun, star.radius_rsun);
    star.gravity_darkening = gravity_darkening_exponent(star.teff_k);
    star.albedo = albedo(star.teff_k);
  }
  s.feh = theta[kFeh];
  s.sma_rsun = (theta[kRadius1] + theta[kRadius2]) / theta[kRsumFrac];
  s.period_day = period_from_sma_day(s.sma_rsun, theta[kMsum]);
  s.q = theta[kQ];
  s.eccentricity = theta[kEccentricity];
  s.omega_rad = theta[kOmega];
  s.cos_i = theta[kCosI];
  s.distance_pc = theta[kDistance];
  s.ebv = theta[kEbv];
  return s;
}

inline System derive_system(const Theta& theta, const AlbedoLaw& albedo = {}) {
  return derive_system(theta.data(), albedo);
}

}  // namespace penumbra
