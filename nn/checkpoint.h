// A trained network on disk: one HDF5 file with the weights, where they came from, and (while training) how to go on.
//
// clang-format off
//   /                     attributes: format, format_version, preset, preset_sha256, prior, simulation, commit, device, seed
//   /weights/<name>       float32, the weights that inference uses
//   /training/<name>      float32, optimiser state; absent from an exported file
//   /calibration/width_scale  float32 [D], only in a calibrated network (nn/posterior.h); attribute width_calibration
//   /parameters           names of the flow's dimensions
//   /channels, /sed_bands names, only in a network for binaries: checked on reading, as its parameters are
//   /inputs/<name>        shape of each array that another network reads
//   /sha256               of everything above, checked on reading
// clang-format on
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/hdf5_file.h"
#include "nn/layout.h"
#include "nn/train.h"

namespace penumbra {

inline constexpr int kCheckpointVersion = 1;

struct StoredTensor {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

struct CheckpointInfo {
  std::string preset;         // to_toml
  std::string preset_sha256;  // of that text
  Provenance provenance;
  DataLayout layout;   // of a network for binaries the parameters only: its inputs follow from the preset
  std::string device;  // that trained it, and LibTorch's version
  std::uint64_t seed = 0;
  TrainReport progress;
  std::string width_calibration = {};  // what the width scales were measured on; empty: none
  bool has_training_state = false;
};

struct Checkpoint {
  CheckpointInfo info;
  std::vector<StoredTensor> weights;
  std::vector<StoredTensor> training;
  std::vector<float> width_scale = {};  // [D], each positive; empty: none
};

// Atomic: the old file stays until the new one is complete.
void write_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint);

// Throws UserError with the reason: unreadable or truncated, not a Penumbra checkpoint, written by another format
// version, damaged (SHA-256), or made for other parameters, channels or bands than this program's.
Checkpoint read_checkpoint(const std::filesystem::path& file);

// The same network without training state: what is shipped.
void export_checkpoint(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace penumbra
