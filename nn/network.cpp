#include "nn/network.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "sim/parameters.h"

namespace penumbra {

Inputs Inputs::empty(std::int64_t systems, const FeatureLayout& layout, const at::TensorOptions& options) {
  const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  return {at::empty({systems, kChannelCount * FeatureLayout::kBinChannels, layout.phase_bins}, options),
          at::empty({systems, size(FeatureLayout::summary_size())}, options),
          at::empty({systems, size(FeatureLayout::sed_size())}, options),
          at::empty({systems, FeatureLayout::kMeta}, options)};
}

Inputs Inputs::to(const at::Device& device) const {
  const auto move = [&](const at::Tensor& t) { return t.to(device, t.scalar_type(), /*non_blocking=*/true); };
  return {move(curves), move(summaries), move(sed), move(meta)};
}

Inputs Inputs::rows(std::int64_t first, std::int64_t count) const {
  const auto part = [&](const at::Tensor& t) { return t.narrow(0, first, count); };
  return {part(curves), part(summaries), part(sed), part(meta)};
}

at::Tensor Network::Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

// Phase is periodic, so a light curve is continued by its own other end.
at::Tensor Network::Convolution::operator()(const at::Tensor& x) const {
  if (weight.size(2) == stride) return at::conv1d(x, weight, bias, stride);
  const at::Tensor before = x.narrow(2, x.size(2) - 1, 1), after = x.narrow(2, 0, 1);
  return at::conv1d(at::cat({before, x, after}, 2), weight, bias, stride);
}

at::Tensor Network::ResidualBlock::operator()(const at::Tensor& x) const {
  const at::Tensor branch = second(at::relu(first(x)));
  return at::relu(branch + (skip.weight.defined() ? skip(x) : x));
}

at::Tensor Network::Perceptron::operator()(const at::Tensor& x) const { return second(at::relu(first(x))); }

Network::Linear Network::linear(const std::string& name, std::int64_t inputs, std::int64_t outputs) {
  return {weights_.normal(name + ".weight", {outputs, inputs}, std::sqrt(2.0 / static_cast<double>(inputs))),
          weights_.zeros(name + ".bias", {outputs})};
}

Network::Perceptron Network::perceptron(const std::string& name, std::int64_t inputs, std::int64_t hidden,
                                        std::int64_t outputs) {
  Linear first = linear(name + ".0", inputs, hidden);
  return {first, linear(name + ".1", hidden, outputs)};
}

Network::Convolution Network::convolution(const std::string& name, std::int64_t inputs, std::int64_t outputs,
                                          std::int64_t width, std::int64_t stride, double gain) {
  at::Tensor weight = weights_.normal(name + ".weight", {outputs, inputs, width},
                                      gain / std::sqrt(static_cast<double>(inputs * width)));
  return {weight, weights_.zeros(name + ".bias", {outputs}), stride};
}

// No normalisation layers: they would divide a light curve by its own amplitude, which is the signal. Small residual
// branches keep the variance of a deep stack instead (Zhang, Dauphin & Ma 2019, "Fixup").
Network::Network(const NetworkConfig& network, const FlowConfig& flow, std::optional<std::uint64_t> seed,
                 const at::Device& device)
    : weights_(seed) {
  const std::size_t levels = network.curve_widths.size();
  const double branch_gain =
      std::sqrt(2.0 / static_cast<double>(std::ssize(network.curve_widths) * network.curve_blocks));
  std::int64_t width = kChannelCount * FeatureLayout::kBinChannels;
  std::int64_t length = network.phase_bins;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::int64_t next = network.curve_widths[level];
    for (std::int64_t block = 0; block < network.curve_blocks; ++block) {
      // Every level but the first starts by halving the length.
      const int stride = level > 0 && block == 0 ? 2 : 1;
      const std::string name = fmt::format("curves.{}.{}", level, block);
      ResidualBlock b;
      b.first = convolution(name + ".first", width, next, 3, stride, std::sqrt(2.0));
      b.second = convolution(name + ".second", next, next, 3, 1, branch_gain);
      if (stride > 1 || width != next) b.skip = convolution(name + ".skip", width, next, stride, stride, 1.0);
      curve_blocks_.push_back(b);
      width = next;
      length /= stride;
    }
  }
  // Flattened, not averaged: where in phase an eclipse lies matters.
  curve_embedding_ = linear("curves.embedding", width * length, network.curve_embedding);
  const auto scalars = static_cast<std::int64_t>(FeatureLayout::summary_size());
  const auto sed_inputs = static_cast<std::int64_t>(FeatureLayout::sed_size());
  sed_ = perceptron("sed", sed_inputs, network.sed_hidden, network.sed_embedding);
  summaries_ = perceptron("summaries", scalars, network.scalar_hidden, network.scalar_embedding);
  meta_ = perceptron("meta", FeatureLayout::kMeta, network.scalar_hidden, network.scalar_embedding);
  const std::int64_t joined = network.curve_embedding + network.sed_embedding + 2 * network.scalar_embedding;
  context_ = perceptron("context", joined, network.context, network.context);
  flow_ = Flow(flow, kParameterCount, network.context, weights_);
  weights_.pack(device);
  flow_.to(device);
}

at::Tensor Network::context(const Inputs& inputs) const {
  at::Tensor curves = inputs.curves;
  for (const ResidualBlock& block : curve_blocks_) curves = block(curves);
  return context_(at::relu(at::cat(
      {curve_embedding_(curves.flatten(1)), sed_(inputs.sed), summaries_(inputs.summaries), meta_(inputs.meta)}, 1)));
}

at::Tensor Network::log_prob(const at::Tensor& z, const Inputs& inputs) const {
  return flow_.log_prob(z, context(inputs));
}

}  // namespace penumbra
