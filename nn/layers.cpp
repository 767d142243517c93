#include "nn/layers.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

namespace penumbra {
namespace {

Convolution convolution(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs,
                        std::int64_t width, std::int64_t stride, double gain, Ends ends) {
  at::Tensor weight =
      weights.normal(name + ".weight", {outputs, inputs, width}, gain / std::sqrt(static_cast<double>(inputs * width)));
  return {weight, weights.zeros(name + ".bias", {outputs}), stride, ends};
}

}  // namespace

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

Linear linear(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs) {
  at::Tensor weight = weights.normal(name + ".weight", {outputs, inputs}, std::sqrt(2.0 / static_cast<double>(inputs)));
  return {weight, weights.zeros(name + ".bias", {outputs})};
}

at::Tensor Perceptron::operator()(const at::Tensor& x) const {
  at::Tensor y = layers.front()(x);
  for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](at::relu(y));
  return y;
}

Perceptron perceptron(Weights& weights, const std::string& name, const std::vector<std::int64_t>& widths) {
  Perceptron stack;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    stack.layers.push_back(linear(weights, fmt::format("{}.{}", name, i), widths[i], widths[i + 1]));
  }
  return stack;
}

at::Tensor Convolution::operator()(const at::Tensor& x) const {
  if (weight.size(2) == stride) return at::conv1d(x, weight, bias, stride);
  const std::int64_t last = x.size(2) - 1;
  const bool periodic = ends == Ends::kPeriodic;
  const at::Tensor before = x.narrow(2, periodic ? last : 0, 1), after = x.narrow(2, periodic ? 0 : last, 1);
  return at::conv1d(at::cat({before, x, after}, 2), weight, bias, stride);
}

at::Tensor ResidualBlock::operator()(const at::Tensor& x) const {
  const at::Tensor branch = second(at::relu(first(x)));
  return at::relu(branch + (skip.weight.defined() ? skip(x) : x));
}

at::Tensor ResidualNetwork::operator()(at::Tensor x) const {
  for (const ResidualBlock& block : blocks) x = block(x);
  return x;
}

ResidualNetwork residual_network(Weights& weights, const std::string& name, std::int64_t channels,
                                 const std::vector<std::int64_t>& widths, std::int64_t blocks_a_level, Ends ends) {
  ResidualNetwork network;
  const double branch_gain = std::sqrt(2.0 / static_cast<double>(std::ssize(widths) * blocks_a_level));
  std::int64_t width = channels;
  for (std::size_t level = 0; level < widths.size(); ++level) {
    const std::int64_t next = widths[level];
    for (std::int64_t block = 0; block < blocks_a_level; ++block) {
      // Every level but the first starts by halving the length.
      const int stride = level > 0 && block == 0 ? 2 : 1;
      const std::string prefix = fmt::format("{}.{}.{}", name, level, block);
      ResidualBlock b;
      b.first = convolution(weights, prefix + ".first", width, next, 3, stride, std::sqrt(2.0), ends);
      b.second = convolution(weights, prefix + ".second", next, next, 3, 1, branch_gain, ends);
      if (stride > 1 || width != next) {
        b.skip = convolution(weights, prefix + ".skip", width, next, stride, stride, 1.0, ends);
      }
      network.blocks.push_back(b);
      width = next;
    }
  }
  return network;
}

}  // namespace penumbra
