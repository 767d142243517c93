#include "spectra/apogee_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/npz_file.h"
#include "spectra/labels.h"
#include "spectra/pixels.h"
#include "tests/spectra/fits_files.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;
const fs::path kExamples = PENUMBRA_SOURCE_DIR "/data/tables/apogee";

class ApogeeFile : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("penumbra_apogee_file_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string message_of(const fs::path& file, int row = 0) {
    try {
      read_apogee_spectrum(file, row);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no UserError";
  }
  static void expect_message(const StarFile& star, const std::string& name, const std::string& expected) {
    star.write(folder_ / name);
    const std::string message = message_of(folder_ / name);
    EXPECT_NE(message.find(name + ": " + expected), std::string::npos) << message;
  }
  static int masked(const ApogeeSpectrum& spectrum) { return static_cast<int>(std::ranges::count(spectrum.masked, 1)); }

  static inline fs::path folder_;
};

TEST(ApogeePixels, AreThoseOfTheApStarGrid) {
  EXPECT_EQ(apstar_pixel(0), 322);
  EXPECT_EQ(apstar_pixel(2919), 3241);
  EXPECT_EQ(apstar_pixel(2920), 3648);
  EXPECT_EQ(apstar_pixel(5319), 6047);
  EXPECT_EQ(apstar_pixel(5320), 6412);
  EXPECT_EQ(apstar_pixel(7213), 8305);
  // A km/s is a shift of v / c, here on a grid of 4.14 km/s a pixel.
  EXPECT_NEAR(pixel_shift(10.0) * 4.141754, 10.0, 1e-3);
}

TEST_F(ApogeeFile, ReadsAnApStarFile) {
  StarFile star;
  for (int row = 1; row < 3; ++row) {
    star.flux.insert(star.flux.end(), kApStarPixels, 100.0 * row);
    star.error.insert(star.error.end(), kApStarPixels, 1.0);
    star.mask.insert(star.mask.end(), kApStarPixels, 0.0);
  }
  const auto at = [](int pixel) { return static_cast<std::size_t>(apstar_pixel(pixel)); };
  star.flux[at(10)] = NAN;
  star.error[at(11)] = 0.0;
  star.mask[at(12)] = 1 << 3;
  star.mask[at(13)] = (1 << 13) + (1 << 9);  // corrected for
  star.mask[at(5320)] = 1 << 12;
  star.flux[at(7213)] = 1234.0;
  star.write(folder_ / "apStar.fits");
  const ApogeeContent content = apogee_content(folder_ / "apStar.fits");
  EXPECT_EQ(content.kind, ApogeeKind::kStar);
  EXPECT_EQ(content.rows, 3);
  const ApogeeSpectrum spectrum = read_apogee_spectrum(folder_ / "apStar.fits");
  EXPECT_EQ(masked(spectrum), 4);
  for (const int pixel : {10, 11, 12, 5320}) EXPECT_TRUE(spectrum.masked[static_cast<std::size_t>(pixel)]) << pixel;
  EXPECT_EQ(spectrum.bits[13], (1u << 13) + (1u << 9));
  EXPECT_EQ(spectrum.flux[7213], 1234.0f);
  EXPECT_EQ(spectrum.error[100], 10.0f);
  EXPECT_EQ(read_apogee_spectrum(folder_ / "apStar.fits", 2).flux[5], 200.0f);
  EXPECT_NE(message_of(folder_ / "apStar.fits", 3).find("has no row 3: it has 3"), std::string::npos);
  const std::string call = "gzip -k " + (folder_ / "apStar.fits").string();
  ASSERT_EQ(std::system(call.c_str()), 0);
  EXPECT_EQ(read_apogee_spectrum(folder_ / "apStar.fits.gz").flux, spectrum.flux);
}

TEST_F(ApogeeFile, ReadsAnAspcapStarFile) {
  StarFile star(1.0);
  star.aspcap = true;
  star.flux[static_cast<std::size_t>(apstar_pixel(4000))] = 0.0;  // not observed
  star.write(folder_ / "aspcapStar.fits");
  const ApogeeSpectrum spectrum = read_apogee_spectrum(folder_ / "aspcapStar.fits");
  EXPECT_EQ(apogee_content(folder_ / "aspcapStar.fits").kind, ApogeeKind::kAspcap);
  EXPECT_EQ(masked(spectrum), 1);
  EXPECT_TRUE(spectrum.masked[4000]);
}

// ASPCAP's table in HDU 4, by the names of its columns; what it could not measure is -9999.
TEST_F(ApogeeFile, ReadsPublishedLabels) {
  StarFile star(1.0);
  star.aspcap = true;
  star.write(folder_ / "labels.fits");
  {
    fitsfile* file = nullptr;
    int status = 0;
    fits_open_diskfile(&file, (folder_ / "labels.fits").c_str(), READWRITE, &status);
    std::vector<std::string> names{"TEFF", "TEFF_ERR", "FE_H", "FE_H_ERR", "MG_FE", "C_FE", "VMACRO"};
    std::vector<double> values{4800.0, 12.0, -0.2, 0.01, 0.15, -9999.0, 6.0};
    std::vector<char*> columns, formats;
    std::string format = "1D";
    for (std::string& name : names) {
      columns.push_back(name.data());
      formats.push_back(format.data());
    }
    fits_create_tbl(file, BINARY_TBL, 1, static_cast<int>(names.size()), columns.data(), formats.data(), nullptr,
                    "ASPCAP", &status);
    for (std::size_t i = 0; i < names.size(); ++i)
      fits_write_col(file, TDOUBLE, static_cast<int>(i) + 1, 1, 1, 1, &values[i], &status);
    fits_close_file(file, &status);
    ASSERT_EQ(status, 0);
  }
  const std::vector<LiteratureValue> published = read_apogee_spectrum(folder_ / "labels.fits").published;
  ASSERT_EQ(published.size(), 3u);
  EXPECT_EQ(published[0].quantity, kLabelTeff);
  EXPECT_EQ(published[0].value, 4800.0);
  EXPECT_EQ(published[0].error, 12.0);
  EXPECT_EQ(kLabels[static_cast<std::size_t>(published[1].quantity)].name, "mg_fe");
  EXPECT_EQ(published[1].error, 0.0);
  EXPECT_EQ(published[2].quantity, kLabelIron);
  EXPECT_EQ(published[2].value, -0.2);
}

// A visit of a receding star: a line at its observed place comes to rest, between detectors nothing is seen.
TEST_F(ApogeeFile, BringsAVisitToRest) {
  constexpr double kVelocity = 75.0, kLine = 16000.0, kWidth = 0.3;
  const double doppler = std::sqrt((1.0 + kVelocity / kLightKms) / (1.0 - kVelocity / kLightKms));
  std::vector<double> wavelength, flux, error, mask;
  for (const auto& [low, high] : {std::pair{16480.0, 16960.0}, {15850.0, 16440.0}, {15130.0, 15820.0}}) {
    for (int i = 0; i < 4096; ++i) {  // from red to blue, as they are
      const double w = high - (high - low) * i / 4095.0, x = (w - kLine * doppler) / kWidth;
      wavelength.push_back(w);
      flux.push_back(1.0 - 0.5 * std::exp(-0.5 * x * x));
      error.push_back(0.01);
      mask.push_back(std::fabs(w - 15500.0 * doppler) < 0.1 ? 1 : 0);
    }
  }
  const auto write = [&](const fs::path& file) {
    FitsWriter writer(file);
    writer.key("VRAD", kVelocity);
    writer.image(FLOAT_IMG, 4096, flux);
    writer.image(FLOAT_IMG, 4096, error);
    writer.image(SHORT_IMG, 4096, mask);
    writer.image(DOUBLE_IMG, 4096, wavelength);
  };
  write(folder_ / "apVisit.fits");
  EXPECT_EQ(apogee_content(folder_ / "apVisit.fits").kind, ApogeeKind::kVisit);
  const ApogeeSpectrum spectrum = read_apogee_spectrum(folder_ / "apVisit.fits");
  double worst = 0.0;
  for (int p = 0; p < kPixelCount; ++p) {
    const std::size_t i = static_cast<std::size_t>(p);
    const double x = (wavelength_angstrom(p) - kLine) * doppler / kWidth;
    if (std::fabs(wavelength_angstrom(p) - 15500.0) < 0.1) {
      EXPECT_TRUE(spectrum.masked[i]);
    }
    if (!spectrum.masked[i]) {
      worst = std::max(worst, std::fabs(static_cast<double>(spectrum.flux[i]) - (1.0 - 0.5 * std::exp(-0.5 * x * x))));
    }
  }
  EXPECT_LT(worst, 3e-4);
  EXPECT_LT(masked(spectrum), 200);  // the bad pixel, and the ends of the red detector
  EXPECT_GT(masked(spectrum), 0);

  wavelength[5000] = wavelength[4999];
  write(folder_ / "unordered.fits");
  EXPECT_NE(message_of(folder_ / "unordered.fits").find("unordered.fits: HDU 4: the wavelengths of detector 1"),
            std::string::npos);
}

TEST_F(ApogeeFile, NamesFileAndExtension) {
  StarFile star;
  star.start = 4.18;
  expect_message(star, "grid.fits", "HDU 1: its wavelengths are log10 = 4.18 + 6e-06 i, expected 4.179");
  star = StarFile();
  star.step = 6.1e-6;
  expect_message(star, "step.fits", "HDU 1: its wavelengths");
  star = StarFile();
  star.mask.assign(kApStarPixels, 1.0);
  expect_message(star, "masked.fits", "HDU 3: row 0: every pixel is masked");
  star = StarFile();
  star.error.assign(kApStarPixels, 0.0);
  expect_message(star, "errors.fits", "HDU 2: row 0: no pixel has a positive error");
  {
    FitsWriter writer(folder_ / "small.fits");
    writer.image(FLOAT_IMG, 100, std::vector<double>(100, 1.0));
  }
  EXPECT_NE(message_of(folder_ / "small.fits").find("small.fits: HDU 1: the flux is [1][100]; expected"),
            std::string::npos);
  { FitsWriter writer(folder_ / "empty.fits"); }
  EXPECT_NE(message_of(folder_ / "empty.fits").find("empty.fits: HDU 1: the flux is missing"), std::string::npos);
  std::ofstream(folder_ / "text.fits") << "not FITS\n";
  EXPECT_NE(message_of(folder_ / "text.fits").find("text.fits: "), std::string::npos);
  EXPECT_NE(message_of(folder_ / "absent.fits").find("absent.fits: no such file"), std::string::npos);
}

TEST_F(ApogeeFile, SaysWhereAFileIsCutShort) {
  StarFile().write(folder_ / "whole.fits");
  const auto size = fs::file_size(folder_ / "whole.fits");
  for (std::uintmax_t kept = 0; kept < size; kept += size / 23) {
    fs::copy_file(folder_ / "whole.fits", folder_ / "short.fits", fs::copy_options::overwrite_existing);
    fs::resize_file(folder_ / "short.fits", kept);
    const std::string message = message_of(folder_ / "short.fits");
    EXPECT_NE(message.find("short.fits: HDU "), std::string::npos) << kept << " of " << size << " bytes: " << message;
  }
}

TEST_F(ApogeeFile, OneBadFileDoesNotStopTheOthers) {
  const fs::path folder = folder_ / "several";
  fs::create_directories(folder);
  StarFile().write(folder / "a.fits");
  StarFile().write(folder / "c.fits");
  std::ofstream(folder / "b.fits") << "SIMPLE";
  std::ofstream(folder / "notes.txt") << "not a spectrum";
  std::vector<std::string> failures;
  const std::vector<ApogeeSpectrum> spectra = read_apogee_spectra(folder, failures);
  ASSERT_EQ(spectra.size(), 2u);
  EXPECT_EQ(spectra[0].name, "a");
  EXPECT_EQ(spectra[1].name, "c");
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_NE(failures[0].find("b.fits: HDU"), std::string::npos) << failures[0];
}

// --- The files that APOGEE's pipeline wrote

TEST_F(ApogeeFile, ReadsTheExamples) {
  if (!fs::exists(kExamples)) GTEST_SKIP() << kExamples << " is absent: run tools/setup.sh tables";
  std::vector<std::string> failures;
  const std::vector<ApogeeSpectrum> spectra = read_apogee_spectra(kExamples, failures);
  EXPECT_TRUE(failures.empty());
  ASSERT_EQ(spectra.size(), 4u);
  EXPECT_EQ(spectra[0].name, "2M17335483-2753043");
  // RV_TEFF of its header, RVTEFF of the older visit's.
  EXPECT_NEAR(spectra[0].published.at(0).value, 3676.877, 0.001);
  EXPECT_EQ(spectra[2].published.at(0).value, 6500.0);
  // The median S/N a pixel of the headers, which count the apStar grid's or the visits' own finer pixels.
  const double expected[] = {154.2, 137.5, 45.0, 89.6};
  for (std::size_t s = 0; s < spectra.size(); ++s) {
    std::vector<float> ratio;
    for (std::size_t i = 0; i < kPixelCount; ++i) {
      if (!spectra[s].masked[i]) ratio.push_back(spectra[s].flux[i] / spectra[s].error[i]);
    }
    std::ranges::nth_element(ratio, ratio.begin() + std::ssize(ratio) / 2);
    const double median = static_cast<double>(ratio[ratio.size() / 2]);
    std::printf("%s: %d pixels masked, S/N %.1f, in its header %.1f\n", spectra[s].name.c_str(), masked(spectra[s]),
                median, expected[s]);
    EXPECT_NEAR(median / expected[s], 1.0, 0.25);
    EXPECT_LT(masked(spectra[s]), 1000);
  }
}

// The same rows as astropy read them.
TEST_F(ApogeeFile, AgreesWithAnotherReader) {
  const char* const shared = std::getenv("PENUMBRA_SHARED");
  const fs::path file = fs::path(shared == nullptr ? "" : shared) / "spectra/apogee_real_spectra_7214.npz";
  if (shared == nullptr || !fs::exists(file)) GTEST_SKIP() << "PENUMBRA_SHARED holds no " << file.filename();
  if (!fs::exists(kExamples)) GTEST_SKIP() << kExamples << " is absent: run tools/setup.sh tables";
  const std::vector<double> wavelength =
      NpzReader(file.parent_path() / "binspec_apogee_wavelength.npz").array("wavelength", {kPixelCount}).values;
  for (int p = 0; p < kPixelCount; ++p)
    ASSERT_NEAR(wavelength_angstrom(p), wavelength[static_cast<std::size_t>(p)], 1e-7);
  const NpzReader reader(file);
  for (const auto& [name, rows] : {std::pair<std::string, int>{"2M17335483-2753043", 5}, {"2M19485057+5005279", 1}}) {
    const auto array = [&](const char* what) { return reader.array(name + "_apstar_" + what).values; };
    const std::vector<double> flux = array("flux"), error = array("err"), mask = array("mask");
    for (int row = 0; row < rows; ++row) {
      const ApogeeSpectrum spectrum = read_apogee_spectrum(kExamples / ("apStar-dr17-" + name + ".fits"), row);
      for (std::size_t i = 0; i < kPixelCount; ++i) {
        const std::size_t at = static_cast<std::size_t>(row) * kPixelCount + i;
        ASSERT_EQ(spectrum.bits[i], static_cast<std::uint32_t>(mask[at]));
        if (spectrum.error[i] > 0.0f) {
          ASSERT_EQ(spectrum.flux[i], static_cast<float>(flux[at]));
          ASSERT_EQ(spectrum.error[i], static_cast<float>(error[at]));
        }
      }
    }
  }
}

}  // namespace
}  // namespace penumbra
