// A spectrum of lines as narrow as APOGEE's (R = 22,500) at known places, and an emulator that always gives it.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "spectra/pixels.h"
#include "tests/spectra/random_emulator.h"

namespace penumbra {

inline constexpr double kLineSigma = 13.3243 / 2.354820 / 4.141754;  // pixels: c / 22500 over a pixel's 4.14 km/s

struct SpectralLine {
  double pixel, depth;
};

// From 5 to 45 pixels apart, away from the detectors' ends.
inline std::vector<SpectralLine> spectral_lines() {
  std::vector<SpectralLine> lines;
  RandomStream random(6, 0, Stage::kTest);
  for (int chip = 0; chip < kChipCount; ++chip) {
    for (double at = chip_start(chip) + 60.0; at < chip_start(chip + 1) - 60; at += 5.0 + 40.0 * random.uniform()) {
      lines.push_back({at, 0.02 + 0.4 * random.uniform()});
    }
  }
  return lines;
}

// Moved by `shift` and broadened to `sigma` [pixels]: equivalent widths stay.
inline std::vector<double> line_spectrum(double shift = 0.0, double sigma = kLineSigma) {
  std::vector<double> flux(kPixelCount, 1.0);
  for (const SpectralLine& line : spectral_lines()) {
    for (int p = static_cast<int>(line.pixel) - 59; p < line.pixel + 60; ++p) {
      const double x = (p - line.pixel - shift) / sigma;
      flux[static_cast<std::size_t>(p)] -= line.depth * kLineSigma / sigma * std::exp(-0.5 * x * x);
    }
  }
  return flux;
}

// All labels but vmacro are inputs, and change nothing.
inline EmulatorArrays constant_emulator(const std::vector<double>& flux) {
  EmulatorArrays arrays(kLabelVmacro, 1, 1);
  arrays.w2.assign(kPixelCount, 0.0f);
  arrays.b2.assign(flux.begin(), flux.end());
  return arrays;
}

}  // namespace penumbra
