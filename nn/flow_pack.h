// Samples of a trained flow: its weights packed for kernels/flow_sample. Includes ATen: for nn/*.cpp and their tests
// only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/flow_sample.h"
#include "nn/flow.h"

namespace penumbra {

// The weights as they are now.
PackedFlow pack_flow(const Flow& flow);

// Draws on the device of the flow's weights; on the CPU with as many threads as LibTorch.
class FlowSampler {
 public:
  explicit FlowSampler(const Flow& flow);

  // S samples for each row of context [B][C], into out.z [B][S][D] and out.log_q [B][S]. kernels/flow_sample.h says
  // what decides them.
  void sample(const at::Tensor& context, int samples, std::uint64_t seed, std::uint64_t first_system,
              const FlowSamples& out) const;

  // Where the samples of each row lie and how wide, from 64 whose noise is always the same: functions of the row of
  // context alone.
  struct Spread {
    std::vector<float> mean, deviation;  // [B][D]
  };
  Spread spread(const at::Tensor& context) const;

 private:
  void sample(const at::Tensor& context, FlowRequest request, const FlowSamples& out) const;

  PackedFlow flow_;
  at::Tensor context_weight_, context_bias_;
  std::optional<DeviceFlow> device_;
};

}  // namespace penumbra
