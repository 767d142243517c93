#include "sim/dust.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/constants.h"
#include "sim/healpix.h"
#include "tests/sim/bayestar_file.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

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

// The trained networks know this prior: its numbers stay.
TEST(DustTables, TheDefaultIsWhatTheShippedNetworkWasTrainedOn) {
  struct Known {
    double z_distance, z, distance_pc, ebv;
  };
  const Known known[] = {
      {-2, -2, 118.953951924409, 0.00792963781327185}, {-2, 2.5, 118.953951924409, 0.15237462595111},
      {0, -2, 794.32823472428, 0.0180165524159743},    {0, 0, 794.32823472428, 0.108568370181016},
      {0, 2.5, 794.32823472428, 0.735623784277187},    {1.5, -2, 3299.63456103023, 0.0608085767496961},
      {1.5, 0, 3299.63456103023, 0.469620395465217},   {1.5, 2.5, 3299.63456103023, 4.51867728724083},
  };
  for (const Known& k : known) {
    EXPECT_NEAR(distance_from_z(prior().view(), k.z_distance) / k.distance_pc, 1.0, 1e-12);
    EXPECT_NEAR(ebv_from_z(prior().view(), k.z_distance, k.z) / k.ebv, 1.0, 1e-9);
  }
}

class DustMap : public ::testing::Test {
 protected:
  void SetUp() override { file_ = fs::temp_directory_path() / ("penumbra_dust_map_" + std::to_string(::getpid())); }
  void TearDown() override { fs::remove(file_); }
  fs::path file_;
};

// The same reddening everywhere: E(B-V) is lognormal about it with the map's own error of a tenth.
TEST_F(DustMap, AUniformMapGivesItsValueAtEveryDistance) {
  BayestarFile map = small_bayestar();
  map.nside.assign(12, 1);
  map.healpix_index.resize(12);
  std::iota(map.healpix_index.begin(), map.healpix_index.end(), 0);
  map.fill([](std::size_t, std::size_t, std::size_t d) { return 0.1 * static_cast<double>(1 + d); });
  map.write(file_);
  const DustPrior dust = DustPrior::bayestar(file_);
  for (const double modulus : {6.0, 10.5, 15.25}) {
    const double distance = 10.0 * std::pow(10.0, 0.2 * modulus);
    const double zd = z_from_distance(dust.view(), distance);
    const double expected = std::log10(0.884 * 0.1 * (1.0 + (modulus - 4.0) / 0.5));
    // Between the knots in distance the table is a smooth spline through its neighbours.
    EXPECT_NEAR(std::log10(ebv_from_z(dust.view(), zd, 0.0)), expected, 0.005) << modulus;
    double slope = 0.0;
    ebv_from_z(dust.view(), zd, 0.0, &slope);
    EXPECT_NEAR(slope, 0.10 / std::log(10.0), 0.003) << modulus;
  }
  // Distances are those of the analytic prior.
  EXPECT_EQ(distance_from_z(dust.view(), 0.7), distance_from_z(prior().view(), 0.7));
}

// A map without dust near the Sun, and without pixels: no zero and no infinity comes out of either.
TEST_F(DustMap, ZerosAndMissingPixelsStaySmooth) {
  BayestarFile map = small_bayestar();
  map.fill([](std::size_t, std::size_t, std::size_t d) { return d < 12 ? 0.0 : 0.4; });
  map.write(file_);
  const DustPrior dust = DustPrior::bayestar(file_);
  for (double zd = -6.0; zd <= 6.0; zd += 0.5) {
    for (double z = -6.0; z <= 6.0; z += 0.5) {
      double slope = 0.0;
      const double ebv = ebv_from_z(dust.view(), zd, z, &slope);
      ASSERT_TRUE(std::isfinite(ebv) && ebv > 0.0 && slope > 0.0) << zd << ' ' << z;
      ASSERT_NEAR(z_from_ebv(dust.view(), zd, ebv), z, 1e-8);
    }
  }
  EXPECT_NEAR(ebv_from_z(dust.view(), z_from_distance(dust.view(), 300.0), 0.0), 0.005, 0.0005);
  EXPECT_NEAR(ebv_from_z(dust.view(), z_from_distance(dust.view(), 30.0), 0.0), 0.0015, 0.0002);
  // Only three pixels, all south of declination -30 deg, so that (nearly) all dust is the analytic model's.
  map.nside = {2, 2, 2};
  map.healpix_index = {40, 41, 33};
  map.fill([](std::size_t, std::size_t, std::size_t) { return 3.0; });
  map.write(file_);
  const DustPrior model = DustPrior::bayestar(file_);
  for (const double z : {-1.0, 0.0, 1.0}) {
    EXPECT_NEAR(std::log10(ebv_from_z(model.view(), 0.0, z) / ebv_from_z(prior().view(), 0.0, z)), 0.0, 0.05) << z;
  }
}

// A map that holds the analytic model with the clouds that the analytic prior adds to it (.25 dex) must make the
// analytic prior again: pixels, sightlines, unit, fallback and weights in one. Pixels of 3.7 degrees are coarser than
// the model near the plane, so .05 dex.
TEST_F(DustMap, AMapOfTheAnalyticModelMakesTheAnalyticPrior) {
  BayestarFile map = small_bayestar();
  map.nside.clear();
  map.healpix_index.clear();
  map.edges.clear();
  for (int i = 0; i < 16; ++i) map.edges.push_back(4.0 + i);
  // Pixel centres: the mean of the directions that fall in a pixel.
  constexpr std::int64_t kNside = 16;
  struct Mean {
    double x = 0.0, y = 0.0, z = 0.0;
  };
  std::vector<Mean> mean(12 * kNside * kNside);
  for (int i = 0; i < 400; ++i) {
    for (int j = 0; j < 400; ++j) {
      const double l = kTwoPi * (i + 0.5) / 400, sin_b = (j + 0.5) / 200 - 1.0, cos_b = std::sqrt(1.0 - sin_b * sin_b);
      Mean& m = mean[static_cast<std::size_t>(healpix_nested(kNside, l, sin_b))];
      m.x += cos_b * std::cos(l);
      m.y += cos_b * std::sin(l);
      m.z += sin_b;
    }
  }
  std::vector<double> l, b;
  for (std::size_t pixel = 0; pixel < mean.size(); ++pixel) {
    map.nside.push_back(kNside);
    map.healpix_index.push_back(pixel);
    l.push_back(std::atan2(mean[pixel].y, mean[pixel].x));
    b.push_back(std::atan2(mean[pixel].z, std::hypot(mean[pixel].x, mean[pixel].y)));
  }
  std::vector<double> model;
  for (std::size_t row = 0; row < l.size(); ++row) {
    for (const double modulus : map.edges) {
      model.push_back(amores_lepine_ebv(l[row], b[row], 10.0 * std::pow(10.0, 0.2 * modulus)));
    }
  }
  map.fill([&](std::size_t row, std::size_t s, std::size_t d) {
    RandomStream clouds(31, row * 5 + s, Stage::kTest);
    return model[row * map.edges.size() + d] * std::pow(10.0, 0.24 * clouds.normal()) / 0.884;
  });
  map.write(file_);
  const DustPrior dust = DustPrior::bayestar(file_);
  for (const double zd : {-1.0, -0.5, 0.0, 0.5}) {
    for (const double z : {-2.0, -1.0, 0.0, 1.0, 2.0}) {
      const double ratio = std::log10(ebv_from_z(dust.view(), zd, z) / ebv_from_z(prior().view(), zd, z));
      std::printf("%s%+.3f", z == -2.0 ? "\n" : " ", ratio);
      EXPECT_NEAR(ratio, 0.0, 0.05) << zd << ' ' << z;
    }
  }
  std::printf("\n");
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
