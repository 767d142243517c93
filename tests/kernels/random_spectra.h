// Stars and an emulator of random weights, for the tests of the spectrum kernel.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "spectra/emulator.h"
#include "tests/spectra/random_emulator.h"

namespace penumbra {

// With `vmacro` the emulator has it as an input, so that profiles are short; else they broaden by it. Some stars cannot
// be computed.
struct RandomSpectra {
  Emulator emulator;
  std::vector<Labels> labels;
  std::vector<float> flux;

  RandomSpectra(int count, bool vmacro, int hidden1, int hidden2) {
    const std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("random_spectra_" + std::to_string(getpid()) + ".h5");
    EmulatorArrays(vmacro ? 25 : 24, hidden1, hidden2).write(file);
    emulator = Emulator::load(file);
    std::filesystem::remove(file);
    RandomStream random(41, static_cast<std::uint64_t>(count), Stage::kTest);
    for (int b = 0; b < count; ++b) {
      labels.push_back(random_labels(random));
      if (b % 7 == 3) labels.back()[kLabelTeff] = 12000.0;
      if (b % 11 == 5) labels.back()[kLabelVelocity] = 1e9;
      if (b % 13 == 6) labels.back()[kLabelVelocity] *= 15.0;
    }
    flux.assign(labels.size() * kPixelCount, -1.0f);
  }

  // Largest difference from Emulator::evaluate; INFINITY where one of the two is NaN.
  float difference_from_cpu() const {
    std::vector<float> expected(flux.size());
    emulator.evaluate(labels, expected);
    float largest = 0.0f;
    for (std::size_t i = 0; i < flux.size(); ++i) {
      if (std::isnan(expected[i]) != std::isnan(flux[i])) return INFINITY;
      if (!std::isnan(flux[i])) largest = std::max(largest, std::fabs(flux[i] - expected[i]));
    }
    return largest;
  }
};

}  // namespace penumbra
