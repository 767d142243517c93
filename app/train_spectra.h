// penumbra train with a preset for spectra.
#pragma once

#include <filesystem>

#include "base/config.h"
#include "nn/train.h"

namespace penumbra {

// Which emulator, and whose noise.
struct SpectraSettings {
  std::filesystem::path emulator;  // The Payne's .npz, or HDF5 (data/spectra/README.md)
  std::filesystem::path noise;     // folder of apStar and apVisit files
};
// Keys spectra.emulator and spectra.noise; by default what `data` holds.
SpectraSettings read_spectra_settings(const Config& config, const std::filesystem::path& data);

std::filesystem::path read_emulator_file(const Config& config, const std::filesystem::path& data);

TrainReport train_on_spectra(const std::filesystem::path& data, const SpectraSettings& settings, const Preset& preset,
                             TrainOptions options);

}  // namespace penumbra
