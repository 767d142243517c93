#include "sim/dust.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <vector>

#include "base/random.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr double kDegree = kPi / 180.0;

const DustPrior& prior() {
  static const DustPrior dust = DustPrior::analytic();
  return dust;
}

TEST(AmoresLepine, IsOneMagnitudePerKiloparsecInThePlaneAndLittleAtThePoles) {
  const double plane = 3.1 * amores_lepine_ebv(90.0 * kDegree, 0.0, 1000.0);
  const double inner = 3.1 * amores_lepine_ebv(0.0, 0.0, 1000.0);
  const double pole = amores_lepine_ebv(0.0, 90.0 * kDegree, 2000.0);
  std::printf("A_V to 1 kpc in the plane: %.2f mag at l = 90, %.2f at l = 0; E(B-V) to the north pole %.3f\n", plane,
              inner, pole);
  EXPECT_GT(plane, 0.5);
  EXPECT_LT(plane, 1.2);
  EXPECT_GT(inner, plane);
  // 0.01 to 0.03 mag: Schlegel, Finkbeiner & Davis (1998) at the Galactic poles, 0.015 and 0.018.
  EXPECT_GT(pole, 0.008);
  EXPECT_LT(pole, 0.035);
  // The Pleiades (l = 166.6, b = -23.5, 136 pc): E(B-V) = .04.
  const double pleiades = amores_lepine_ebv(166.6 * kDegree, -23.5 * kDegree, 136.0);
  std::printf("Pleiades: %.3f\n", pleiades);
  EXPECT_GT(pleiades, 0.01);
  EXPECT_LT(pleiades, 0.10);
}

TEST(AmoresLepine, MatchesTheLocalGasDensityAtSmallDistance) {
  // By hand: at R = 7.5 kpc, 20 pc above the plane, n(HI) = .7 exp(-7.5/7 - (1.9/7.5)^2) and
  // n(H2) = 58 exp(-7.5/1.2 - (3.5/7.5)^2) with heights .036 exp(.6) and 1.8 times that.
  const double height = 0.036 * std::exp(0.6);
  const double hi =
      0.7 * std::exp(-7.5 / 7.0 - 0.0641777777777778) * std::exp(-0.5 * std::pow(0.02 / (1.8 * height), 2));
  const double h2 = 58.0 * std::exp(-6.25 - 0.2177777777777778) * std::exp(-0.5 * std::pow(0.02 / height, 2));
  const double expected = (hi + 2.0 * h2) * 3.086 * 0.57 * 0.001 / 3.1;
  EXPECT_NEAR(amores_lepine_ebv(80.0 * kDegree, 0.0, 1.0) / expected, 1.0, 1e-3);
}

TEST(AmoresLepine, GrowsWithDistanceAndIsAdditive) {
  for (const double l : {0.0, 60.0, 150.0, 270.0}) {
    for (const double b : {-60.0, -5.0, 0.0, 30.0}) {
      double before = 0.0;
      for (double d = 10.0; d < 2e4; d *= 1.3) {
        // Out of the disc it stays constant, to the quadrature's error.
        const double now = amores_lepine_ebv(l * kDegree, b * kDegree, d);
        EXPECT_GE(now, before * (1.0 - 1e-4)) << l << ' ' << b << ' ' << d;
        before = now;
      }
    }
  }
  // Additivity: the integral over 2 kpc of a fine midpoint sum of differences.
  double sum = 0.0;
  for (int k = 0; k < 2000; ++k) {
    sum += amores_lepine_ebv(0.5, 0.1, k + 1.0) - amores_lepine_ebv(0.5, 0.1, k + 1e-9);
  }
  EXPECT_NEAR(sum / amores_lepine_ebv(0.5, 0.1, 2000.0), 1.0, 1e-3);
}

TEST(DustTables, BuildFastAndAlwaysTheSame) {
  const auto start = std::chrono::steady_clock::now();
  const DustPrior again = DustPrior::analytic();
  std::printf("tables built in %.0f ms\n",
              1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  for (const double z : {-3.0, 0.0, 2.5}) {
    EXPECT_EQ(ebv_from_z(again.view(), 0.3, z), ebv_from_z(prior().view(), 0.3, z));
  }
}

TEST(DustTables, RoundTrip) {
  const DustView dust = prior().view();
  RandomStream random(11, 0, Stage::kTest);
  for (int k = 0; k < 20000; ++k) {
    const double zd = 14.0 * random.uniform() - 7.0, z = 14.0 * random.uniform() - 7.0;
    const double d = distance_from_z(dust, zd), ebv = ebv_from_z(dust, zd, z);
    ASSERT_TRUE(std::isfinite(d) && d > 0.0 && std::isfinite(ebv) && ebv > 0.0) << zd << ' ' << z;
    ASSERT_NEAR(z_from_distance(dust, d), zd, 1e-9);
    ASSERT_NEAR(z_from_ebv(dust, zd, ebv), z, 1e-9) << zd;
  }
}

TEST(DustTables, SlopesAreTheDerivativesContinuousAndPositive) {
  const DustView dust = prior().view();
  RandomStream random(12, 0, Stage::kTest);
  constexpr double kH = 1e-5;
  for (int k = 0; k < 5000; ++k) {
    const double zd = 10.0 * random.uniform() - 5.0, z = 13.0 * random.uniform() - 6.5;
    double slope_d = 0.0, slope_e = 0.0, right = 0.0;
    distance_from_z(dust, zd, &slope_d);
    ebv_from_z(dust, zd, z, &slope_e);
    const double numeric_d = std::log10(distance_from_z(dust, zd + kH) / distance_from_z(dust, zd - kH)) / (2.0 * kH);
    const double numeric_e = std::log10(ebv_from_z(dust, zd, z + kH) / ebv_from_z(dust, zd, z - kH)) / (2.0 * kH);
    ASSERT_NEAR(slope_d, numeric_d, 1e-6);
    ASSERT_NEAR(slope_e, numeric_e, 1e-6 + 1e-4 * slope_e);
    ASSERT_GT(slope_d, 0.0);
    ASSERT_GT(slope_e, 0.01);
    ebv_from_z(dust, zd, z + 1e-9, &right);
    ASSERT_NEAR(right, slope_e, 1e-6);
  }
}

TEST(DustTables, TheMarginalCoversBrightAndFaintBinaries) {
  const DustView dust = prior().view();
  std::printf("d/pc at z = -3 -2 -1 0 1 2 3:");
  for (int z = -3; z <= 3; ++z) std::printf(" %.0f", distance_from_z(dust, z));
  std::printf("\n");
  for (const double d : {137.0, 800.0, 3000.0}) {
    const double zd = z_from_distance(dust, d);
    std::printf("%.0f pc (z = %+.2f): E(B-V) at z = -2 -1 0 1 2:", d, zd);
    for (int z = -2; z <= 2; ++z) std::printf(" %.3f", ebv_from_z(dust, zd, z));
    std::printf("\n");
  }
  EXPECT_LT(std::abs(z_from_distance(dust, 137.0)), 2.0);
  EXPECT_LT(std::abs(z_from_distance(dust, 3000.0)), 2.0);
  for (const double ebv : {0.012, 0.05}) EXPECT_LT(std::abs(z_from_ebv(dust, z_from_distance(dust, 137.0), ebv)), 2.0);
  // Farther is redder: the stellar disc keeps distant stars in the plane.
  EXPECT_GT(ebv_from_z(dust, z_from_distance(dust, 3000.0), 0.0),
            5.0 * ebv_from_z(dust, z_from_distance(dust, 137.0), 0.0));
}

}  // namespace
}  // namespace penumbra
