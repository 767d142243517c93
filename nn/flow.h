// Masked autoregressive flow (Papamakarios et al. 2017): q(z | context). Includes ATen: for nn/*.cpp and their tests
// only.
//
// z passes through blocks. Each permutes its D inputs and transforms them by y_d = (x_d - m_d) exp(-a_d), where m_d and
// a_d are the output of a masked network (MADE, Germain et al. 2015) and depend on x_0 .. x_{d-1} and the context. The
// last block models its inputs themselves: a Gaussian mixture per dimension, as in nbi (Zhang et al. 2021).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/config.h"
#include "nn/weights.h"

namespace penumbra {

// Two hidden layers of ReLU units, sorted by degree: a unit of degree d sees the inputs below d (and the context), and
// feeds the outputs d and above.
class Made {
 public:
  // outputs: numbers per dimension; context_to_outputs: else the context feeds the first hidden layer alone
  Made(const std::string& name, std::int64_t dimensions, std::int64_t context, std::int64_t hidden,
       std::int64_t outputs, bool context_to_outputs, Weights& weights);

  // What the context adds to the first layer and to the output. [B][hidden], [B or 1][D * outputs]
  struct ContextTerms {
    at::Tensor hidden, output;
  };
  ContextTerms context_terms(const at::Tensor& context) const;

  // x [N][D] -> [N][D][outputs]; output d depends on x_0 .. x_{d-1}.
  at::Tensor forward(const at::Tensor& x, const ContextTerms& terms) const;
  void to(const at::Device& device);

  // Without their masks.
  struct Layers {
    at::Tensor in, in_context, in_bias;     // [H][D], [H][C], [H]
    at::Tensor middle, middle_bias;         // [H][H], [H]
    at::Tensor out, out_context, out_bias;  // [D * outputs][H], [D * outputs][C] or undefined, [D * outputs]
  };
  const Layers& layers() const { return layers_; }
  std::int64_t hidden() const { return hidden_; }
  std::int64_t outputs() const { return outputs_; }

 private:
  std::int64_t dimensions_, hidden_, outputs_;
  Layers layers_;
  at::Tensor in_mask_, middle_mask_, out_mask_;
};

// Samples are drawn by nn/flow_pack.h.
class Flow {
 public:
  Flow() = default;
  Flow(const FlowConfig& config, std::int64_t dimensions, std::int64_t context, Weights& weights);
  void to(const at::Device& device);  // masks and permutations; weights move with Weights::pack

  // ln q(z | context): z [N][D], context [N][C] -> [N]. Differentiable.
  at::Tensor log_prob(const at::Tensor& z, const at::Tensor& context) const;

  const FlowConfig& config() const { return config_; }
  const std::vector<Made>& mades() const { return mades_; }
  // Input d of a block is number permutations()[block][d] of what it is given. [D]
  const std::vector<at::Tensor>& permutations() const { return permutations_; }

 private:
  FlowConfig config_;
  std::vector<Made> mades_;
  std::vector<at::Tensor> permutations_;
};

}  // namespace penumbra
