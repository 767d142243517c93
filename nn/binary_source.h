// Simulated binaries as systems to train on: their features (nn/features.h) and targets (nn/targets.h). No torch here.
#pragma once

#include "kernels/features_body.h"
#include "nn/config.h"
#include "nn/targets.h"
#include "nn/train.h"
#include "sim/simulate.h"

namespace penumbra {

// What a network of this preset for binaries is trained on.
FeatureRecipe feature_recipe(const Preset& preset, const Targets& targets);

// Made by the host's threads. Valid while the simulator and the targets live.
SystemSource binary_source(const Simulator& simulator, const Preset& preset, const Targets& targets);

// Made by the GPU's kernels (kernels/device_simulator.h), the same systems to the last digits.
std::unique_ptr<DeviceSource> device_binary_source(const Simulator& simulator, const Preset& preset,
                                                   const Targets& targets, int systems, int slots);

}  // namespace penumbra
