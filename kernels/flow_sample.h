// Samples of a masked autoregressive flow (nn/flow.h), with their log density, without torch: on CPU threads or a GPU.
//
// A hidden unit of degree d depends on the inputs before d alone. So it is computed once, in step d, when input d - 1
// is known: D = 16 dimensions and 16 blocks of 128 units take .38 MFLOP a sample, where a pass through the network for
// every dimension takes 11.5. What the context adds to the network is computed once a system, by whoever calls:
// FlowTerms.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/host_device.h"

namespace penumbra {

// One block as it was trained: D inputs, H units in each of two hidden layers, O outputs a dimension, C numbers of
// context; matrices [rows][columns]. Unit u has degree floor(u D / H); what the masks switch off is not read.
struct FlowBlock {
  int hidden = 0, outputs = 0;
  std::vector<float> in, in_context, in_bias;     // [H][D], [H][C], [H]
  std::vector<float> middle, middle_bias;         // [H][H], [H]
  std::vector<float> out, out_context, out_bias;  // [D O][H], [D O][C], [D O]
  std::vector<int> order;                         // [D]: the block's input d is order[d] of what it is given
};

// Step d of a block: the units of degree d and the outputs of dimension d. Rows stand in groups of eight, four and two,
// the numbers of a group's rows for one column side by side; rows of zeros make their number even. Four arrays follow
// each other in `weights`, each at a multiple of four floats: the units' inputs [d], their second layer [units so far],
// its bias, the outputs [units so far].
struct FlowStep {
  int weights = 0, terms = 0;     // where they start
  int first_unit = 0, units = 0;  // of this degree
};

PN_INLINE constexpr int even(int count) { return (count + 1) / 2 * 2; }
PN_INLINE constexpr int whole_fours(int count) { return (count + 3) / 4 * 4; }

// Blocks in the order of sampling: `stage` 0 is the flow's last block, the one with the Gaussian mixture.
struct FlowView {
  int dimensions, stages, components;
  float log_scale_limit;
  int units;              // of the widest block, rows of zeros included
  int terms;              // FlowTerms of one system
  int step_floats;        // most that a step's weights and terms take
  const FlowStep* steps;  // [stages * D + 1]; the last one only says where the arrays end
  const int* source;      // [stages][D]: number d that the next stage is given is x[source[d]]
  const float* weights;

  PN_INLINE int outputs(int stage) const { return stage == 0 ? 3 * components : 2; }
};

struct PackedFlow {
  int dimensions = 0, stages = 0, components = 0, context = 0;
  float log_scale_limit = 0;
  int units = 0, terms = 0, step_floats = 0;
  std::vector<FlowStep> steps;
  std::vector<int> source;
  std::vector<float> weights;
  // FlowTerms [B][terms] = context [B][C] x context_weight' + context_bias
  std::vector<float> context_weight, context_bias;  // [terms][C], [terms]

  FlowView view() const;
};

// Blocks in the order of training; the last one has 3 * components outputs a dimension, the others 2. Throws
// std::invalid_argument where shapes disagree.
PackedFlow pack_flow(int dimensions, int context, double log_scale_limit, std::span<const FlowBlock> blocks);

// S samples of each of B systems. (seed, system first_system + b, sample s, dimension) names the noise, and nothing
// else does: neither B nor S nor the backend changes a draw. With shared_noise all systems have that of first_system.
struct FlowRequest {
  std::span<const float> terms = {};  // [B][terms]; for the device, in its memory or the host's
  int systems = 0, samples = 0;
  std::uint64_t seed = 0, first_system = 0;
  bool shared_noise = false;
};
struct FlowSamples {
  std::span<float> z;      // [B][S][D]
  std::span<float> log_q;  // [B][S]: ln q(z)
};

// threads: 0 for all cores. Throws std::invalid_argument where sizes disagree.
void sample_flow(const PackedFlow& flow, const FlowRequest& request, const FlowSamples& out, int threads);

// A flow in the memory of a GPU. The constructor throws EnvironmentError where there is no device,
// std::invalid_argument where the flow is too wide for its shared memory; sample as sample_flow does, and
// EnvironmentError where the device fails.
class DeviceFlow {
 public:
  explicit DeviceFlow(const PackedFlow& flow);
  DeviceFlow(DeviceFlow&&) noexcept;
  DeviceFlow& operator=(DeviceFlow&&) noexcept;
  ~DeviceFlow();
  void sample(const FlowRequest& request, const FlowSamples& out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace penumbra
