#include "spectra/observation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "base/error.h"
#include "base/random.h"
#include "spectra/pixels.h"

namespace penumbra {
namespace {

constexpr int kMaxTries = 1000;

}  // namespace

Continuum continuum_of(const LabelPrior& prior, const Emulator& emulator) {
  // The stars among which they are chosen: any will do, but always the same.
  constexpr std::uint64_t kStars = 256, kSeed = 0;
  std::vector<Labels> labels;
  for (std::uint64_t i = 0; i < kStars; ++i) {
    labels.push_back(prior.draw(kSeed, i).labels);
    labels.back()[kLabelVelocity] = 0.0;
  }
  std::vector<float> flux(labels.size() * kPixelCount);
  emulator.evaluate(labels, flux);
  if (std::ranges::none_of(labels, [&](const Labels& l) { return emulator.status(l) == SpectrumStatus::kOk; })) {
    throw UserError("the emulator has no spectrum of any star of the prior: its ranges do not meet the prior's");
  }
  return Continuum(flux);
}

double signal_to_noise(const SpectrumObservation& observation) {
  double sum = 0.0;
  int pixels = 0;
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    if (observation.masked[p]) continue;
    sum += 1.0 / static_cast<double>(observation.error[p]);
    ++pixels;
  }
  return sum / pixels;
}

SpectrumObservation normalise(const ApogeeSpectrum& spectrum, const Continuum& continuum) {
  std::vector<float> level(kPixelCount);
  if (!continuum.fit(spectrum.flux.data(), spectrum.error.data(), spectrum.masked.data(), level.data())) {
    throw UserError(spectrum.name +
                    ": its continuum cannot be found: too few pixels are left, or the flux is negative");
  }
  SpectrumObservation observation{spectrum.flux, spectrum.error, spectrum.masked};
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    observation.flux[p] /= level[p];
    observation.error[p] /= level[p];
  }
  return observation;
}

bool pack_spectrum(const SpectrumObservation& observation, float* channels) {
  const auto first = std::ranges::find(observation.masked, 0);
  if (first == observation.masked.end()) return false;
  float value = observation.flux[static_cast<std::size_t>(first - observation.masked.begin())];
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    if (!observation.masked[p]) value = observation.flux[p];
    channels[p] = std::clamp(value - 1.0f, -10.0f, 10.0f);
    channels[kPixelCount + p] = observation.masked[p] ? 1.0f : 0.0f;
  }
  return true;
}

NoiseShapes::NoiseShapes(std::vector<SpectrumObservation> spectra) : shapes_(std::move(spectra)) {
  if (shapes_.empty()) throw std::invalid_argument("NoiseShapes: no spectrum");
  for (SpectrumObservation& shape : shapes_) {
    const auto scale = static_cast<float>(signal_to_noise(shape));
    for (float& error : shape.error) error *= scale;
  }
}

NoiseShapes NoiseShapes::load(const std::filesystem::path& folder, const Continuum& continuum,
                              std::vector<std::string>& failures) {
  if (!std::filesystem::is_directory(folder)) {
    throw UserError(folder.string() + ": no folder of APOGEE spectra (tools/setup.sh tables makes it)");
  }
  std::vector<SpectrumObservation> spectra;
  const auto try_to = [&](const auto& action) {
    try {
      action();
    } catch (const UserError& error) {
      failures.emplace_back(error.what());
    }
  };
  for (const std::filesystem::path& file : fits_files(folder)) {
    try_to([&] {
      const ApogeeContent content = apogee_content(file);
      if (content.kind == ApogeeKind::kAspcap) throw UserError(file.string() + ": an aspcapStar file has no mask");
      for (int row = 0; row < content.rows; ++row) {
        // Row 1, another combination of several visits, has no mask.
        if (row != 1) try_to([&] { spectra.push_back(normalise(read_apogee_spectrum(file, row), continuum)); });
      }
    });
  }
  if (spectra.empty()) {
    throw UserError(fmt::format("{}: no spectrum in it can be used{}", folder.string(),
                                failures.empty() ? "" : "; the first: " + failures.front()));
  }
  return NoiseShapes(std::move(spectra));
}

SpectrumSimulator::SpectrumSimulator(LabelPrior prior, Emulator emulator, const std::filesystem::path& noise_folder)
    : prior_(std::move(prior)),
      emulator_(std::move(emulator)),
      continuum_(continuum_of(prior_, emulator_)),
      noise_(NoiseShapes::load(noise_folder, continuum_, failures_)) {}

std::vector<SimulatedSpectrum> SpectrumSimulator::simulate(std::uint64_t seed, std::uint64_t first, int count) const {
  std::vector<SimulatedSpectrum> spectra(static_cast<std::size_t>(count));
  std::vector<RandomStream> label_stream;
  std::vector<std::size_t> open;  // not made yet
  for (std::size_t i = 0; i < spectra.size(); ++i) {
    label_stream.emplace_back(seed, first + i, Stage::kPrior);
    open.push_back(i);
  }
  for (int tries = 0; !open.empty(); ++tries) {
    if (tries == kMaxTries) {
      throw UserError(fmt::format("{} stars of the prior in a row are outside the emulator's range", kMaxTries));
    }
    std::vector<Labels> labels;
    for (const std::size_t i : open) {
      spectra[i].star = prior_.draw(label_stream[i]);
      labels.push_back(spectra[i].star.labels);
    }
    std::vector<float> flux(labels.size() * kPixelCount);
    emulator_.evaluate(labels, flux);

    std::vector<std::size_t> still_open;
    for (std::size_t n = 0; n < open.size(); ++n) {
      const std::size_t i = open[n];
      if (emulator_.status(labels[n]) != SpectrumStatus::kOk) {
        still_open.push_back(i);
        continue;
      }
      SimulatedSpectrum& made = spectra[i];
      RandomStream choice(seed, first + i, Stage::kSchedule), noise(seed, first + i, Stage::kNoise);
      made.observation = noise_.shape(static_cast<std::size_t>(choice.below(static_cast<int>(noise_.size()))));
      made.signal_to_noise = kLowestSignalToNoise + (kHighestSignalToNoise - kLowestSignalToNoise) * choice.uniform();
      SpectrumObservation& seen = made.observation;
      for (std::size_t p = 0; p < kPixelCount; ++p) {
        seen.error[p] /= static_cast<float>(made.signal_to_noise);
        seen.flux[p] = flux[n * kPixelCount + p] + seen.error[p] * static_cast<float>(noise.normal());
      }
      std::vector<float> level(kPixelCount);
      if (!continuum_.fit(seen.flux.data(), seen.error.data(), seen.masked.data(), level.data())) {
        still_open.push_back(i);
        continue;
      }
      for (std::size_t p = 0; p < kPixelCount; ++p) {
        seen.flux[p] /= level[p];
        seen.error[p] /= level[p];
      }
    }
    open = std::move(still_open);
  }
  return spectra;
}

}  // namespace penumbra
