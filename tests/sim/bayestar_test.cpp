#include "sim/bayestar.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <string>

#include "base/error.h"
#include "sim/constants.h"
#include "tests/sim/bayestar_file.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

constexpr double kDegree = kPi / 180.0;
constexpr double kUnit = 0.884;  // mag of E(B-V) in the map's unit

SkyPosition at(double l_deg, double b_deg, double distance_pc) {
  return {l_deg * kDegree, std::sin(b_deg * kDegree), distance_pc};
}

class Bayestar : public ::testing::Test {
 protected:
  void SetUp() override { file_ = fs::temp_directory_path() / ("penumbra_bayestar_" + std::to_string(::getpid())); }
  void TearDown() override { fs::remove(file_); }
  // What a broken file is refused with: the message names the file and `where`.
  void expect_refused(const BayestarFile& map, const std::string& where, const std::string& why) const {
    map.write(file_);
    expect_refused(where, why);
  }
  void expect_refused(const std::string& where, const std::string& why) const {
    try {
      BayestarMap(file_).ebv({at(10.0, 20.0, 500.0), at(100.0, -30.0, 900.0)});
      ADD_FAILURE() << "accepted: " << why;
    } catch (const UserError& error) {
      for (const std::string& text : {file_.string(), where, why}) {
        EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what() << "\nlacks " << text;
      }
    }
  }
  fs::path file_;
};

// dustmaps 1.0.14 read the file of small_bayestar() and gave these reddenings, the five samples of each position.
TEST_F(Bayestar, ReadsWhatDustmapsReads) {
  struct Known {
    double l_deg, b_deg, distance_pc, reddening[5];
  };
  const Known known[] = {
      {12.3, -0.7, 30, {0.007132019, 0.008558423, 0.009984827, 0.01141123, 0.01283764}},
      {45.6, 38.2, 800, {0.0601545, 0.0721854, 0.0842163, 0.0962472, 0.1082781}},
      {133.1, 41.9, 63.2, {0.03021512, 0.03625815, 0.04230117, 0.0483442, 0.05438722}},
      {201.4, -5.2, 2500, {0.339588, 0.4075056, 0.4754232, 0.5433409, 0.6112584}},
      {266.4, -29.0, 90000, {1.085, 1.302, 1.519, 1.736, 1.953}},
      {299.9, 12.3, 1234.5, {0.06957456, 0.08348946, 0.09740438, 0.1113193, 0.1252342}},
      {180.3, 89.6, 1000, {0.26, 0.312, 0.364, 0.416, 0.468}},
      {158.5, 30.5, 320, {0.16103, 0.193236, 0.225442, 0.257648, 0.289854}},
      {169.8, 42.3, 321, {0.2016263, 0.2419515, 0.2822767, 0.322602, 0.3629273}},
      {147.2, 42.3, 322, {0.2423568, 0.2908281, 0.3392995, 0.3877708, 0.4362422}},
      {166, 54.8, 323, {0.2832209, 0.3398651, 0.3965092, 0.4531534, 0.5097976}},
  };
  small_bayestar().write(file_);
  const BayestarMap map(file_);
  for (const Known& k : known) {
    const std::vector<double> ebv = map.ebv(std::vector<SkyPosition>(7, at(k.l_deg, k.b_deg, k.distance_pc)));
    for (std::size_t s = 0; s < ebv.size(); ++s) {
      EXPECT_NEAR(ebv[s], kUnit * k.reddening[s % 5], 1e-6 * k.reddening[s % 5]) << k.l_deg << ' ' << s;
    }
  }
}

TEST_F(Bayestar, HasNoAnswerOutsideItsPixels) {
  small_bayestar().write(file_);
  const std::vector<double> ebv =
      BayestarMap(file_).ebv({at(226.0, -77.8, 460.0), at(12.3, -0.7, 500.0), at(259.8, -41.3, 465.0)});
  EXPECT_TRUE(std::isnan(ebv[0]));
  EXPECT_GT(ebv[1], 0.0);
  EXPECT_TRUE(std::isnan(ebv[2]));
  EXPECT_TRUE(BayestarMap(file_).ebv({}).empty());
  EXPECT_TRUE(std::isnan(BayestarMap(file_).ebv({at(226.0, -77.8, 460.0)}).front()));
}

TEST_F(Bayestar, OneBinScalesInFrontAndStaysConstantBehind) {
  BayestarFile map = small_bayestar();
  map.edges = {5.0};
  map.sample_count = 1;
  map.fill([](std::size_t, std::size_t, std::size_t) { return 0.5; });
  map.write(file_);
  const std::vector<double> ebv = BayestarMap(file_).ebv({at(10, 0, 25.0), at(10, 0, 100.0), at(10, 0, 1e4)});
  EXPECT_NEAR(ebv[0], kUnit * 0.125, 1e-12);
  EXPECT_NEAR(ebv[1], kUnit * 0.5, 1e-12);
  EXPECT_NEAR(ebv[2], kUnit * 0.5, 1e-12);
}

TEST_F(Bayestar, RefusesBrokenFiles) {
  BayestarFile map = small_bayestar();
  map.with_samples = false;
  expect_refused(map, "/samples", "no dataset");
  map = small_bayestar();
  map.samples_type = H5T_C_S1;
  expect_refused(map, "/samples", "strings");
  map = small_bayestar();
  map.index_type = H5T_IEEE_F64LE;
  expect_refused(map, "/pixel_info", "healpix_index");
  map = small_bayestar();
  map.edges[7] = map.edges[6];
  expect_refused(map, "/pixel_info", "DM_bin_edges[7] = 7: expected finite distance moduli that increase");
  map.edges[7] = std::numeric_limits<double>::quiet_NaN();
  expect_refused(map, "/pixel_info", "DM_bin_edges[7] = nan");
  map = small_bayestar();
  map.nside[3] = 3;
  expect_refused(map, "/pixel_info", "nside[3] = 3: expected a power of two");
  map = small_bayestar();
  map.healpix_index[3] = 48;
  expect_refused(map, "/pixel_info", "healpix_index[3] = 48: expected 0 to 47");
  map = small_bayestar();
  map.healpix_index[3] = map.healpix_index[4];
  expect_refused(map, "/pixel_info", "rows 3 and 4 are the same pixel");
  map = small_bayestar();
  map.fill([](std::size_t, std::size_t, std::size_t d) { return d == 20 ? std::nan("") : 0.1; });
  expect_refused(map, "/samples", "0, 20] = nan: expected reddening >= 0");
  map.fill([](std::size_t, std::size_t s, std::size_t) { return s == 2 ? -0.1 : 0.1; });
  expect_refused(map, "/samples", "2, 0] = -0.1");
  map = small_bayestar();
  map.samples_bins = 30;
  expect_refused(map, "/samples", "expected (pixels, samples, distances) with 49 pixels and 31 distances");
}

TEST_F(Bayestar, RefusesTruncatedAndForeignFiles) {
  small_bayestar().write(file_);
  const auto size = fs::file_size(file_);
  fs::resize_file(file_, size / 2);
  expect_refused("", "truncated");
  std::ofstream(file_, std::ios::trunc) << "SIMPLE  =                    T";
  expect_refused("", "not a readable HDF5 file");
  fs::remove(file_);
  expect_refused("", "no such file");
}

}  // namespace
}  // namespace penumbra
