// The network of a preset: an embedding of the inputs into one context, and the flow that it conditions.
// Includes ATen: for nn/*.cpp and their tests only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/config.h"
#include "nn/flow.h"
#include "nn/layers.h"
#include "nn/layout.h"
#include "nn/network_table.h"
#include "nn/weights.h"

namespace penumbra {

// The input arrays of B systems, in the order of a DataLayout, each [B][shape...].
struct Inputs {
  std::vector<at::Tensor> arrays;

  static Inputs empty(std::int64_t systems, const DataLayout& layout, const at::TensorOptions& options);
  Inputs to(const at::Device& device) const;  // asynchronous from pinned memory
  Inputs rows(std::int64_t first, std::int64_t count) const;
};

// The branch of kind = "binary" that network.joint_hidden describes. It begins by adding nothing, so that a trained
// network without it is the beginning of one with it.
inline constexpr const char* kJointBranch = "joint";

class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // [B][context], float32. encoder: at::kBFloat16 to train by (nn/layers.h); the flow is float32 always, as a posterior
  // can be 1000 times narrower than the prior.
  at::Tensor context(const Inputs& inputs, at::ScalarType encoder = at::kFloat) const;
  // z [B][D] -> [B]
  at::Tensor log_prob(const at::Tensor& z, const Inputs& inputs, at::ScalarType encoder = at::kFloat) const;
  const Flow& flow() const { return flow_; }
  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }
  std::vector<LayerRow> table(const DataLayout& layout) const;

 protected:
  // [B][context]; tells of its layers.
  virtual at::Tensor embed(const Inputs& inputs, const Listener& listen) const = 0;
  explicit Network(std::optional<std::uint64_t> seed) : weights_(seed) {}
  // The last act of a constructor: the flow, and everything onto the device.
  void finish(const FlowConfig& flow, std::int64_t dimensions, std::int64_t context, const at::Device& device);

  Weights weights_;

 private:
  Flow flow_;
};

// The kind of network that the preset names. Without a seed the weights are zero, to be loaded. UserError where it
// cannot read such inputs.
std::unique_ptr<Network> make_network(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                                      const at::Device& device);

}  // namespace penumbra
