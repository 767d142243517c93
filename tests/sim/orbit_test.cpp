#include "sim/orbit.h"

#include <gtest/gtest.h>

namespace penumbra {
namespace {

TEST(Orbit, SolvesKeplersEquation) {
  for (const double e : {0.0, 1e-6, 0.1, 0.5, 0.9, 0.99}) {
    for (int i = -200; i <= 200; ++i) {
      const double m = 0.0471 * i;
      const double anomaly = solve_kepler(m, e);
      EXPECT_NEAR(anomaly - e * std::sin(anomaly), m, 2e-13) << "e = " << e << ", M = " << m;
    }
  }
}

TEST(Orbit, PhaseAndTrueAnomalyAreInverse) {
  for (const double e : {0.0, 0.3, 0.9}) {
    for (const double omega : {0.0, 1.0, 2.5, 4.0, 6.0}) {
      const Orbit orbit = make_orbit(e, omega, 0.1);
      double previous = -1e9;
      for (int i = -100; i <= 200; ++i) {
        const double phase = 0.01 * i;
        const double nu = orbit.true_anomaly(phase);
        EXPECT_NEAR(orbit.phase(nu), phase, 1e-12);
        EXPECT_GT(nu, previous);
        previous = nu;
      }
    }
  }
}

TEST(Orbit, PhaseZeroIsSuperiorConjunctionOfThePrimary) {
  for (const double e : {0.0, 0.4}) {
    for (const double omega : {0.3, 2.0, 5.0}) {
      const double cos_i = 0.2;
      const Orbit orbit = make_orbit(e, omega, cos_i);
      const Aspect aspect = orbit.aspect(orbit.true_anomaly(0.0));
      // The companion lies towards the observer, as nearly as the inclination allows.
      EXPECT_NEAR(aspect.sight.x, std::sqrt(1.0 - cos_i * cos_i), 1e-12);
      EXPECT_NEAR(aspect.sight.y, 0.0, 1e-12);
      EXPECT_NEAR(aspect.sky_distance, aspect.separation * cos_i, 1e-12);
    }
  }
}

// Conjunction with omega = 90 deg happens at periastron, and the other one at apastron.
TEST(Orbit, OmegaIsThePrimarysArgumentOfPeriastron) {
  const Orbit orbit = make_orbit(0.5, 0.5 * kPi, 0.0);
  EXPECT_NEAR(orbit.aspect(orbit.true_anomaly(0.0)).separation, 0.5, 1e-12);
  EXPECT_NEAR(orbit.aspect(orbit.true_anomaly(0.5)).separation, 1.5, 1e-12);
}

TEST(Orbit, SightIsAUnitVectorAndAgreesWithTheSkyDistance) {
  const Orbit orbit = make_orbit(0.6, 1.0, 0.3);
  for (int i = 0; i < 100; ++i) {
    const Aspect a = orbit.aspect(0.0628 * i);
    EXPECT_NEAR(dot(a.sight, a.sight), 1.0, 1e-14);
    EXPECT_NEAR(a.sky_distance, a.separation * std::sqrt(1.0 - a.sight.x * a.sight.x), 1e-12);
  }
}

TEST(Orbit, PhaseRateIsTheDerivativeOfPhase) {
  const Orbit orbit = make_orbit(0.7, 2.0, 0.0);
  for (int i = 0; i < 50; ++i) {
    const double nu = 0.13 * i, h = 1e-5;
    EXPECT_NEAR((orbit.phase(nu + h) - orbit.phase(nu - h)) / (2.0 * h), orbit.phase_rate(nu), 1e-8);
  }
}

// The sky distance that the observer sees, from each star's own retarded position.
double retarded_sky_distance(const Orbit& orbit, double crossing, double q, double phase) {
  double sky[2][2];
  for (int k = 0; k < 2; ++k) {
    const double share = k == 0 ? -q / (1.0 + q) : 1.0 / (1.0 + q);
    double left = phase, u = 0.0, r = 0.0;  // when the light left, in phase
    for (int round = 0; round < 30; ++round) {
      const double nu = orbit.true_anomaly(left);
      u = nu + orbit.omega;
      r = share * orbit.separation(nu);
      left = phase + crossing * r * std::sin(u) * orbit.sin_i;
    }
    sky[k][0] = r * std::cos(u);
    sky[k][1] = r * std::sin(u) * orbit.cos_i;
  }
  return std::hypot(sky[1][0] - sky[0][0], sky[1][1] - sky[0][1]);
}

TEST(Orbit, LightTravelTimeIsThatOfRetardedPositions) {
  const double crossing = 2e-4;  // of the semi-major axis, in periods: 26 s of 1.5 days
  for (const double e : {0.0, 0.5, 0.85}) {
    for (const double q : {0.3, 1.0, 1.8}) {
      const Orbit instant = make_orbit(e, 1.0, 0.1), seen = make_orbit(e, 1.0, 0.1, crossing * (1.0 - q) / (1.0 + q));
      double difference = 0.0, effect = 0.0;
      for (int i = 0; i < 500; ++i) {
        const double phase = i / 500.0, nu = seen.true_anomaly(phase);
        EXPECT_NEAR(seen.phase(nu), phase, 1e-12);
        const double expected = retarded_sky_distance(instant, crossing, q, phase);
        difference = std::max(difference, std::abs(seen.aspect(nu).sky_distance - expected));
        effect = std::max(effect, std::abs(instant.aspect(instant.true_anomaly(phase)).sky_distance - expected));
      }
      // Second order: the square of the largest velocity over c, which is 2 pi crossing times 3.5 at e = .85.
      const double velocity = kTwoPi * crossing * std::sqrt((1.0 + e) / (1.0 - e));
      EXPECT_LT(difference, velocity * velocity * std::sqrt((1.0 + e) / (1.0 - e)) / (1.0 - e)) << e << " " << q;
      if (q != 1.0) {
        EXPECT_GT(effect, 50.0 * difference) << e << " " << q;
      }
    }
  }
}

// Kaplan (2010, ApJ 717, L108): the secondary eclipse is late by P (K2 - K1) / (pi c) after half a period.
TEST(Orbit, LightTravelTimeDelaysTheSecondaryEclipse) {
  const double q = 0.5, crossing = 1e-4, cos_i = 0.02;
  const Orbit seen = make_orbit(0.0, 0.7, cos_i, crossing * (1.0 - q) / (1.0 + q));
  const double primary = seen.phase(0.5 * kPi - 0.7), secondary = seen.phase(1.5 * kPi - 0.7);
  const double sin_i = std::sqrt(1.0 - cos_i * cos_i);
  const double k1 = kTwoPi * crossing * q / (1.0 + q) * sin_i, k2 = k1 / q;  // over c
  EXPECT_NEAR(secondary - primary, 0.5 + (k2 - k1) / kPi, 1e-14);
  EXPECT_NEAR(primary, -0.5 * (k2 - k1) / kPi, 1e-14);  // phase 0 is conjunction as the centre of mass has it
}

}  // namespace
}  // namespace penumbra
