#include "inference/object_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "inference/quantities.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

class ObjectFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("penumbra_object_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }
  fs::path folder_;
  std::vector<double> zero_points_ = std::vector<double>(kPassbandCount, 3631.0);
};

// Epoch 100, period 2: times 100.5, 101, 102.25, 103.75 have phases .25, .5, .125, .875.
TEST_F(ObjectFile, FoldsNormalisesAndConverts) {
  write("k.csv", "# BJD\ntime,mag,error\n0.5,1.0,0.01\n1.0,2.0,0.02\n2.25,1.0,0.01\n3.75,0.0,0.03\n");
  const fs::path file = write("star.toml", R"(
name = "Star"
period_day = 2
epoch = 100.0
parallax_mas = 5.0
parallax_error_mas = 0.1
[[light_curve]]
channel = "Kepler:Kp"
file = "k.csv"
time_offset = 100.0
exposure_s = 864
[photometry]
"Johnson:V" = { mag = 5.0, error = 0.1 }
"2MASS:J" = { flux_jy = 2.5, error = 0.25 }
[literature]
source = "Someone 2020"
radius1 = { value = 1.5, error = 0.1 }
mass1 = { value = 2.0, source = "Other 2021" }
)");
  const Object object = read_object(file, zero_points_);
  EXPECT_EQ(object.name, "Star");
  const Observation& observation = object.observation;
  EXPECT_EQ(observation.period_day, 2.0);
  EXPECT_EQ(observation.parallax_mas, 5.0);
  EXPECT_EQ(observation.parallax_sigma_mas, 0.1);
  const LightCurve& curve = observation.light_curves[kKeplerChannel];
  EXPECT_EQ(curve.phase, (std::vector<double>{0.125, 0.25, 0.5, 0.875}));
  const double unit = std::pow(10.0, -0.4);  // the median flux is that of magnitude 1
  EXPECT_NEAR(curve.flux[0], 1.0, 1e-14);
  EXPECT_NEAR(curve.flux[2], unit, 1e-14);
  EXPECT_NEAR(curve.flux[3], 1.0 / unit, 1e-14);
  // An error of dm magnitudes is a relative error of dm ln(10) / 2.5 = .921 dm.
  EXPECT_NEAR(curve.sigma[2] / curve.flux[2], 0.02 * std::log(10.0) / 2.5, 1e-14);
  EXPECT_NEAR(curve.exposure_day, 0.01, 1e-15);
  EXPECT_TRUE(observation.light_curves[kTessChannel].empty());
  EXPECT_NEAR(observation.sed_flux_jy[kJohnsonV], 36.31, 1e-10);
  EXPECT_NEAR(observation.sed_sigma_jy[kJohnsonV], 36.31 * 0.1 * std::log(10.0) / 2.5, 1e-10);
  EXPECT_EQ(observation.sed_flux_jy[k2massJ], 2.5);
  EXPECT_EQ(observation.sed_sigma_jy[k2massJ], 0.25);
  EXPECT_TRUE(std::isnan(observation.sed_flux_jy[kJohnsonB]));
  ASSERT_EQ(object.literature.size(), 2u);
  EXPECT_EQ(object.literature[0].quantity, int{kRadius1});
  EXPECT_EQ(object.literature[0].source, "Someone 2020");
  EXPECT_EQ(object.literature[1].quantity, int{kMass1});
  EXPECT_EQ(object.literature[1].error, 0.0);
  EXPECT_EQ(object.literature[1].source, "Other 2021");
}

TEST_F(ObjectFile, EverythingButOneMeasurementMayBeMissing) {
  const Object object = read_object(write("p.toml", "parallax_mas = 3\nparallax_error_mas = 1\n"), zero_points_);
  EXPECT_EQ(object.name, "p");
  EXPECT_TRUE(std::isnan(object.observation.period_day));
  EXPECT_TRUE(object.observation.has_parallax());
  EXPECT_THROW(read_object(write("none.toml", "name = 'x'\nperiod_day = 1\n"), zero_points_), UserError);
}

TEST_F(ObjectFile, ReadsEcsvAndNamedColumns) {
  write("c.ecsv",
        "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: bjd, datatype: float64}\nbjd sap note \"sap err\"\n"
        "1.0 +20.0 \"a b\" 1e-1\n1.5 10.0 ok 0.1\n\n2.25 20.0 \"\" 0.1\n");
  const fs::path file = write("e.toml",
                              "period_day=1\nepoch=0\n[[light_curve]]\nchannel='TESS:T'\nfile='c.ecsv'\ntime='bjd'\n"
                              "flux='sap'\nerror='sap err'\n");
  const LightCurve curve = read_object(file, zero_points_).observation.light_curves[kTessChannel];
  EXPECT_EQ(curve.phase, (std::vector<double>{0.0, 0.25, 0.5}));
  EXPECT_EQ(curve.flux, (std::vector<double>{1.0, 1.0, 0.5}));
  EXPECT_EQ(curve.sigma, (std::vector<double>{0.005, 0.005, 0.005}));
}

TEST(FoldLightCurve, PhasesStayBelowOne) {
  RawLightCurve raw;
  raw.time = {-1e-18, 0.3};
  raw.value = raw.error = {1.0, 1.0};
  const LightCurve curve = fold_light_curve(raw, 1.0, 0.0, 0.0);
  EXPECT_EQ(curve.phase[0], 0.0);
  EXPECT_EQ(curve.phase[1], 0.3);
}

}  // namespace
}  // namespace penumbra
