#include "spectra/continuum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "base/random.h"
#include "spectra/pixels.h"
#include "tests/spectra/line_spectrum.h"

namespace penumbra {
namespace {

struct Spectrum {
  std::vector<float> flux, error;
  std::vector<unsigned char> masked = std::vector<unsigned char>(kPixelCount);

  // Lines under a continuum that bends differently on each detector, at this S/N.
  Spectrum(double signal_to_noise, std::uint64_t seed) {
    RandomStream random(seed, 0, Stage::kTest);
    const std::vector<double> lines = line_spectrum();
    for (int p = 0; p < kPixelCount; ++p) {
      const double level = continuum(p), sigma = level / signal_to_noise;
      flux.push_back(static_cast<float>(level * lines[static_cast<std::size_t>(p)] + sigma * random.normal()));
      error.push_back(static_cast<float>(sigma));
    }
  }
  static double continuum(int pixel) {
    const int chip = pixel < chip_start(1) ? 0 : pixel < chip_start(2) ? 1 : 2;
    const double x = static_cast<double>(pixel - chip_start(chip)) / (chip_start(chip + 1) - chip_start(chip));
    return 1000.0 * (1.0 + chip) * (1.0 + 0.5 * x - 0.3 * x * x + 0.2 * x * x * x - 0.2 * x * x * x * x);
  }
};

Continuum chosen() {
  const std::vector<double> lines = line_spectrum();
  return Continuum(std::vector<float>(lines.begin(), lines.end()));
}

double largest_error(const Continuum& continuum, const Spectrum& spectrum) {
  std::vector<float> level(kPixelCount);
  if (!continuum.fit(spectrum.flux.data(), spectrum.error.data(), spectrum.masked.data(), level.data()))
    return INFINITY;
  double worst = 0.0;
  for (int p = 0; p < kPixelCount; ++p) {
    worst = std::max(worst,
                     std::fabs(static_cast<double>(level[static_cast<std::size_t>(p)]) / Spectrum::continuum(p) - 1.0));
  }
  return worst;
}

TEST(ContinuumPixels, LieBetweenTheLines) {
  const std::vector<double> lines = line_spectrum();
  const std::vector<int> pixels = chosen().pixels();
  // 49, 40 and 32 stretches of at most 60 pixels.
  EXPECT_EQ(pixels.size(), 5u * (49 + 40 + 32));
  EXPECT_TRUE(std::ranges::is_sorted(pixels));
  for (const int p : pixels) EXPECT_GT(lines[static_cast<std::size_t>(p)], 0.999);
  EXPECT_THROW(Continuum(std::vector<float>(kPixelCount, NAN)), std::invalid_argument);
}

TEST(ContinuumFit, FindsAPolynomialUnderLines) {
  const Continuum continuum = chosen();
  EXPECT_LT(largest_error(continuum, Spectrum(1e6, 1)), 2e-4);  // what the lines' wings leave
  // Five coefficients from some 200 pixels: at the ends of a detector the error is a few times 1 / (S/N sqrt(200 / 5)).
  EXPECT_LT(largest_error(continuum, Spectrum(100.0, 2)), 8e-3);
}

TEST(ContinuumFit, LeavesOutliersAndMaskedPixelsOut) {
  const Continuum continuum = chosen();
  Spectrum spectrum(1000.0, 3);
  const double before = largest_error(continuum, spectrum);
  RandomStream random(4, 0, Stage::kTest);
  for (const int p : continuum.pixels()) {
    const double u = random.uniform();
    if (u < 0.05) spectrum.flux[static_cast<std::size_t>(p)] *= 1.3f;  // cosmic rays with ordinary errors
    if (u > 0.8) {
      spectrum.flux[static_cast<std::size_t>(p)] = 0.0f;
      spectrum.error[static_cast<std::size_t>(p)] = 0.0f;
      spectrum.masked[static_cast<std::size_t>(p)] = 1;
    }
  }
  const double after = largest_error(continuum, spectrum);
  std::printf("largest error %.1e, with outliers and a mask %.1e\n", before, after);
  EXPECT_LT(after, 1.5e-3);
}

TEST(ContinuumFit, SaysWhereThereIsNone) {
  const Continuum continuum = chosen();
  Spectrum few(100.0, 5);
  std::fill(few.masked.begin() + chip_start(1), few.masked.begin() + chip_start(2), static_cast<unsigned char>(1));
  EXPECT_EQ(largest_error(continuum, few), INFINITY);
  Spectrum negative(100.0, 6);
  for (float& flux : negative.flux) flux = -flux;
  EXPECT_EQ(largest_error(continuum, negative), INFINITY);
}

}  // namespace
}  // namespace penumbra
