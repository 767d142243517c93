// The relative orbit and how the observer sees it. Lengths are in units of the semi-major axis.
//
// Phase 0 is superior conjunction of the primary: true anomaly nu = pi / 2 - omega, with omega the primary's argument
// of periastron. The frame of a star has x towards the companion and z along the orbit's angular momentum.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"
#include "sim/elementary.h"
#include "sim/system.h"
#include "sim/vector3.h"

namespace penumbra {

// Eccentric anomaly of Kepler's equation M = E - e sin E, 0 <= e < 1. Newton's method inside the bracket |E - M| <= e.
PN_HD inline double solve_kepler(double mean_anomaly, double e) {
  const double turns = std::floor((mean_anomaly + kPi) / kTwoPi);
  const double m = mean_anomaly - kTwoPi * turns;
  double lower = m > 0.0 ? m : m - e, upper = m > 0.0 ? m + e : m;
  double sine, cosine;
  sine_cosine(m, sine, cosine);
  double anomaly = m + e * sine / std::sqrt(1.0 - 2.0 * e * cosine + e * e);
  for (int iteration = 0; iteration < 60; ++iteration) {
    sine_cosine(anomaly, sine, cosine);
    const double residual = anomaly - e * sine - m;
    (residual > 0.0 ? upper : lower) = anomaly;
    double next = anomaly - residual / (1.0 - e * cosine);
    if (!(next >= lower && next <= upper)) next = 0.5 * (lower + upper);
    const double step = std::abs(next - anomaly);
    anomaly = next;
    if (step < 1e-14) break;
  }
  return anomaly + kTwoPi * turns;
}

// What the observer sees at one instant.
struct Aspect {
  double separation;    // of the two centres
  Vector3 sight;        // unit vector towards the observer in the primary's frame
  double sky_distance;  // projected separation of the centres
};

// Light travel time: what the observer sees of a star, or of the two together, at time t is what was there at
// t + z / c, with its distance z from the centre of mass towards the observer (light from the nearer one leaves later).
// For the two together z (m1 - m2) / M takes the place of z, with that of the secondary from the primary: to first
// order in v / c, r2(t + z2 / c) - r1(t + z1 / c) with r2 = m1 r / M, r1 = -m2 r / M is r(t + z (m1 - m2) / (M c))
// (Borkovits et al. 2003, A&A 398, 1091; Fabrycky 2010, arXiv:1006.3834; PHOEBE solves the same equation star by star,
// Prsa et al. 2016, ApJS 227, 29). Phase 0 remains conjunction as the centre of mass has it, as PHOEBE's t0_supconj
// does: eclipses on a circular orbit come at phases -delay and .5 + delay.
struct Orbit {
  double eccentricity, omega, sin_i, cos_i;
  double mean_anomaly_0;  // at phase 0
  double delay;  // light's travel over the semi-major axis times (m1 - m2) / M, in periods; 0: light is instant

  PN_HD double mean_anomaly(double true_anomaly) const {
    const double turns = std::floor((true_anomaly + kPi) / kTwoPi);
    const double half = 0.5 * (true_anomaly - kTwoPi * turns);
    double sine, cosine;
    sine_cosine(half, sine, cosine);
    const double anomaly =
        2.0 * std::atan2(std::sqrt(1.0 - eccentricity) * sine, std::sqrt(1.0 + eccentricity) * cosine);
    sine_cosine(anomaly, sine, cosine);
    return anomaly - eccentricity * sine + kTwoPi * turns;
  }

  // Distance of the secondary from the primary towards the observer.
  PN_HD double nearness(double true_anomaly) const {
    double sine, cosine;
    sine_cosine(true_anomaly + omega, sine, cosine);
    return separation(true_anomaly) * sine * sin_i;
  }

  // When the observer sees it; increases continuously with the true anomaly; -delay * nearness at nu = pi / 2 - omega.
  PN_HD double phase(double true_anomaly) const {
    return (mean_anomaly(true_anomaly) - mean_anomaly_0) / kTwoPi - delay * nearness(true_anomaly);
  }

  // The same without branches (lanes.h), from the true anomaly with its sine and cosine and the sine of nu + omega: E -
  // nu is an angle below 90 degrees.
  PN_INLINE double phase(double true_anomaly, double sine, double cosine, double sine_of_sight) const {
    const double axes = std::sqrt(1.0 - eccentricity * eccentricity);  // minor over major
    const double beta = eccentricity / (1.0 + axes);
    const double lag = arctangent(std::abs(beta * sine), 1.0 + beta * cosine);
    const double anomaly = true_anomaly - 2.0 * (sine < 0.0 ? -lag : lag);
    const double sine_eccentric = axes * sine / (1.0 + eccentricity * cosine);
    const double near = axes * axes / (1.0 + eccentricity * cosine) * sine_of_sight * sin_i;
    return (anomaly - eccentricity * sine_eccentric - mean_anomaly_0) / kTwoPi - delay * near;
  }

  // Inverse of phase(): each round gains a factor v / c, which make_binary keeps below .02.
  PN_HD double true_anomaly(double at_phase) const {
    double nu = true_anomaly_at(kTwoPi * at_phase + mean_anomaly_0);
    if (delay == 0.0) return nu;
    for (int round = 0; round < 8; ++round)
      nu = true_anomaly_at(kTwoPi * (at_phase + delay * nearness(nu)) + mean_anomaly_0);
    return nu;
  }

  PN_HD double true_anomaly_at(double m) const {
    const double turns = std::floor((m + kPi) / kTwoPi);
    const double half = 0.5 * solve_kepler(m - kTwoPi * turns, eccentricity);
    double sine, cosine;
    sine_cosine(half, sine, cosine);
    return kTwoPi * turns +
           2.0 * std::atan2(std::sqrt(1.0 + eccentricity) * sine, std::sqrt(1.0 - eccentricity) * cosine);
  }

  PN_HD double separation(double true_anomaly) const {
    double sine, cosine;
    sine_cosine(true_anomaly, sine, cosine);
    return (1.0 - eccentricity * eccentricity) / (1.0 + eccentricity * cosine);
  }

  // d phase / d nu, from conservation of angular momentum.
  PN_HD double phase_rate(double true_anomaly) const {
    const double r = separation(true_anomaly);
    return r * r / (kTwoPi * std::sqrt(1.0 - eccentricity * eccentricity));
  }

  // Of the secondary from the primary on the sky, from the line of nodes.
  PN_HD double position_angle(double true_anomaly) const {
    double sine, cosine;
    sine_cosine(true_anomaly + omega, sine, cosine);
    return std::atan2(sine * cos_i, cosine);
  }

  PN_HD Aspect aspect(double true_anomaly) const {
    double sine, cosine;
    sine_cosine(true_anomaly + omega, sine, cosine);
    const double r = separation(true_anomaly), ny = cosine * sin_i;
    return {r, {sine * sin_i, ny, cos_i}, r * std::sqrt(ny * ny + cos_i * cos_i)};
  }
};

PN_HD inline Orbit make_orbit(double eccentricity, double omega_rad, double cos_i, double delay = 0.0) {
  Orbit orbit{eccentricity, std::fmod(omega_rad, kTwoPi), std::sqrt(1.0 - cos_i * cos_i), cos_i, 0.0, delay};
  orbit.mean_anomaly_0 = orbit.mean_anomaly(0.5 * kPi - orbit.omega);
  return orbit;
}

}  // namespace penumbra
