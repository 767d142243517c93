// What a spectrograph makes of a spectrum, and what a network gets of it: the same for simulated stars and real ones.
//
// Zhang, Jayasinghe & Bloom (2023), section 3: error bars and masks are those of real spectra; each error shape is
// scaled so that the mean S/N is uniform in 25 to 600; a masked pixel gets the value of the nearest one to its left
// that is not masked (to its right, before the first); the mask is a channel of its own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "spectra/apogee_file.h"
#include "spectra/continuum.h"
#include "spectra/emulator.h"
#include "spectra/label_prior.h"

namespace penumbra {

inline constexpr double kLowestSignalToNoise = 25.0, kHighestSignalToNoise = 600.0;

// A spectrum over its continuum.
struct SpectrumObservation {
  std::vector<float> flux, error;     // [kPixelCount]; masked pixels as they are
  std::vector<unsigned char> masked;  // [kPixelCount]
};

// The mean of 1 / error over the pixels that are not masked: the S/N of the continuum.
double signal_to_noise(const SpectrumObservation& observation);

// The continuum pixels that go with a prior and an emulator. UserError where they have no star in common.
Continuum continuum_of(const LabelPrior& prior, const Emulator& emulator);

// Divides by the continuum, also what ASPCAP has normalised in its own way. UserError naming the spectrum where it
// cannot be found.
SpectrumObservation normalise(const ApogeeSpectrum& spectrum, const Continuum& continuum);

// What a network reads: flux - 1 where it is known, inpainted where not, within +-10; and 1 where it is masked.
// channels[2][kPixelCount]. False where every pixel is masked.
bool pack_spectrum(const SpectrumObservation& observation, float* channels);

// The error bars and masks of real spectra, by which simulated ones are made as noisy.
class NoiseShapes {
 public:
  explicit NoiseShapes(std::vector<SpectrumObservation> spectra);
  // Every spectrum of every file in a folder that has a mask: combined ones and visits. What cannot be used does not
  // stop the others: `failures` says why, one line each. UserError where none is left.
  static NoiseShapes load(const std::filesystem::path& folder, const Continuum& continuum,
                          std::vector<std::string>& failures);

  std::size_t size() const { return shapes_.size(); }
  const SpectrumObservation& shape(std::size_t n) const { return shapes_[n]; }  // its mean S/N is 1

 private:
  std::vector<SpectrumObservation> shapes_;
};

// Draw `index` of the stream `seed`: its labels, and what was done to its spectrum.
struct SimulatedSpectrum {
  LabelDraw star;
  SpectrumObservation observation;
  double signal_to_noise;
};

class SpectrumSimulator {
 public:
  // Continuum pixels are chosen from stars of the prior. UserError as NoiseShapes::load.
  SpectrumSimulator(LabelPrior prior, Emulator emulator, const std::filesystem::path& noise_folder);

  // Draws first .. first + count - 1, each a function of (seed, its index) alone. A star that the emulator cannot
  // compute, or whose continuum cannot be found, is drawn again from the same stream.
  std::vector<SimulatedSpectrum> simulate(std::uint64_t seed, std::uint64_t first, int count) const;

  const LabelPrior& prior() const { return prior_; }
  const Emulator& emulator() const { return emulator_; }
  const Continuum& continuum() const { return continuum_; }
  const std::vector<std::string>& failures() const { return failures_; }  // of the noise folder

 private:
  LabelPrior prior_;
  Emulator emulator_;
  Continuum continuum_;
  std::vector<std::string> failures_;
  NoiseShapes noise_;
};

}  // namespace penumbra
