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

  at::Tensor sample(const at::Tensor& normal, const at::Tensor& uniform) const {
    const at::Tensor cumulative = at::cumsum(at::exp(log_weight), -1);
    const std::int64_t last = cumulative.size(-1) - 1;
    const at::Tensor chosen = (uniform.unsqueeze(-1) > cumulative).sum(-1, true).clamp_max(last);
    return mean.gather(-1, chosen).squeeze(-1) + at::exp(log_deviation.gather(-1, chosen)).squeeze(-1) * normal;
  }
};

}  // namespace

Made::Made(const std::string& name, std::int64_t dimensions, std::int64_t context, std::int64_t hidden,
           std::int64_t outputs, Weights& weights)
    : dimensions_(dimensions), hidden_(hidden), outputs_(outputs) {
  const std::int64_t width = dimensions * outputs;
  // Half of the first layer's variance comes from the context; small outputs start each block near the identity.
  in_ = weights.orthogonal(name + ".in", hidden, dimensions, 1.0);
  in_context_ = weights.orthogonal(name + ".in_context", hidden, context, 1.0);
  in_bias_ = weights.zeros(name + ".in_bias", {hidden});
  middle_ = weights.orthogonal(name + ".middle", hidden, hidden, std::sqrt(2.0));
  middle_bias_ = weights.zeros(name + ".middle_bias", {hidden});
  out_ = weights.orthogonal(name + ".out", width, hidden, 0.1);
  out_context_ = weights.orthogonal(name + ".out_context", width, context, 0.1);
  out_bias_ = weights.zeros(name + ".out_bias", {width});

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

std::int64_t Made::first_unit(std::int64_t degree) const {
  return (degree * hidden_ + dimensions_ - 1) / dimensions_;  // the inverse of degree = floor(unit D / H)
}

Made::ContextTerms Made::context_terms(const at::Tensor& context) const {
  return {at::linear(context, in_context_, in_bias_), at::linear(context, out_context_, out_bias_)};
}

at::Tensor Made::forward(const at::Tensor& x, const ContextTerms& terms) const {
  at::Tensor h = at::relu(at::linear(x, in_ * in_mask_) + terms.hidden);
  h = at::relu(at::linear(h, middle_ * middle_mask_, middle_bias_));
  return (at::linear(h, out_ * out_mask_) + terms.output).view({-1, dimensions_, outputs_});
}

at::Tensor Made::invert(std::int64_t samples, const ContextTerms& terms, const Next& next) const {
  const std::int64_t systems = terms.hidden.size(0);
  const at::TensorOptions options = terms.hidden.options();
  at::Tensor x = at::empty({systems * samples, dimensions_}, options);
  at::Tensor first = at::empty({systems * samples, hidden_}, options), second = at::empty_like(first);
  const at::Tensor middle = middle_ * middle_mask_;
  for (std::int64_t d = 0; d < dimensions_; ++d) {
    const std::int64_t begin = first_unit(d), end = first_unit(d + 1), count = end - begin;
    if (count > 0) {
      at::Tensor h = terms.hidden.narrow(1, begin, count).repeat_interleave(samples, 0);
      if (d > 0) h = at::addmm(h, x.narrow(1, 0, d), in_.narrow(0, begin, count).narrow(1, 0, d).t());
      first.narrow(1, begin, count).copy_(at::relu(h));
      h = at::addmm(middle_bias_.narrow(0, begin, count), first.narrow(1, 0, end),
                    middle.narrow(0, begin, count).narrow(1, 0, end).t());
      second.narrow(1, begin, count).copy_(at::relu(h));
    }
    at::Tensor output = terms.output.narrow(1, d * outputs_, outputs_).repeat_interleave(samples, 0);
    if (end > 0) {
      output =
          at::addmm(output, second.narrow(1, 0, end), out_.narrow(0, d * outputs_, outputs_).narrow(1, 0, end).t());
    }
    x.select(1, d).copy_(next(d, output.view({systems, samples, outputs_})).reshape({-1}));
  }
  return x.view({systems, samples, dimensions_});
}

Flow::Flow(const FlowConfig& config, std::int64_t dimensions, std::int64_t context, Weights& weights)
    : config_(config) {
  for (std::int64_t block = 0; block < config.blocks; ++block) {
    const bool last = block == config.blocks - 1;
    mades_.emplace_back("flow." + std::to_string(block), dimensions, context, config.hidden,
                        last ? 3 * config.mixture_components : 2, weights);
    permutations_.push_back(at::tensor(permutation(block, dimensions)));
    inverses_.push_back(at::argsort(permutations_.back()));
  }
}

void Flow::to(const at::Device& device) {
  for (Made& made : mades_) made.to(device);
  for (at::Tensor& p : permutations_) p = p.to(device);
  for (at::Tensor& p : inverses_) p = p.to(device);
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

std::pair<at::Tensor, at::Tensor> Flow::sample(const at::Tensor& context, const at::Tensor& normal,
                                               const at::Tensor& uniform) const {
  const std::int64_t samples = normal.size(1);
  at::Tensor log_q = at::zeros({context.size(0), samples}, context.options());
  at::Tensor x;
  for (std::size_t block = mades_.size(); block-- > 0;) {
    const Made& made = mades_[block];
    const bool last = block + 1 == mades_.size();
    const at::Tensor y = x;
    x = made.invert(samples, made.context_terms(context), [&](std::int64_t d, const at::Tensor& output) {
      if (last) {
        const Mixture mixture(output, config_.log_scale_limit);
        const at::Tensor value = mixture.sample(normal.select(2, d), uniform.select(2, d));
        log_q += mixture.log_prob(value);
        return value;
      }
      const at::Tensor log_scale = soft_limit(output.select(2, 1), config_.log_scale_limit);
      log_q -= log_scale;
      return output.select(2, 0) + y.select(2, d) * at::exp(log_scale);
    });
    x = x.index_select(2, inverses_[block]);
  }
  return {x, log_q};
}

}  // namespace penumbra
