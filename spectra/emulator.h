// Labels of a star -> its continuum-normalised spectrum, by a network of The Payne's form (Ting et al. 2019, section
// 2.3): two hidden layers with a leaky ReLU and one output for each of the 7214 pixels.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

#include "base/host_device.h"
#include "spectra/labels.h"
#include "spectra/line_profile.h"
#include "spectra/pixels.h"

namespace penumbra {

enum class SpectrumStatus : int {
  kOk = 0,
  kOutsideEmulator,  // an input beyond the range of the emulator's training labels
  kTooFast,          // the velocity or the broadening moves light further than kMaxProfileReach pixels
  kNotFinite,        // a label is NaN or infinite
};
inline constexpr std::array<std::string_view, 4> kSpectrumStatusNames{"ok", "outside_emulator", "too_fast",
                                                                      "not_finite"};

// One of the emulator's inputs: a label, plus [Fe/H] where it is an abundance relative to hydrogen.
struct EmulatorInput {
  int label;
  float lower, scale;  // the network sees (value - lower) * scale - .5
};

// Matrices row-major [from][to].
struct EmulatorView {
  int inputs, hidden1, hidden2;
  const EmulatorInput* input;                // [inputs]
  const float *weight0, *weight1, *weight2;  // [inputs][hidden1], [hidden1][hidden2], [hidden2][kPixelCount]
  const float *bias0, *bias1, *bias2;
  bool has_vmacro;  // an input; if not, the line profile applies it
};

PN_HD inline float leaky_relu(float x) { return x > 0.0f ? x : 0.01f * x; }

// Input i as the network sees it.
PN_HD inline float scaled_input(const EmulatorView& net, const double* labels, int i) {
  const EmulatorInput& in = net.input[i];
  const double value = labels[in.label] + (is_relative_to_iron(in.label) ? labels[kLabelIron] : 0.0);
  return static_cast<float>((value - static_cast<double>(in.lower)) * static_cast<double>(in.scale) - 0.5);
}

// What velocity and macroturbulence (the full width at half maximum of a Gaussian) do to the emulator's spectrum.
struct LineProfile {
  double shift_pixels, sigma_pixels;
};
PN_HD inline LineProfile line_profile(const EmulatorView& net, const double* labels) {
  return {pixel_shift(labels[kLabelVelocity]), net.has_vmacro ? 0.0 : pixel_sigma(labels[kLabelVmacro])};
}

class Emulator {
 public:
  // An HDF5 file (data/spectra/README.md says what is in it) or The Payne's own .npz, whose labels are The Payne's 25
  // with Teff in units of 1000 K. UserError naming the file and the array: missing, of another shape, not finite, an
  // unknown label, a range that is none.
  static Emulator load(const std::filesystem::path& file);

  EmulatorView view() const;  // valid while this object lives
  bool has(int label) const;  // does the spectrum depend on it? Velocity and macroturbulence always act.
  double lowest(int label) const { return low_[static_cast<std::size_t>(label)]; }    // of what goes in: [X/H]; NaN for
  double highest(int label) const { return high_[static_cast<std::size_t>(label)]; }  // a label that does not

  // Can this spectrum be computed? Ranges are kept to one part in a thousand, so that the ends are inside.
  SpectrumStatus status(const Labels& labels) const;

  // flux[B][kPixelCount] for labels[B] on one thread: normalised to the continuum, shifted and broadened. NaN where
  // status() is not kOk. Beyond a detector's ends its last pixel goes on. std::invalid_argument where sizes disagree.
  void evaluate(std::span<const Labels> labels, std::span<float> flux) const;

 private:
  std::vector<EmulatorInput> input_;
  std::vector<float> weight0_, weight1_, weight2_, bias0_, bias1_, bias2_;
  Labels low_{}, high_{};
};

}  // namespace penumbra
