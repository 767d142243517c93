// penumbra infer star.fits, from the FITS file to the report.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <string>

#include "base/hdf5_file.h"
#include "base/random.h"
#include "spectra/emulator.h"
#include "tests/app/run_program.h"
#include "tests/app/tiny_spectrum_network.h"
#include "tests/spectra/fits_files.h"
#include "tests/spectra/random_emulator.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

class InferSpectra : public ::testing::Test {
 protected:
  // One network for all tests.
  static void SetUpTestSuite() {
    if (!tables_exist()) return;
    scratch_.emplace("infer_spectra");
    write_text(folder() / "tiny.toml", kTinySpectrumPreset);
    EmulatorArrays(kEmulatorLabelCount, 8, 8).write(folder() / "emulator.h5");
    fs::create_directories(folder() / "noise");
    StarFile().write(folder() / "noise/star.fits");
    const ProgramResult trained =
        run({"train", "--preset", "tiny.toml", "--out", "run", "--set", "spectra.noise=noise"});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    good_star().write(folder() / "star.fits");
  }
  static void TearDownTestSuite() { scratch_.reset(); }
  void SetUp() override {
    if (!scratch_) GTEST_SKIP() << "the data tables are absent: run tools/setup.sh tables";
  }

  static const fs::path& folder() { return scratch_->path(); }
  // A star that the emulator knows, seen at S/N 100, with a masked stretch.
  static StarFile good_star() {
    const Emulator emulator = Emulator::load(folder() / "emulator.h5");
    RandomStream random(2, 0, Stage::kTest);
    Labels labels = random_labels(random);
    labels[kLabelTeff] = 5000.0;
    std::vector<float> flux(kPixelCount);
    emulator.evaluate({&labels, 1}, flux);
    StarFile star;
    for (int p = 0; p < kPixelCount; ++p) {
      star.flux[static_cast<std::size_t>(apstar_pixel(p))] =
          1000.0 * static_cast<double>(flux[static_cast<std::size_t>(p)]) + 10.0 * random.normal();
    }
    for (int p = 1000; p < 1020; ++p) star.mask[static_cast<std::size_t>(apstar_pixel(p))] = 1;
    return star;
  }
  static ProgramResult run(std::vector<std::string> arguments) {
    for (const char* more : {"--data", PENUMBRA_SOURCE_DIR "/data", "--device", "cpu", "--set", "threads=1", "--set",
                             "spectra.emulator=emulator.h5"}) {
      arguments.emplace_back(more);
    }
    return run_program(arguments, folder());
  }
  static ProgramResult infer(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "infer");
    for (const char* more : {"--checkpoint", "run/weights.h5", "--samples", "400"}) arguments.emplace_back(more);
    return run(std::move(arguments));
  }
  void expect_error(const std::vector<std::string>& arguments, const std::string& expected) {
    const ProgramResult result = infer(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_NE(result.err.find(expected), std::string::npos) << result.err << "expected: " << expected;
  }

  static inline std::optional<ScratchFolder> scratch_;
};

TEST_F(InferSpectra, WritesThePosteriorAndItsReport) {
  const ProgramResult result = infer({"star.fits", "--out", "plain"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_NE(result.out.find("star: 400 posterior samples, neural posterior estimation"), std::string::npos);
  for (const Label& label : kLabels) EXPECT_NE(result.out.find("\n" + std::string(label.name)), std::string::npos);
  const Hdf5Reader file(folder() / "plain/star.nc");
  const std::vector<double> best = file.doubles("posterior_predictive/best_fit", {kPixelCount});
  const std::vector<double> quantiles = file.doubles("posterior_predictive/flux", {5, kPixelCount});
  const std::vector<double> flux = file.doubles("observed_data/flux", {kPixelCount}),
                            sigma = file.doubles("constant_data/flux_sigma", {kPixelCount}),
                            masked = file.doubles("constant_data/masked", {kPixelCount});
  EXPECT_EQ(std::ranges::count(masked, 1.0), 20);
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    for (std::size_t q = 1; q < 5; ++q) ASSERT_LE(quantiles[(q - 1) * kPixelCount + p], quantiles[q * kPixelCount + p]);
  }
  // chi^2 of the best fit as the program prints it.
  double chi_squared = 0.0;
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    if (masked[p] == 0.0) chi_squared += std::pow((flux[p] - best[p]) / sigma[p], 2);
  }
  const auto at = result.out.find("chi^2 of the best sample: ");
  ASSERT_NE(at, std::string::npos) << result.out;
  EXPECT_NEAR(std::stod(result.out.substr(at + 26)), chi_squared, 1.0 + 1e-4 * chi_squared);
  // ln q and the exact density go with the samples.
  const std::vector<double> log_density = file.doubles("sample_stats/log_density", {1, 400}),
                            log_likelihood = file.doubles("sample_stats/log_likelihood", {1, 400}),
                            log_prior = file.doubles("sample_stats/log_prior", {1, 400});
  for (std::size_t s = 0; s < 400; ++s) EXPECT_NEAR(log_density[s], log_likelihood[s] + log_prior[s], 1e-6);
  EXPECT_EQ(file.doubles("unconstrained_posterior/z", {1, 400, kLabelCount}).size(), 400u * kLabelCount);

  const ProgramResult again = infer({"star.fits", "--out", "again"});
  EXPECT_EQ(Hdf5Reader(folder() / "again/star.nc").doubles("posterior/teff"), file.doubles("posterior/teff"));

  const std::string python = PENUMBRA_PYTHON;
  if (std::system((python + " -c 'import arviz, corner, netCDF4' >/dev/null 2>&1").c_str()) != 0) {
    GTEST_SKIP() << python << " has no arviz, corner and netCDF4: run tools/setup.sh";
  }
  const ProgramResult report =
      run_program({"report", "plain/star.nc", "--out", "report", "--data", PENUMBRA_SOURCE_DIR "/data"}, folder());
  ASSERT_EQ(report.exit_code, 0) << report.err;
  for (const char* figure : {"star_spectrum.png", "star_zoom.png", "star_corner.png"}) {
    EXPECT_GT(fs::file_size(folder() / "report" / figure), 10000u) << figure;
  }
  const std::string page = read_text(folder() / "report/star.html");
  EXPECT_NE(page.find("[Mg/Fe]"), std::string::npos);
}

TEST_F(InferSpectra, WeighsByTheExactLikelihood) {
  const ProgramResult result = infer({"star.fits", "--out", "weighed", "--refine", "importance"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* fact : {"importance_efficiency: ", "pareto_k: ", "log_evidence: ", "the importance weights fail"}) {
    EXPECT_NE(result.out.find(fact), std::string::npos) << fact << result.out;
  }
  EXPECT_NE(Hdf5Reader(folder() / "weighed/star.nc").text_attribute("/", "pareto_k"), "");
}

// A folder of good and bad files: each bad one is named with its extension, the good ones have their posteriors.
TEST_F(InferSpectra, BadFilesDoNotStopAFolder) {
  const fs::path stars = folder() / "stars";
  fs::create_directories(stars);
  StarFile star = good_star();
  star.write(stars / "a.fits");
  star.write(stars / "z.fits");
  star.mask.assign(kApStarPixels, 1.0);
  star.write(stars / "masked.fits");
  star = good_star();
  star.error.assign(kApStarPixels, 0.0);
  star.write(stars / "errors.fits");
  star = good_star();
  star.start = 4.0;
  star.write(stars / "grid.fits");
  star = good_star();
  for (double& flux : star.flux) flux = -flux;
  star.write(stars / "negative.fits");
  fs::copy_file(stars / "a.fits", stars / "short.fits", fs::copy_options::overwrite_existing);
  fs::resize_file(stars / "short.fits", fs::file_size(stars / "a.fits") / 2);
  write_text(stars / "text.fits", "not FITS");
  const ProgramResult result = infer({"stars", "absent.fits", "--out", "many"});
  EXPECT_EQ(result.exit_code, 2);
  for (const char* expected :
       {"stars/masked.fits: HDU 3: row 0: every pixel is masked",
        "stars/errors.fits: HDU 2: row 0: no pixel has a positive error",
        "stars/grid.fits: HDU 1: its wavelengths are log10 = 4 + 6e-06 i, expected 4.179",
        "stars/negative.fits: negative: its continuum cannot be found", "stars/short.fits: HDU ",
        "stars/text.fits: HDU ", "absent.fits: no such file", "7 of 9 spectra have no posterior"}) {
    EXPECT_NE(result.err.find(expected), std::string::npos) << expected << "\n" << result.err;
  }
  for (const char* name : {"a", "z", "masked", "errors", "grid", "negative", "short", "text", "absent"}) {
    const bool good = name == std::string("a") || name == std::string("z");
    EXPECT_EQ(fs::exists(folder() / "many" / (std::string(name) + ".nc")), good) << name;
  }
  fs::create_directories(folder() / "empty");
  expect_error({"empty"}, "empty: holds no *.fits or *.fits.gz file");
}

TEST_F(InferSpectra, RefusesWhatDoesNotFit) {
  write_text(folder() / "star.toml", "parallax_mas = 3.0\nparallax_error_mas = 0.1\n");
  const ProgramResult binary = run_program(
      {"infer", "star.toml", "--checkpoint", "run/weights.h5", "--data", PENUMBRA_SOURCE_DIR "/data"}, folder());
  EXPECT_EQ(binary.exit_code, 2);
  EXPECT_NE(binary.err.find("kind \"spectrum\""), std::string::npos) << binary.err;
  const ProgramResult arrays = run_program({"infer", "--x", "x.h5", "--checkpoint", "run/weights.h5"}, folder());
  EXPECT_EQ(arrays.exit_code, 2);
  EXPECT_NE(arrays.err.find("run/weights.h5: a network for spectra, which reads FITS files"), std::string::npos)
      << arrays.err;
  expect_error({"star.toml", "star.fits"}, "not both at once");
  expect_error({"star.fits", "--refine", "mcmc"}, "expected none or importance");
  expect_error({"star.fits", "--prior", "field"}, "prior");
  const ProgramResult binaries =
      run({"infer", "star.fits", "--checkpoint", PENUMBRA_SOURCE_DIR "/data/checkpoints/compact.h5"});
  EXPECT_EQ(binaries.exit_code, 2);
  EXPECT_NE(binaries.err.find("compact.h5: holds a network of kind \"binary\""), std::string::npos) << binaries.err;
}

// Emulators of no star of the prior, and of so few that one sample after another is outside.
TEST_F(InferSpectra, SaysWhereLabelsAreOutsideTheEmulator) {
  EmulatorArrays narrow(kEmulatorLabelCount, 8, 8);
  narrow.x_min[kLabelTeff] = 9000.0;
  narrow.x_max[kLabelTeff] = 9001.0;
  narrow.write(folder() / "none.h5");
  narrow.x_min[kLabelTeff] = 3500.0;
  narrow.x_max[kLabelTeff] = 3600.0;
  narrow.write(folder() / "few.h5");
  const auto infer_with = [](const char* emulator) {
    return run_program({"infer", "star.fits", "--checkpoint", "run/weights.h5", "--samples", "1", "--device", "cpu",
                        "--data", PENUMBRA_SOURCE_DIR "/data", "--set", std::string("spectra.emulator=") + emulator},
                       folder());
  };
  const ProgramResult none = infer_with("none.h5"), few = infer_with("few.h5");
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_NE(none.err.find("the emulator has no spectrum of any star of the prior"), std::string::npos) << none.err;
  EXPECT_EQ(few.exit_code, 2);
  EXPECT_NE(few.err.find("star.fits: the emulator has no spectrum for any of the network's samples"), std::string::npos)
      << few.err;
}

}  // namespace
}  // namespace penumbra
