// A training that takes seconds, of a posterior in closed form. No torch here.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/random.h"
#include "nn/features.h"
#include "nn/train.h"
#include "sim/parameters.h"

namespace penumbra {

inline const DataLayout kLayout = data_layout(FeatureLayout{.phase_bins = 8});
inline constexpr double kNoise = 0.5, kSumNoise = 0.1;

// A linear-Gaussian world with a posterior in closed form: z ~ N(0, I); meta[k] = z[k] + N(0, .5^2) for k < 5;
// summaries[0] = z[5] + z[6] + N(0, .1^2); everything else carries nothing.
inline void linear_gaussian(std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
  for (int b = 0; b < count; ++b) {
    RandomStream random(seed, first + static_cast<std::uint64_t>(b), Stage::kTest);
    const FeatureRow row = feature_row(rows, b);
    float* z = rows.target(b);
    std::fill_n(row.curves, rows.layout->inputs[0].size(), 0.0f);
    std::fill_n(row.summaries, FeatureLayout::summary_size(), 0.0f);
    std::fill_n(row.sed, FeatureLayout::sed_size(), 0.0f);
    std::fill_n(row.meta, FeatureLayout::kMeta, 0.0f);
    for (int i = 0; i < kParameterCount; ++i) z[i] = static_cast<float>(random.normal());
    for (int k = 0; k < 5; ++k) row.meta[k] = z[k] + static_cast<float>(kNoise * random.normal());
    row.summaries[0] = z[5] + z[6] + static_cast<float>(kSumNoise * random.normal());
  }
}

inline Preset tiny() {
  Preset preset;
  preset.network = {.phase_bins = 8,
                    .curve_widths = {4, 4},
                    .curve_blocks = 1,
                    .curve_embedding = 8,
                    .sed_hidden = 8,
                    .sed_embedding = 4,
                    .scalar_hidden = 32,
                    .scalar_embedding = 16,
                    .context = 32};
  preset.flow = {.blocks = 3, .hidden = 48, .mixture_components = 2, .log_scale_limit = 3.0};
  preset.train.systems = 30 * 64;
  preset.train.batch = 64;
  preset.train.warmup_steps = 10;
  preset.train.validation_systems = 100;
  preset.train.validate_every = 640;
  return preset;
}

inline TrainOptions quiet_options(const std::string& name) {
  TrainOptions options;
  options.folder = std::filesystem::path(testing::TempDir()) / ("train_" + name);
  std::filesystem::remove_all(options.folder);
  options.device = "cpu";
  options.torch_threads = 1;
  options.simulation_threads = 2;
  options.quiet = true;
  options.provenance = {"linear", "gaussian", "commit"};
  return options;
}

}  // namespace penumbra
