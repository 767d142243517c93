#include "sim/survey.h"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

const std::filesystem::path kBank = PENUMBRA_SOURCE_DIR "/data/banks/surveys.h5";

const Surveys& bank() {
  static const Surveys surveys = Surveys::load(kBank);
  return surveys;
}

// As bright in every band, but for Gaia's colour: BP - RP = 1, that of a star like the Sun with some dust.
Apparent star(double magnitude) {
  Apparent apparent;
  apparent.magnitude.fill(magnitude);
  apparent.magnitude[kGaiaBp] += 0.5;
  apparent.magnitude[kGaiaRp] -= 0.5;
  return apparent;
}

constexpr double kSedJy = 0.01;

// One observation of a constant star at 400 pc.
Observation observe(const Surveys& surveys, double magnitude, double period_day, std::uint64_t draw,
                    Observation out = {}) {
  const Apparent apparent = star(magnitude);
  System system{};
  system.distance_pc = 400.0;
  std::array<double, kSedBandCount> sed_jy;
  sed_jy.fill(kSedJy);
  RandomStream schedule_random(21, draw, Stage::kSchedule), noise_random(21, draw, Stage::kNoise);
  surveys.schedule(apparent, period_day, schedule_random, out);
  for (LightCurve& curve : out.light_curves) curve.flux.assign(curve.phase.size(), 7.0);
  surveys.observe(system, apparent, sed_jy.data(), noise_random, out);
  return out;
}

// A copy of the bank that a test may damage.
class BankCopy {
 public:
  BankCopy() : file_(std::filesystem::temp_directory_path() / ("survey_test_" + std::to_string(getpid()) + ".h5")) {
    std::filesystem::copy_file(kBank, file_, std::filesystem::copy_options::overwrite_existing);
    handle_ = H5Fopen(file_.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  }
  ~BankCopy() {
    close();
    std::filesystem::remove(file_);
  }
  void remove(const std::string& path) { ASSERT_GE(H5Ldelete(handle_, path.c_str(), H5P_DEFAULT), 0); }
  void set_format(double version) {
    const hid_t attribute = H5Aopen(handle_, "format", H5P_DEFAULT);
    ASSERT_GE(H5Awrite(attribute, H5T_NATIVE_DOUBLE, &version), 0);
    H5Aclose(attribute);
  }
  // The first `share` of the file's bytes.
  void truncate(double share) {
    close();
    const auto size = static_cast<double>(std::filesystem::file_size(file_));
    std::filesystem::resize_file(file_, static_cast<std::uintmax_t>(share * size));
  }
  void change(const std::string& path, std::size_t index, double value) {
    const hid_t dataset = H5Dopen2(handle_, path.c_str(), H5P_DEFAULT);
    ASSERT_GE(dataset, 0);
    const hid_t space = H5Dget_space(dataset);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    values.at(index) = value;
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Sclose(space);
    H5Dclose(dataset);
  }
  const std::filesystem::path& close() {
    if (handle_ >= 0) H5Fclose(handle_);
    handle_ = -1;
    return file_;
  }

 private:
  std::filesystem::path file_;
  hid_t handle_ = -1;
};

TEST(Survey, BankRecordsItsProvenanceAndIsSmall) {
  EXPECT_LT(std::filesystem::file_size(kBank), 1u << 20);
  const Hdf5Reader file(kBank);
  for (int c = 0; c < kTessChannel; ++c) {
    const std::string group = "/ground/" + std::string(kChannels[static_cast<std::size_t>(c)].name);
    EXPECT_GE(file.shape(group + "/magnitude").at(0), 36u) << group;
    EXPECT_NE(file.text_attribute(group, "source").find("measured"), std::string::npos);
  }
  for (const PassbandInfo& band : std::span(kPassbands).first(kSedBandCount)) {
    EXPECT_FALSE(file.text_attribute("/sed/" + std::string(band.name), "source").empty());
  }
  EXPECT_NE(file.text_attribute("/", "command").find("penumbra bank build"), std::string::npos);
  EXPECT_EQ(file.text_attribute("/", "commit").find("dirty"), std::string::npos);
  EXPECT_EQ(file.text_attribute("/", "holdout"), "none");
  EXPECT_NE(file.text_attribute("/", "description").find("light_curves[0].channel"), std::string::npos);
  const std::vector<std::string> inputs = file.strings("/inputs/name"), sums = file.strings("/inputs/sha256");
  EXPECT_EQ(inputs.size(), sums.size());
  EXPECT_NE(std::ranges::find(inputs, "ztf_lightcurves.csv.gz"), inputs.end());
  for (const std::string& sum : sums) EXPECT_EQ(sum.size(), 64u);
}

// What can be wrong with a bank, and what the message names.
struct Damage {
  std::string name;
  std::function<void(BankCopy&)> apply;
  std::vector<std::string> fragments;
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class DamagedBank : public testing::TestWithParam<Damage> {};

TEST_P(DamagedBank, IsRefusedByName) {
  BankCopy copy;
  GetParam().apply(copy);
  const std::filesystem::path file = copy.close();
  try {
    Surveys::load(file);
    FAIL() << "a damaged bank was accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(file.filename().string()), std::string::npos) << error.what();
    for (const std::string& fragment : GetParam().fragments) {
      EXPECT_NE(std::string(error.what()).find(fragment), std::string::npos) << error.what();
    }
  }
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

INSTANTIATE_TEST_SUITE_P(
    Survey, DamagedBank,
    testing::Values(
        Damage{"Truncated", [](BankCopy& b) { b.truncate(0.5); }, {"not a readable HDF5 file"}},
        Damage{"OtherFormat", [](BankCopy& b) { b.set_format(1.0); }, {"format = 1: expected", "of format 2"}},
        Damage{"MissingDataset", [](BankCopy& b) { b.remove("/ground/ZTF:g/night"); }, {"'/ground/ZTF:g/night'"}},
        Damage{"NaN",
               [](BankCopy& b) { b.change("/ground/ASAS-SN:V/log_error", 17 * 3 + 5, kNaN); },
               {"/ground/ASAS-SN:V/log_error holds nan in row 3"}},
        Damage{"NegativeError",
               [](BankCopy& b) { b.change("/ground/ZTF:r/noise_curve", 1, -0.01); },
               {"/ground/ZTF:r/noise_curve holds -0.01 in row 1", "at least 0"}},
        Damage{"ErrorNotAsLogarithm",
               [](BankCopy& b) { b.change("/sed/2MASS:J/log_error", 9 * 24 + 8, 20.0); },
               {"/sed/2MASS:J/log_error holds 20 in row 24", "from -6 to 1"}},
        Damage{"DescendingQuantiles",
               [](BankCopy& b) { b.change("/sed/Gaia:G/log_error", 4, 0.9); },
               {"/sed/Gaia:G/log_error descends in row 0"}},
        Damage{"NoPoints",
               [](BankCopy& b) { b.change("/ground/ZTF:r/points", 2, 0.0); },
               {"/ground/ZTF:r/points holds 0 in row 2", "at least 1"}},
        Damage{"ScatterDescends",
               [](BankCopy& b) { b.change("/ground/ASAS-SN:g/scatter_rest", 2, -2.0); },
               {"/ground/ASAS-SN:g/scatter_rest descends in row 0"}},
        Damage{"Parallax",
               [](BankCopy& b) { b.change("/parallax/log_excess", 0, -7.0); },
               {"/parallax/log_excess holds -7 in row 0"}}),
    [](const auto& instance) { return instance.param.name; });

TEST(Survey, MissingBankIsNamed) { EXPECT_THROW(Surveys::load("/no/such/bank.h5"), UserError); }

TEST(Survey, ErrorTableInterpolates) {
  const ErrorTable table{{10.0, 12.0}, {0.0, 1.0, 4.0, 2.0, 3.0, 6.0}, 3};
  EXPECT_DOUBLE_EQ(table.at(10.0, 0.5), 1.0);
  EXPECT_DOUBLE_EQ(table.at(11.0, 0.75), 3.5);  // halfway between 2.5 and 4.5
  EXPECT_DOUBLE_EQ(table.at(5.0, 0.25), 0.5);
  EXPECT_DOUBLE_EQ(table.at(30.0, 1.0), 6.0);
}

TEST(Survey, SchedulesAreSortedAndDependOnTheStreamAlone) {
  Observation reused;
  for (std::uint64_t draw = 0; draw < 300; ++draw) {
    const double magnitude = 4.0 + 0.06 * static_cast<double>(draw);
    RandomStream random(3, draw, Stage::kSchedule), again(3, draw, Stage::kSchedule);
    bank().schedule(star(magnitude), 1.7, random, reused);
    Observation fresh;
    bank().schedule(star(magnitude), 1.7, again, fresh);
    EXPECT_EQ(reused.period_day, 1.7);
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const LightCurve& curve = reused.light_curves[c];
      EXPECT_EQ(curve.phase, fresh.light_curves[c].phase);
      EXPECT_EQ(curve.sigma, fresh.light_curves[c].sigma);
      EXPECT_TRUE(curve.flux.empty());
      ASSERT_EQ(curve.sigma.size(), curve.phase.size());
      ASSERT_LE(curve.phase.size(), static_cast<std::size_t>(kMaxEpochs));
      if (curve.empty()) continue;
      EXPECT_TRUE(std::ranges::is_sorted(curve.phase));
      EXPECT_GE(curve.phase.front(), 0.0);
      EXPECT_LT(curve.phase.back(), 1.0);
      EXPECT_GT(std::ranges::min(curve.sigma), 0.0);
      EXPECT_LE(std::ranges::max(curve.sigma), 10.0);
      EXPECT_GT(curve.exposure_day, 0.0);
    }
    reused.light_curves[kKeplerChannel].flux.assign(5, 1.0);  // must not survive
  }
  Observation out;
  RandomStream random(3, 0, Stage::kSchedule);
  EXPECT_THROW(bank().schedule(star(12.0), 0.0, random, out), std::invalid_argument);
  EXPECT_THROW(bank().schedule(star(12.0), kMissing, random, out), std::invalid_argument);
}

// Share of 20 phase bins that a channel's points reach, averaged over stars.
double phase_coverage(int channel, double period_day) {
  double total = 0.0;
  int curves = 0;
  for (std::uint64_t draw = 0; draw < 400; ++draw) {
    const Observation observation = observe(bank(), 15.0, period_day, draw);
    const LightCurve& curve = observation.light_curves[static_cast<std::size_t>(channel)];
    if (curve.empty()) continue;
    std::set<int> bins;
    for (const double phase : curve.phase) bins.insert(static_cast<int>(phase * 20.0));
    total += static_cast<double>(bins.size()) / 20.0;
    ++curves;
  }
  return total / curves;
}

TEST(Survey, PeriodsOfADayAndAYearAlias) {
  // ZTF observes from one mountain: a star of one day's period is seen at the same phases every night.
  EXPECT_LT(phase_coverage(kZtfRChannel, 1.0), 0.75);
  EXPECT_GT(phase_coverage(kZtfRChannel, 0.7137), 0.98);
  // A year: the star is behind the Sun for months.
  EXPECT_LT(phase_coverage(kZtfRChannel, 365.25), phase_coverage(kZtfRChannel, 271.3) - 0.04);
  // TESS looks at a star for some weeks: a period of 500 days is mostly unseen.
  EXPECT_LT(phase_coverage(kTessChannel, 500.0), 0.4);
}

TEST(Survey, ErrorsGrowWithMagnitudeAsMeasured) {
  const auto typical = [](int channel, double magnitude) {
    std::vector<double> sigma;
    for (std::uint64_t draw = 0; draw < 600; ++draw) {
      RandomStream random(8, draw, Stage::kSchedule);
      Observation out;
      bank().schedule(star(magnitude), 2.0, random, out);
      const auto& values = out.light_curves[static_cast<std::size_t>(channel)].sigma;
      if (!values.empty()) sigma.push_back(values[values.size() / 2]);
    }
    std::ranges::sort(sigma);
    return sigma.at(sigma.size() / 2);
  };
  EXPECT_NEAR(typical(kZtfRChannel, 14.0), 0.011, 0.003);  // ZTF: 1% floor, 5% near 19 mag (Masci et al. 2019)
  EXPECT_NEAR(typical(kZtfRChannel, 19.0), 0.05, 0.015);
  EXPECT_GT(typical(kAsassnG, 16.5), 5.0 * typical(kAsassnG, 13.0));
  EXPECT_LT(typical(kTessChannel, 7.0), 3e-4);
}

TEST(Survey, LightCurvesScatterByTheMeasuredFactor) {
  // ZTF: differences between neighbours over quoted errors, .9 to 2.3 in the middle 80% of the bank's stars.
  std::vector<double> factor;
  double kurtosis = 0.0;
  for (std::uint64_t draw = 0; draw < 400; ++draw) {
    const Observation observation = observe(bank(), 16.0, 2.0, draw);
    const LightCurve& curve = observation.light_curves[kZtfRChannel];
    if (curve.phase.size() < 300) continue;
    double square = 0.0, fourth = 0.0;
    for (std::size_t i = 0; i < curve.flux.size(); ++i) {
      const double pull = (curve.flux[i] - 1.0) / curve.sigma[i];
      square += pull * pull;
      fourth += pull * pull * pull * pull;
    }
    const double n = static_cast<double>(curve.flux.size());
    factor.push_back(std::sqrt(square / n));
    kurtosis += n * fourth / (square * square);
  }
  ASSERT_GT(factor.size(), 100u);
  std::ranges::sort(factor);
  EXPECT_NEAR(factor[factor.size() / 2], 1.2, 0.15);
  EXPECT_GT(factor[factor.size() / 10], 0.7);
  EXPECT_LT(factor[factor.size() * 9 / 10], 2.3);
  EXPECT_NEAR(kurtosis / static_cast<double>(factor.size()), 3.0, 0.1);  // Gaussian within a curve
}

TEST(Survey, PhotometryAndParallaxPullsAreUnitNormal) {
  double sum = 0.0, square = 0.0, n = 0.0, parallax_square = 0.0, parallaxes = 0.0;
  std::vector<double> parallax_sigma;
  for (std::uint64_t draw = 0; draw < 4000; ++draw) {
    const Observation out = observe(bank(), 15.0, 2.0, draw);
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      EXPECT_EQ(std::isfinite(out.sed_flux_jy[k]), std::isfinite(out.sed_sigma_jy[k]));
      if (!std::isfinite(out.sed_flux_jy[k])) continue;
      EXPECT_GE(out.sed_sigma_jy[k] / kSedJy, kPassbands[k].relative_error_floor * (1.0 - 1e-12));
      EXPECT_LE(out.sed_sigma_jy[k] / kSedJy, 1.0 / 3.0 + 1e-12);
      const double pull = (out.sed_flux_jy[k] - kSedJy) / out.sed_sigma_jy[k];
      sum += pull;
      square += pull * pull;
      ++n;
    }
    if (!out.has_parallax()) continue;
    const double pull = (out.parallax_mas - 2.5) / out.parallax_sigma_mas;
    parallax_square += pull * pull;
    parallax_sigma.push_back(out.parallax_sigma_mas);
    ++parallaxes;
  }
  ASSERT_GT(n, 10000.0);
  EXPECT_NEAR(sum / n, 0.0, 4.0 / std::sqrt(n));
  EXPECT_NEAR(square / n, 1.0, 4.0 * std::sqrt(2.0 / n));
  EXPECT_NEAR(parallax_square / parallaxes, 1.0, 4.0 * std::sqrt(2.0 / parallaxes));
  std::ranges::sort(parallax_sigma);
  // pygaia at G = 15: sqrt(870) = 29.5 uas; DR3's sources of this colour lie .11 dex below.
  EXPECT_NEAR(parallax_sigma[parallax_sigma.size() / 2], 0.0295 * std::pow(10.0, -0.11), 0.003);
}

// Gaia DR3 measures parallaxes of blue stars at G = 15 worse than those of stars like the Sun, and of G = 8 to 12 no
// better than of G = 12: the bank and the published formula tell the same within a quarter.
TEST(Survey, ParallaxErrorsGoByMagnitudeAndColour) {
  const ParallaxBank parallax = SurveyBank::load(kBank).parallax;
  EXPECT_GT(parallax.error_mas(15.0, 0.2, 0.5), 1.08 * parallax.error_mas(15.0, 1.2, 0.5));
  for (double g = 5.0; g <= 20.0; g += 1.0) {
    for (const double colour : {-0.3, 0.7, 1.2, 1.7, 4.0}) {
      const double typical = parallax.error_mas(g, colour, 0.5);
      EXPECT_NEAR(std::log10(typical / gaia_parallax_error_mas(g)), 0.0, 0.16) << g << " " << colour;
      EXPECT_LT(parallax.error_mas(g, colour, 0.1), typical);
    }
  }
  EXPECT_NEAR(gaia_parallax_error_mas(15.0), 0.0295, 5e-5);
  EXPECT_EQ(gaia_parallax_error_mas(5.0), gaia_parallax_error_mas(13.0));
}

TEST(Survey, BandWithoutBankHasTheDefaultError) {
  BankCopy copy;
  copy.remove("/sed/Johnson:V");
  const Surveys surveys = Surveys::load(copy.close());
  int found = 0;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const Observation out = observe(surveys, 10.0, 2.0, draw);
    if (!std::isfinite(out.sed_sigma_jy[kJohnsonV])) continue;
    EXPECT_NEAR(std::log10(out.sed_sigma_jy[kJohnsonV] / kSedJy), std::log10(0.05), 0.05);
    ++found;
  }
  EXPECT_GT(found, 50);
}

TEST(Survey, ObserveNormalisesAndRefusesBadModels) {
  Observation out;
  LightCurve& curve = out.light_curves[kTessChannel];
  curve.phase = {0.0, 0.2, 0.4, 0.6, 0.8};
  curve.sigma.assign(5, 1e-9);
  curve.flux = {4.0, 8.0, 8.0, 8.0, 8.0};
  System system{};
  system.distance_pc = 100.0;
  std::array<double, kSedBandCount> sed_jy;
  sed_jy.fill(1.0);
  RandomStream random(1, 1, Stage::kNoise);
  bank().observe(system, star(9.0), sed_jy.data(), random, out);
  EXPECT_NEAR(curve.flux[0], 0.5, 1e-6);
  EXPECT_NEAR(curve.flux[3], 1.0, 1e-6);
  curve.flux.pop_back();
  EXPECT_THROW(bank().observe(system, star(9.0), sed_jy.data(), random, out), std::invalid_argument);
  curve.flux.clear();
  EXPECT_THROW(bank().observe(system, star(9.0), sed_jy.data(), random, out), std::invalid_argument);
  curve.flux.assign(5, kMissing);
  EXPECT_THROW(bank().observe(system, star(9.0), sed_jy.data(), random, out), std::invalid_argument);
  curve.flux = {4.0, 8.0, 8.0, 8.0, std::numeric_limits<double>::infinity()};
  EXPECT_THROW(bank().observe(system, star(9.0), sed_jy.data(), random, out), std::invalid_argument);
  // Fluxes that do not exist are missing, not NaN that passes silently.
  out.light_curves[kTessChannel].clear();
  sed_jy.fill(kMissing);
  bank().observe(system, star(kMissing), sed_jy.data(), random, out);
  EXPECT_FALSE(out.has_parallax());
  for (const double flux : out.sed_flux_jy) EXPECT_FALSE(std::isfinite(flux));
}

}  // namespace
}  // namespace penumbra
