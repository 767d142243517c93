#include "sim/roche.h"

#include <gtest/gtest.h>

#include "sim/surface.h"

namespace penumbra {
namespace {

// Written out from the definition, independently of the code under test.
double potential(double q, double d, const Vector3& p) {
  const double r = std::sqrt(p.x * p.x + p.y * p.y + p.z * p.z);
  const double c = std::sqrt((p.x - d) * (p.x - d) + p.y * p.y + p.z * p.z);
  return 1.0 / r + q * (1.0 / c - p.x / (d * d)) + 0.5 * (1.0 + q) * (p.x * p.x + p.y * p.y);
}

double no_slope;

TEST(Roche, GradientIsTheDerivativeOfThePotential) {
  const Roche roche{0.6, 0.8, 0.0};
  const Vector3 p{0.15, -0.21, 0.12};
  double distance;
  const Vector3 g = roche.gradient(p, distance);
  const double h = 1e-5;
  EXPECT_NEAR(g.x, (potential(0.6, 0.8, {p.x + h, p.y, p.z}) - potential(0.6, 0.8, {p.x - h, p.y, p.z})) / (2 * h),
              1e-6);
  EXPECT_NEAR(g.y, (potential(0.6, 0.8, {p.x, p.y + h, p.z}) - potential(0.6, 0.8, {p.x, p.y - h, p.z})) / (2 * h),
              1e-6);
  EXPECT_NEAR(g.z, (potential(0.6, 0.8, {p.x, p.y, p.z + h}) - potential(0.6, 0.8, {p.x, p.y, p.z - h})) / (2 * h),
              1e-6);
  EXPECT_NEAR(distance, std::sqrt(0.65 * 0.65 + 0.21 * 0.21 + 0.12 * 0.12), 1e-14);
}

TEST(Roche, FitKeepsTheVolume) {
  for (const double q : {0.2, 1.0, 3.0}) {
    for (const double radius : {0.01, 0.1, 0.2, 0.24}) {
      for (const double d : {1.0, 0.9}) {
        const RocheFit fit = fit_roche(q, d, radius, 0.3, gauss_table());
        ASSERT_TRUE(fit.closed);
        const Roche roche{q, d, fit.potential};
        // Midpoints in cos(polar angle from z) and in azimuth: another axis than the fit's.
        const int n = 200;
        double volume = 0.0;
        for (int i = 0; i < n; ++i) {
          const double z = -1.0 + 2.0 * (i + 0.5) / n, s = std::sqrt(1.0 - z * z);
          for (int j = 0; j < n; ++j) {
            const double a = kTwoPi * (j + 0.5) / n;
            const double r = roche.radius({s * std::cos(a), s * std::sin(a), z}, radius, no_slope);
            EXPECT_NEAR(potential(q, d, {r * s * std::cos(a), r * s * std::sin(a), r * z}) / fit.potential, 1.0, 1e-8);
            volume += r * r * r / (n * n);
          }
        }
        // The midpoint sum itself is good to about 1e-5 of the distortion.
        EXPECT_NEAR(volume / (radius * radius * radius), 1.0, 1e-5) << "q " << q << " R " << radius << " d " << d;
      }
    }
  }
}

// Eggleton (1983, ApJ 268, 368): the volume-equivalent radius of the Roche lobe, better than 1 %.
TEST(Roche, LargestClosedSurfaceIsTheRocheLobe) {
  for (const double q : {0.1, 0.5, 1.0, 2.0, 10.0}) {  // companion over star
    const double p = std::cbrt(1.0 / q);
    const double lobe = 0.49 * p * p / (0.6 * p * p + std::log1p(p));
    double low = 0.5 * lobe, high = 1.5 * lobe;
    ASSERT_TRUE(fit_roche(q, 1.0, low, 0.3, gauss_table()).closed);
    ASSERT_FALSE(fit_roche(q, 1.0, high, 0.3, gauss_table()).closed);
    for (int i = 0; i < 40; ++i) {
      const double middle = 0.5 * (low + high);
      (fit_roche(q, 1.0, middle, 0.3, gauss_table()).closed ? low : high) = middle;
    }
    EXPECT_NEAR(low / lobe, 1.0, 0.012) << "q " << q;
  }
}

TEST(Roche, LagrangePointBalancesForces) {
  for (const double q : {0.05, 1.0, 20.0}) {
    for (const double d : {0.2, 1.0}) {
      const double x = inner_lagrange_point(q, d), h = 1e-6 * d;
      EXPECT_GT(x, 0.0);
      EXPECT_LT(x, d);
      const double slope = (potential(q, d, {x + h, 0.0, 0.0}) - potential(q, d, {x - h, 0.0, 0.0})) / (2.0 * h);
      EXPECT_NEAR(slope * d * d, 0.0, 1e-4 * (1.0 + q));
      EXPECT_NEAR(inner_lagrange_potential(q, d), potential(q, d, {x, 0.0, 0.0}), 1e-12 / d);
    }
  }
  EXPECT_NEAR(inner_lagrange_point(1.0, 1.0), 0.5, 1e-12);  // by symmetry
}

TEST(Roche, LimbIsWhereTheNormalTurnsAway) {
  const double q = 0.8, radius = 0.3;
  const Roche roche{q, 1.0, fit_roche(q, 1.0, radius, 0.3, gauss_table()).potential};
  const SkyFrame frame = sky_frame({0.6, 0.64, 0.48});
  const auto limb_at = [&](double azimuth) {
    const double c = std::cos(azimuth), s = std::sin(azimuth);
    return roche.limb(c * frame.right + s * frame.up, c * frame.up + (-s) * frame.right, frame.sight, radius, 0.0);
  };
  for (int j = 0; j < 20; ++j) {
    const double azimuth = 0.314 * j;
    const Roche::Limb limb = limb_at(azimuth);
    const Vector3 out = std::cos(azimuth) * frame.right + std::sin(azimuth) * frame.up;
    const Vector3 p = limb.sky_radius * out + limb.height * frame.sight;
    double distance;
    const Vector3 g = roche.gradient(p, distance);
    EXPECT_NEAR(potential(q, 1.0, p) / roche.potential, 1.0, 1e-8);
    EXPECT_NEAR(dot(g, frame.sight) / std::sqrt(dot(g, g)), 0.0, 1e-7);
    const double h = 1e-4;
    EXPECT_NEAR(limb.slope, (limb_at(azimuth + h).sky_radius - limb_at(azimuth - h).sky_radius) / (2 * h),
                1e-4 * radius);
  }
}

TEST(Roche, HeightFindsTheNearSide) {
  const double q = 0.8, radius = 0.3;
  const Roche roche{q, 1.0, fit_roche(q, 1.0, radius, 0.3, gauss_table()).potential};
  const SkyFrame frame = sky_frame({0.6, 0.64, 0.48});
  const double longest = roche.radius({1.0, 0.0, 0.0}, radius, no_slope);
  for (const double share : {0.0, 0.3, 0.8, 0.97, 0.999}) {
    for (int j = 0; j < 12; ++j) {
      const double c = std::cos(0.5 * j), s = std::sin(0.5 * j);
      const Vector3 out = c * frame.right + s * frame.up, aside = c * frame.up + (-s) * frame.right;
      const Roche::Limb limb = roche.limb(out, aside, frame.sight, radius, 0.0);
      const Vector3 sky = share * limb.sky_radius * out;
      const double guess = radius * radius * std::max(1.0 - share * share, 1e-3);
      const double middle = share * limb.height, most = Roche::most_height(sky, middle, longest);
      double v2 = std::min(guess, most);
      for (int step = 0; step < 6; ++step) v2 = roche.height_step(sky, frame.sight, middle, most, v2);
      const double height = middle + std::sqrt(v2);
      const Vector3 p = sky + height * frame.sight;
      double distance;
      EXPECT_NEAR(potential(q, 1.0, p) / roche.potential, 1.0, 1e-7);
      EXPECT_LT(dot(roche.gradient(p, distance), frame.sight), 0.0);  // faces the observer
    }
  }
}

}  // namespace
}  // namespace penumbra
