#include "nn/flow.h"

#include <ATen/ATen.h>

#include <cmath>
#include <numeric>

#include "base/random.h"

namespace penumbra {
namespace {

// The permutations are part of the architecture: the same for every seed.
constexpr std::uint64_t kPermutationSeed = 0x6d616465;

std::vector<std::int64_t> permutation(std::int64_t block, std::int64_t size) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(kPermutationSeed, static_cast<std::uint64_t>(block), Stage::kInitialWeights);
  for (int i = static_cast<int>(size) - 1; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(random.below(i + 1))]);
  }
  return order;
}

at::Tensor soft_limit(const at::Tensor& x, double limit) { return at::tanh(x / limit) * limit; }

// A Gaussian mixture from a network's output [..., 3 K]: logits, means, log standard deviations, K each.
struct Mixture {
  at::Tensor log_weight, mean, log_deviation;

  Mixture(const at::Tensor& output, double limit) {
    const auto parts = output.chunk(3, -1);
    log_weight = at::log_softmax(parts[0], -1);
    mean = parts[1];
    log_deviation = soft_limit(parts[2], limit);
  }

  at::Tensor log_prob(const at::Tensor& x) const {
    const at::Tensor u = (x.unsqueeze(-1) - mean) * at::exp(-log_deviation);
    return at::logsumexp(log_weight - log_deviation - 0.5 * u * u, -1) - 0.5 * std::log(2.0 * M_PI);
  }
};

}  // namespace

Made::Made(const std::string& name, std::int64_t dimensions, std::int64_t context, std::int64_t hidden,
           std::int64_t outputs, bool context_to_outputs, Weights& weights)
    : dimensions_(dimensions), hidden_(hidden), outputs_(outputs) {
  const std::int64_t width = dimensions * outputs;
  // Half of the first layer's variance comes from the context; small outputs start each block near the identity.
  layers_.in = weights.orthogonal(name + ".in", hidden, dimensions, 1.0);
  layers_.in_context = weights.orthogonal(name + ".in_context", hidden, context, 1.0);
  layers_.in_bias = weights.zeros(name + ".in_bias", {hidden});
  layers_.middle = weights.orthogonal(name + ".middle", hidden, hidden, std::sqrt(2.0));
  layers_.middle_bias = weights.zeros(name + ".middle_bias", {hidden});
  layers_.out = weights.orthogonal(name + ".out", width, hidden, 0.1);
  if (context_to_outputs) layers_.out_context = weights.orthogonal(name + ".out_context", width, context, 0.1);
  layers_.out_bias = weights.zeros(name + ".out_bias", {width});

  const at::Tensor input = at::arange(dimensions);
  const at::Tensor degree = at::div(at::arange(hidden) * dimensions, hidden, "floor");
  const at::Tensor output = input.repeat_interleave(outputs);
  in_mask_ = input.unsqueeze(0).lt(degree.unsqueeze(1)).to(at::kFloat);
  middle_mask_ = degree.unsqueeze(0).le(degree.unsqueeze(1)).to(at::kFloat);
  out_mask_ = degree.unsqueeze(0).le(output.unsqueeze(1)).to(at::kFloat);
}

void Made::to(const at::Device& device) {
  for (at::Tensor* mask : {&in_mask_, &middle_mask_, &out_mask_}) *mask = mask->to(device);
}

Made::ContextTerms Made::context_terms(const at::Tensor& context) const {
  return {at::linear(context, layers_.in_context, layers_.in_bias),
          layers_.out_context.defined() ? at::linear(context, layers_.out_context, layers_.out_bias)
                                        : layers_.out_bias.unsqueeze(0)};
}

at::Tensor Made::forward(const at::Tensor& x, const ContextTerms& terms) const {
  at::Tensor h = at::relu(at::linear(x, layers_.in * in_mask_) + terms.hidden);
  h = at::relu(at::linear(h, layers_.middle * middle_mask_, layers_.middle_bias));
  return (at::linear(h, layers_.out * out_mask_) + terms.output).view({-1, dimensions_, outputs_});
}

Flow::Flow(const FlowConfig& config, std::int64_t dimensions, std::int64_t context, Weights& weights)
    : config_(config) {
  for (std::int64_t block = 0; block < config.blocks; ++block) {
    const bool last = block == config.blocks - 1;
    mades_.emplace_back("flow." + std::to_string(block), dimensions, context, config.hidden,
                        last ? 3 * config.mixture_components : 2, config.context_to_outputs, weights);
    permutations_.push_back(at::tensor(permutation(block, dimensions)));
  }
}

void Flow::to(const at::Device& device) {
  for (Made& made : mades_) made.to(device);
  for (at::Tensor& p : permutations_) p = p.to(device);
}

at::Tensor Flow::log_prob(const at::Tensor& z, const at::Tensor& context) const {
  at::Tensor x = z;
  at::Tensor log_density = at::zeros({z.size(0)}, z.options());
  for (std::size_t block = 0; block < mades_.size(); ++block) {
    x = x.index_select(1, permutations_[block]);
    const at::Tensor output = mades_[block].forward(x, mades_[block].context_terms(context));
    if (block + 1 == mades_.size()) return log_density + Mixture(output, config_.log_scale_limit).log_prob(x).sum(1);
    const at::Tensor log_scale = soft_limit(output.select(2, 1), config_.log_scale_limit);
    x = (x - output.select(2, 0)) * at::exp(-log_scale);
    log_density = log_density - log_scale.sum(1);
  }
  return log_density;
}

}  // namespace penumbra
