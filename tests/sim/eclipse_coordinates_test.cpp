#include "sim/eclipse_coordinates.h"

#include <gtest/gtest.h>

#include "sim/constants.h"
#include "sim/orbit.h"

namespace penumbra {
namespace {

// From first to last contact, in phase, by where the discs meet on the orbit.
double duration_on_the_orbit(const Orbit& orbit, double rsum) {
  double ends = 0.0;
  for (const double direction : {-1.0, 1.0}) {
    double inside = 0.0, outside = 0.25;
    for (int i = 0; i < 60; ++i) {
      const double half = 0.5 * (inside + outside);
      const Aspect aspect = orbit.aspect(orbit.true_anomaly(direction * half));
      (aspect.sky_distance < rsum ? inside : outside) = half;
    }
    ends += inside;
  }
  return ends;
}

TEST(EclipseCoordinates, DurationIsTheOrbits) {
  constexpr double kRsum = 0.02;  // so small that the stars move on a straight line meanwhile
  for (const double e : {1e-5, 0.1, 0.4}) {
    for (const double omega : {0.2, 1.5, 3.0, 4.6}) {
      for (const double z : {-2.0, 0.0, 0.8}) {
        const double cos_i = normal_cdf(z) * kRsum * (1.0 + e * std::sin(omega)) / (1.0 - e * e);
        const double expected = duration_on_the_orbit(make_orbit(e, omega, cos_i), kRsum);
        EXPECT_NEAR(log_relative_duration(z, e, omega), std::log(expected * kPi / kRsum), 2e-3)
            << e << " " << omega << " " << z;
      }
    }
  }
}

TEST(EclipseCoordinates, GrazingEclipsesKeepTheirDigits) {
  // b = Phi(z) = 1 - t: sqrt(1 - b^2) = sqrt(2 t) but for t^2.
  for (const double z : {6.0, 8.0, 12.0})
    EXPECT_NEAR(log_relative_duration(z, 0.0, 0.0), 0.5 * std::log(2.0 * normal_cdf(-z)), 1e-9) << z;
}

// e cos omega is when the secondary eclipse comes, and nothing else of the vector: to first order in e.
TEST(EclipseCoordinates, AlongIsWhenTheSecondaryComes) {
  for (const double e : {1e-3, 0.01}) {
    for (const double omega : {0.3, 1.2, 2.0, 5.5}) {
      const Orbit orbit = make_orbit(e, omega, 0.0);
      const double secondary = orbit.phase(1.5 * kPi - omega);
      const double expected = 2.0 * e * std::cos(omega) / kPi;
      EXPECT_NEAR(secondary - std::floor(secondary) - 0.5, expected, 2.0 * e * e);
      EXPECT_NEAR(EccentricityVector::of(e, omega).x(), e * std::cos(omega), 1e-15);
    }
  }
}

TEST(EclipseCoordinates, VectorIsInvertibleAndItsJacobianThatOfDifferences) {
  for (const double e : {1e-5, 1e-3, 0.05, 0.7}) {
    for (double omega = -3.0; omega < 3.1; omega += 0.37) {
      const EccentricityVector vector = EccentricityVector::of(e, omega);
      EXPECT_NEAR(vector.eccentricity(), e, 1e-13);
      EXPECT_NEAR(vector.omega(), omega, 1e-9);
      const double step = 1e-5;
      const auto slope = [&](double de, double domega) {
        const auto up = EccentricityVector::of(e + de, omega + domega);
        const auto down = EccentricityVector::of(e - de, omega - domega);
        const double width = 2.0 * (de + domega);
        return EccentricityVector{(up.along - down.along) / width, (up.across - down.across) / width};
      };
      const EccentricityVector by_e = slope(step * e, 0.0), by_omega = slope(0.0, step);
      const double determinant = by_e.along * by_omega.across - by_e.across * by_omega.along;
      EXPECT_NEAR(vector.log_jacobian(), std::log(std::abs(determinant)), 1e-6) << e << " " << omega;
    }
  }
}

}  // namespace
}  // namespace penumbra
