// A preset: every size and rate of a network and its training, read from a TOML file (data/presets/<name>.toml).
//
// Keys that a file leaves out keep the defaults below; base/config.h refuses unknown keys and values out of range.
// `to_toml` writes every key, in one order: the SHA-256 of that text is the preset's identity in checkpoints.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/config.h"
#include "sim/observation.h"

namespace penumbra {

// kind = "binary": the light curves, photometry and parallax of a binary (nn/features.h).
struct NetworkConfig {
  std::int64_t phase_bins = 256;                                 // of the folded light curves
  std::vector<std::int64_t> curve_widths{48, 64, 96, 128, 128};  // channels a level; the length halves between levels
  std::int64_t curve_blocks = 2;                                 // residual blocks a level
  std::int64_t curve_embedding = 256;
  std::int64_t sed_hidden = 128, sed_embedding = 64;
  std::int64_t scalar_hidden = 64, scalar_embedding = 32;  // light-curve summaries, and period and parallax
  std::int64_t context = 256;                              // what the flow is conditioned on
  // Units in each layer of a perceptron that reads the embedded curves beside all other inputs as they are, and adds to
  // the context; none: no such branch, as in early checkpoints.
  std::vector<std::int64_t> joint_hidden{};
};

// kind = "points": the same data with the light curves as single points, and the network of the paper's Table 3.
struct PointsConfig {
  std::int64_t channels = 4;                                 // light-curve channels: the first of sim/passbands.h
  std::int64_t points = 2000;                                // L, of a light curve at most
  std::vector<std::int64_t> curve_widths{32, 64, 128, 256};  // channels a level; the length halves between levels
  std::int64_t curve_embedding = 128;
  std::vector<std::int64_t> sed_widths{32, 64, 128};
  std::int64_t sed_embedding = 64;
  std::int64_t blocks = 2;  // residual blocks a level
  std::int64_t meta_hidden = 32, meta_embedding = 16;
};

// kind = "vector": x of any other simulator, as numbers without an order.
struct VectorConfig {
  std::vector<std::int64_t> hidden{128, 128};  // units in each hidden layer
  std::int64_t context = 64;
};

// kind = "series": x is one sequence [T] or several [C][T].
struct SeriesConfig {
  std::vector<std::int64_t> widths{32, 64, 64};  // channels a level; the length halves between levels
  std::int64_t blocks = 1;                       // residual blocks a level
  std::int64_t context = 64;
};

// kind = "spectrum": a star's spectrum and its mask (spectra/observation.h): a residual network whose last level gated
// recurrent units read in order, the ResNet-GRU of Zhang et al. (2021, 2023); beside it, if wanted, dense layers.
struct SpectrumConfig {
  std::vector<std::int64_t> widths{16, 32, 48, 64, 96, 128, 128, 128};  // channels a level; the length halves between
  std::int64_t blocks = 1;                                              // residual blocks a level
  std::int64_t recurrent_hidden = 128, recurrent_layers = 2;
  std::int64_t dense_hidden = 0;  // units in each of two layers that read the flux of all pixels at once; 0: none
  std::int64_t context = 128;
};

struct FlowConfig {
  std::int64_t blocks = 10;   // masked autoregressive blocks; the last one's output is the mixture
  std::int64_t hidden = 192;  // units in each of a block's two hidden layers
  std::int64_t mixture_components = 8;
  double log_scale_limit = 3.0;    // |log scale| of every affine map stays below this
  bool context_to_outputs = true;  // the context feeds a block's outputs too, not its first hidden layer alone
};

// What the encoders train in; the flow, and all inference, is float32. kAuto: bfloat16 on a GPU, float32 on a CPU.
enum class Precision { kAuto, kFloat32, kBfloat16 };

struct TrainConfig {
  std::int64_t systems = 300000;  // simulated systems in all; on the fly each is seen once
  std::int64_t epochs = 0;        // with a fixed set: how often each of its systems is seen, in place of `systems`
  std::int64_t batch = 128;
  double learning_rate = 1e-3, minimum_learning_rate = 1e-5;  // cosine from the first to the second
  std::int64_t warmup_steps = 500;
  double gradient_norm_limit = 5.0;
  double average_decay = 0.999;  // exponential moving average of the weights
  double drop_share = 0.0;       // of the light curves, magnitudes and parallaxes that a simulated binary has
  std::int64_t validation_systems = 2048;
  std::int64_t validate_every = 20000;  // systems
  std::int64_t patience = 0;            // validations without a gain before it ends early; 0: never
  double max_minutes = 0.0;             // of training in all, over all invocations; 0: no limit
  Precision encoder_precision = Precision::kAuto;
  // The tensors that are trained, by their name or the dotted part that it begins with ("flow.9"); none: all. The
  // others stay as they are, for a run that begins with another's weights.
  std::vector<std::string> only;
  std::vector<Modality> drop;  // what a network for binaries never sees, in training or afterwards
};

struct Preset {
  std::string kind = "binary";  // which of the next five [network] holds
  // Of a network for binaries: what its dimensions are (nn/targets.h). Early checkpoints do not say; theirs are these.
  std::string targets = "latent";
  NetworkConfig network;
  PointsConfig points;
  VectorConfig vector;
  SeriesConfig series;
  SpectrumConfig spectrum;
  FlowConfig flow;
  TrainConfig train;
  bool for_binaries() const { return kind == "binary" || kind == "points"; }
};

// Reads [network], [flow] and [train] of a file that may hold other tables too; the caller finishes the Config.
Preset read_preset(const Config& config);
// A file with these three tables only.
Preset load_preset(const std::filesystem::path& file);
// Empty lists and an encoder_precision of "auto" are not written.
std::string to_toml(const Preset& preset);

// The modalities that a list of names stands for; UserError naming those that exist. No such key: none.
std::vector<Modality> read_modalities(const Config& table, const std::string& key);

}  // namespace penumbra
