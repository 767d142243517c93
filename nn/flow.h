// Masked autoregressive flow (Papamakarios et al. 2017): q(z | context). Includes ATen: for nn/*.cpp and their tests
// only.
//
// z passes through blocks. Each permutes its D inputs and transforms them by y_d = (x_d - m_d) exp(-a_d), where m_d and
// a_d are the output of a masked network (MADE, Germain et al. 2015) and depend on x_0 .. x_{d-1} and the context. The
// last block models its inputs themselves: a Gaussian mixture per dimension, as in nbi (Zhang et al. 2021).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "nn/config.h"
#include "nn/weights.h"

namespace penumbra {

// Two hidden layers of ReLU units, sorted by degree: a unit of degree d sees the inputs below d (and the context), and
// feeds the outputs d and above. So each unit can be computed as soon as input d - 1 is known, which makes inversion
// cost one pass in all instead of one a dimension.
class Made {
 public:
  // outputs: numbers per dimension
  Made(const std::string& name, std::int64_t dimensions, std::int64_t context, std::int64_t hidden,
       std::int64_t outputs, Weights& weights);

  // What the context adds to the first layer and to the output: computed once per system. [B][hidden], [B][D * outputs]
  struct ContextTerms {
    at::Tensor hidden, output;
  };
  ContextTerms context_terms(const at::Tensor& context) const;

  // x [N][D] -> [N][D][outputs]; output d depends on x_0 .. x_{d-1}.
  at::Tensor forward(const at::Tensor& x, const ContextTerms& terms) const;

  // x_d = next(d, output d [B][S][outputs]) for d = 0 .. D - 1, for S samples of each of B contexts -> x [B][S][D].
  using Next = std::function<at::Tensor(std::int64_t d, const at::Tensor& output)>;  // -> [B][S]
  at::Tensor invert(std::int64_t samples, const ContextTerms& terms, const Next& next) const;
  void to(const at::Device& device);

 private:
  std::int64_t first_unit(std::int64_t degree) const;  // units are sorted by degree

  std::int64_t dimensions_, hidden_, outputs_;
  at::Tensor in_, in_context_, in_bias_;     // [H][D], [H][C], [H]
  at::Tensor middle_, middle_bias_;          // [H][H], [H]
  at::Tensor out_, out_context_, out_bias_;  // [D * outputs][H], [D * outputs][C], [D * outputs]
  at::Tensor in_mask_, middle_mask_, out_mask_;
};

class Flow {
 public:
  Flow() = default;
  Flow(const FlowConfig& config, std::int64_t dimensions, std::int64_t context, Weights& weights);
  void to(const at::Device& device);  // masks and permutations; weights move with Weights::pack

  // ln q(z | context): z [N][D], context [N][C] -> [N]. Differentiable.
  at::Tensor log_prob(const at::Tensor& z, const at::Tensor& context) const;

  // context [B][C]; noise: normal and uniform numbers, both [B][S][D] -> samples z [B][S][D] and ln q [B][S].
  std::pair<at::Tensor, at::Tensor> sample(const at::Tensor& context, const at::Tensor& normal,
                                           const at::Tensor& uniform) const;

 private:
  FlowConfig config_;
  std::vector<Made> mades_;
  std::vector<at::Tensor> permutations_, inverses_;  // [D], one a block
};

}  // namespace penumbra
