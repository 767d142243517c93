#include "spectra/observation.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "tests/spectra/fits_files.h"
#include "tests/spectra/line_spectrum.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;
const fs::path kTracks = PENUMBRA_SOURCE_DIR "/data/tables/tracks.h5";
const fs::path kExamples = PENUMBRA_SOURCE_DIR "/data/tables/apogee";

SpectrumObservation observation_of(std::vector<float> flux, std::vector<int> masked) {
  SpectrumObservation observation{std::move(flux), std::vector<float>(kPixelCount, 0.01f),
                                  std::vector<unsigned char>(kPixelCount)};
  for (const int p : masked) observation.masked[static_cast<std::size_t>(p)] = 1;
  return observation;
}

TEST(PackSpectrum, FillsFromTheLeftAndAtTheStartFromTheRight) {
  std::vector<float> flux(kPixelCount);
  std::iota(flux.begin(), flux.end(), 0.0f);
  for (float& f : flux) f = 1.0f + f / 1000.0f;
  flux[500] = NAN;
  flux[7213] = 1e30f;
  std::vector<float> channels(2 * kPixelCount, -1.0f);
  ASSERT_TRUE(pack_spectrum(observation_of(flux, {0, 1, 2, 500, 501, 502, 7213}), channels.data()));
  for (const int p : {0, 1, 2}) EXPECT_EQ(channels[static_cast<std::size_t>(p)], flux[3] - 1.0f);
  for (const int p : {499, 500, 501, 502}) EXPECT_EQ(channels[static_cast<std::size_t>(p)], flux[499] - 1.0f);
  EXPECT_EQ(channels[503], flux[503] - 1.0f);
  EXPECT_EQ(channels[7213], flux[7212] - 1.0f);
  EXPECT_EQ(std::accumulate(channels.begin() + kPixelCount, channels.end(), 0.0f), 7.0f);
  EXPECT_EQ(channels[kPixelCount + 501], 1.0f);
  std::vector<int> every(kPixelCount);
  std::iota(every.begin(), every.end(), 0);
  EXPECT_FALSE(pack_spectrum(observation_of(flux, every), channels.data()));
}

class SpectrumSimulatorTest : public ::testing::Test {
 protected:
  // Noise of two stars: one of even errors, one whose errors double in the red and that lacks a stretch of pixels.
  static void SetUpTestSuite() {
    if (!fs::exists(kTracks)) return;
    folder_ = fs::temp_directory_path() / ("penumbra_spectrum_simulator_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "noise");
    StarFile star;
    star.write(folder_ / "noise/a.fits");
    for (int p = 6000; p < kApStarPixels; ++p) star.error[static_cast<std::size_t>(p)] *= 2.0;
    for (int p = 1000; p < 1100; ++p) star.mask[static_cast<std::size_t>(p)] = 1.0;
    star.write(folder_ / "noise/b.fits");
    std::ofstream(folder_ / "noise/c.fits") << "not FITS";
    const TrackGrid tracks = TrackGrid::load(kTracks);
    simulator_ = std::make_unique<SpectrumSimulator>(LabelPrior(tracks.view()),
                                                     emulator(constant_emulator(line_spectrum())), folder_ / "noise");
  }
  static void TearDownTestSuite() {
    simulator_.reset();
    fs::remove_all(folder_);
  }
  void SetUp() override {
    if (!simulator_) GTEST_SKIP() << kTracks << " is absent: run python data/recipes/make_tracks.py";
  }
  static Emulator emulator(const EmulatorArrays& arrays) {
    arrays.write(folder_ / "emulator.h5");
    return Emulator::load(folder_ / "emulator.h5");
  }

  static inline fs::path folder_;
  static inline std::unique_ptr<SpectrumSimulator> simulator_;
};

TEST_F(SpectrumSimulatorTest, ADrawIsNamedBySeedAndIndexAlone) {
  const std::vector<SimulatedSpectrum> several = simulator_->simulate(3, 10, 5);
  for (std::uint64_t i = 0; i < 5; ++i) {
    const SimulatedSpectrum alone = simulator_->simulate(3, 10 + i, 1)[0];
    EXPECT_EQ(alone.star.z, several[i].star.z);
    EXPECT_EQ(alone.signal_to_noise, several[i].signal_to_noise);
    // The emulator's sums may differ in their last digits.
    for (std::size_t p = 0; p < kPixelCount; ++p) {
      ASSERT_NEAR(alone.observation.flux[p], several[i].observation.flux[p], 1e-5);
    }
  }
  EXPECT_NE(simulator_->simulate(4, 10, 1)[0].star.z, several[0].star.z);
}

TEST_F(SpectrumSimulatorTest, SignalToNoiseIsUniformAndTrue) {
  constexpr int kDraws = 400;
  std::vector<double> drawn;
  int with_gap = 0;
  for (const SimulatedSpectrum& made : simulator_->simulate(5, 0, kDraws)) {
    drawn.push_back(made.signal_to_noise);
    EXPECT_NEAR(signal_to_noise(made.observation) / made.signal_to_noise, 1.0, 0.02);
    with_gap += made.observation.masked[static_cast<std::size_t>(1050 - 322)];
    // Without the lines, and where noise hides what the fit of the continuum makes of broad ones, a unit normal is
    // left.
    if (made.signal_to_noise > 100.0) continue;
    const LineProfile profile = line_profile(simulator_->emulator().view(), made.star.labels.data());
    const std::vector<double> lines = line_spectrum(profile.shift_pixels, std::hypot(kLineSigma, profile.sigma_pixels));
    double squares = 0.0;
    for (std::size_t p = 0; p < kPixelCount; ++p) {
      const double left = static_cast<double>(made.observation.flux[p]) - lines[p];
      squares += left * left / std::pow(static_cast<double>(made.observation.error[p]), 2);
    }
    EXPECT_NEAR(squares / kPixelCount, 1.0, 0.1);
  }
  EXPECT_NEAR(with_gap, kDraws / 2, 4.0 * std::sqrt(kDraws) / 2.0);
  std::ranges::sort(drawn);
  for (int i = 0; i < kDraws; ++i) {
    EXPECT_NEAR((drawn[static_cast<std::size_t>(i)] - 25.0) / 575.0, (i + 0.5) / kDraws, 1.95 / std::sqrt(kDraws));
  }
}

TEST_F(SpectrumSimulatorTest, ErrorBarsHaveTheShapesOfRealOnes) {
  for (const SimulatedSpectrum& made : simulator_->simulate(6, 0, 20)) {
    const bool second = made.observation.masked[static_cast<std::size_t>(1050 - 322)];
    const float ratio = made.observation.error[7000] / made.observation.error[10];
    EXPECT_NEAR(ratio, second ? 2.0 : 1.0, 0.05);
  }
  ASSERT_EQ(simulator_->failures().size(), 1u);
  EXPECT_NE(simulator_->failures()[0].find("c.fits"), std::string::npos);
}

// Stars that an emulator does not reach are drawn again, and the rest are what they were.
TEST_F(SpectrumSimulatorTest, StaysWithinTheEmulator) {
  EmulatorArrays arrays = constant_emulator(line_spectrum());
  arrays.x_max[kLabelTeff] = 5500.0;
  const TrackGrid tracks = TrackGrid::load(kTracks);
  const SpectrumSimulator cool(LabelPrior(tracks.view()), emulator(arrays), folder_ / "noise");
  const std::vector<SimulatedSpectrum> all = simulator_->simulate(7, 0, 60), some = cool.simulate(7, 0, 60);
  int same = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_LT(some[i].star.labels[kLabelTeff], 5503.0);
    if (all[i].star.labels[kLabelTeff] < 5500.0) {
      ++same;
      EXPECT_EQ(some[i].star.labels, all[i].star.labels);
    }
  }
  EXPECT_GT(same, 10);
  EXPECT_LT(same, 55);
}

TEST_F(SpectrumSimulatorTest, NamesAFolderWithoutSpectra) {
  const TrackGrid tracks = TrackGrid::load(kTracks);
  const auto message_of = [&](const fs::path& folder) -> std::string {
    try {
      SpectrumSimulator(LabelPrior(tracks.view()), emulator(constant_emulator(line_spectrum())), folder);
    } catch (const UserError& error) {
      return error.what();
    }
    return "no UserError";
  };
  EXPECT_NE(message_of(folder_ / "absent").find("absent: no folder of APOGEE spectra"), std::string::npos);
  fs::create_directories(folder_ / "bad");
  std::ofstream(folder_ / "bad/d.fits") << "not FITS";
  EXPECT_NE(message_of(folder_ / "bad").find("bad: no spectrum in it can be used; the first: "), std::string::npos);
}

// The errors and masks of the four example files: 4 visits and combinations of the first star, 1 of the second, 2
// visits.
TEST_F(SpectrumSimulatorTest, TakesItsNoiseFromTheExamples) {
  if (!fs::exists(kExamples)) GTEST_SKIP() << kExamples << " is absent: run tools/setup.sh tables";
  const std::vector<double> lines = line_spectrum();
  const Continuum continuum(std::vector<float>(lines.begin(), lines.end()));
  std::vector<std::string> failures;
  const NoiseShapes noise = NoiseShapes::load(kExamples, continuum, failures);
  EXPECT_TRUE(failures.empty());
  EXPECT_EQ(noise.size(), 7u);
  for (std::size_t n = 0; n < noise.size(); ++n) EXPECT_NEAR(signal_to_noise(noise.shape(n)), 1.0, 1e-3);
}

}  // namespace
}  // namespace penumbra
