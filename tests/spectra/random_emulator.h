// Emulators of random weights as files of either kind, for tests: the numbers mean nothing, the shapes are real.
#pragma once

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "base/hdf5_file.h"
#include "base/random.h"
#include "spectra/emulator.h"

namespace penumbra {

struct EmulatorArrays {
  std::size_t inputs, hidden1, hidden2;
  std::vector<float> w0, w1, w2, b0, b1, b2;  // matrices [to][from]
  std::vector<double> x_min, x_max;
  std::vector<std::string> labels;

  // Of the first `count` labels; half the inputs between the prior's ends and beyond.
  EmulatorArrays(int count, int hidden1_, int hidden2_, std::uint64_t seed = 1)
      : inputs(static_cast<std::size_t>(count)),
        hidden1(static_cast<std::size_t>(hidden1_)),
        hidden2(static_cast<std::size_t>(hidden2_)) {
    RandomStream random(seed, 0, Stage::kTest);
    const auto fill = [&](std::vector<float>& values, std::size_t size, double scale) {
      for (std::size_t i = 0; i < size; ++i) values.push_back(static_cast<float>(scale * random.normal()));
    };
    fill(w0, hidden1 * inputs, 1.0 / std::sqrt(static_cast<double>(inputs)));
    fill(w1, hidden2 * hidden1, 1.0 / std::sqrt(static_cast<double>(hidden1)));
    fill(w2, kPixelCount * hidden2, 0.3 / std::sqrt(static_cast<double>(hidden2)));
    fill(b0, hidden1, 0.3);
    fill(b1, hidden2, 0.3);
    fill(b2, kPixelCount, 0.05);
    for (float& b : b2) b += 0.9f;
    for (int i = 0; i < count; ++i) {
      const Label& label = kLabels[static_cast<std::size_t>(i)];
      const double more = is_relative_to_iron(i) ? 2.1 : 0.1;
      labels.emplace_back(label.emulator_name);
      x_min.push_back(label.low - more);
      x_max.push_back(label.high + more);
    }
  }

  void write(const std::filesystem::path& file) const {
    Hdf5Writer writer(file);
    writer.floats("w_array_0", w0, {hidden1, inputs});
    writer.floats("w_array_1", w1, {hidden2, hidden1});
    writer.floats("w_array_2", w2, {kPixelCount, hidden2});
    writer.floats("b_array_0", b0, {hidden1});
    writer.floats("b_array_1", b1, {hidden2});
    writer.floats("b_array_2", b2, {kPixelCount});
    writer.doubles("x_min", x_min, {inputs});
    writer.doubles("x_max", x_max, {inputs});
    writer.strings("labels", labels);
    writer.commit();
  }
};

// Uniform within the prior's ranges.
inline Labels random_labels(RandomStream& random) {
  Labels labels;
  for (std::size_t i = 0; i < kLabels.size(); ++i) {
    labels[i] = kLabels[i].low + (kLabels[i].high - kLabels[i].low) * random.uniform();
  }
  return labels;
}

}  // namespace penumbra
