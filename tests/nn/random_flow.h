// A flow of random weights for tests. Includes ATen.
#pragma once

#include <ATen/ATen.h>

#include "base/random.h"
#include "nn/flow.h"

namespace penumbra {

inline at::Tensor random_tensor(at::IntArrayRef shape, std::uint64_t draw) {
  at::Tensor out = at::empty(shape);
  RandomStream random(11, draw, Stage::kTest);
  for (std::int64_t i = 0; i < out.numel(); ++i) out.data_ptr<float>()[i] = static_cast<float>(random.normal());
  return out;
}

struct RandomFlow {
  Weights weights{std::uint64_t{3}};
  Flow flow;
  // Far from the identity: every bias and weight is perturbed.
  RandomFlow(const FlowConfig& config, int dimensions, int context, double perturbation)
      : flow(config, dimensions, context, weights) {
    weights.pack(at::kCPU);
    weights.values().add_(random_tensor({weights.count()}, 1), perturbation);
  }
};

inline FlowConfig flow_config(int blocks, int hidden, int components) {
  FlowConfig config;
  config.blocks = blocks;
  config.hidden = hidden;
  config.mixture_components = components;
  return config;
}

}  // namespace penumbra
