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

}  // namespace
}  // namespace penumbra
