#include "app/train_spectra.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "nn/spectrum_source.h"

namespace penumbra {

SpectraSettings read_spectra_settings(const Config& config, const std::filesystem::path& data) {
  return {read_emulator_file(config, data), config.section("spectra").text("noise", (data / "tables/apogee").string())};
}

std::filesystem::path read_emulator_file(const Config& config, const std::filesystem::path& data) {
  return config.section("spectra").text("emulator", (data / "spectra/emulator.h5").string());
}

TrainReport train_on_spectra(const std::filesystem::path& data, const SpectraSettings& settings, const Preset& preset,
                             TrainOptions options) {
  if (preset.train.epochs > 0) {
    throw UserError(fmt::format("train.epochs = {}: new spectra are simulated as long as it trains; expected 0",
                                preset.train.epochs));
  }
  const TrackGrid tracks = TrackGrid::load(data / "tables/tracks.h5");
  const SpectrumSimulator simulator(LabelPrior(tracks.view()), Emulator::load(settings.emulator), settings.noise);
  for (const std::string& failure : simulator.failures()) fmt::print(stderr, "left out: {}\n", failure);
  options.provenance.prior = "isochrones of 1 to 10 Gyr (spectra/label_prior.h)";
  options.provenance.simulation = fmt::format(
      "[spectra]\nemulator = \"{}\"\nemulator_sha256 = \"{}\"\nnoise = \"{}\"\n", settings.emulator.filename().string(),
      sha256_of_file(settings.emulator), settings.noise.filename().string());
  return train(preset, spectrum_layout(), spectrum_source(simulator), options);
}

}  // namespace penumbra
