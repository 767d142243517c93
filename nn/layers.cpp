#include "nn/layers.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <tuple>

namespace penumbra {
namespace {

// Bfloat16Layers is off while this lives.
struct Float32 {
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
};

Convolution convolution(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs,
                        std::int64_t width, std::int64_t stride, double gain, Ends ends) {
  at::Tensor weight =
      weights.normal(name + ".weight", {outputs, inputs, width}, gain / std::sqrt(static_cast<double>(inputs * width)));
  return {weight, weights.zeros(name + ".bias", {outputs}), stride, ends};
}

MaskedConvolution masked_convolution(Weights& weights, const std::string& name, std::int64_t inputs,
                                     std::int64_t outputs, std::int64_t width, double gain) {
  const at::Tensor direction = weights.normal(name + ".direction", {outputs, inputs, width},
                                              1.0 / std::sqrt(static_cast<double>(inputs * width)));
  return {direction, weights.constant(name + ".size", at::full({outputs, 1, 1}, gain)),
          weights.zeros(name + ".bias", {outputs})};
}

// Orthogonal rows or columns, no bias: how the paper's code starts its linear layers.
Linear orthogonal_linear(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs) {
  return {weights.orthogonal(name + ".weight", outputs, inputs, 1.0), weights.zeros(name + ".bias", {outputs})};
}

}  // namespace

Bfloat16Layers::Bfloat16Layers(at::DeviceType device) : device_(device) {
  at::autocast::set_autocast_dtype(device, at::kBFloat16);
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::increment_nesting();
}

Bfloat16Layers::~Bfloat16Layers() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();  // weights in bfloat16
  at::autocast::set_autocast_enabled(device_, false);
}

at::Tensor Linear::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

Linear linear(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs, double gain) {
  at::Tensor weight =
      weights.normal(name + ".weight", {outputs, inputs}, gain * std::sqrt(2.0 / static_cast<double>(inputs)));
  return {weight, weights.zeros(name + ".bias", {outputs})};
}

at::Tensor Perceptron::operator()(const at::Tensor& x) const {
  at::Tensor y = [&] {
    const Float32 reads_data;
    return layers.front()(x.to(at::kFloat));
  }();
  for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](at::relu(y));
  return y;
}

Perceptron perceptron(Weights& weights, const std::string& name, const std::vector<std::int64_t>& widths,
                      double last_gain) {
  Perceptron stack;
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    const double gain = i + 2 == widths.size() ? last_gain : 1.0;
    stack.layers.push_back(linear(weights, fmt::format("{}.{}", name, i), widths[i], widths[i + 1], gain));
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
  return at::relu(branch + (skip.weight.defined() ? skip(x) : x.to(branch.scalar_type())));
}

at::Tensor ResidualNetwork::operator()(at::Tensor x) const {
  {
    const Float32 reads_data;
    x = blocks.front()(x);
  }
  for (std::size_t b = 1; b < blocks.size(); ++b) x = blocks[b](x);
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

at::Tensor MaskedConvolution::operator()(const at::Tensor& x) const {
  const std::int64_t width = direction.size(2);
  return at::conv1d(x, at::_weight_norm(direction, size, 0), bias, 1, (width - 1) / 2);
}

at::Tensor MaskedEncoder::operator()(const at::Tensor& input, at::Tensor mask, const Listener& listen) const {
  constexpr double kBelowEverything = 1e9;
  // Of x's type: a product of two types is one of the wider.
  const auto masked = [&mask](const at::Tensor& x) { return x * mask.to(x.scalar_type()); };
  const auto through = [&masked](const Block& block, const at::Tensor& x) {
    const at::Tensor branch = at::relu(block.second(masked(at::relu(block.first(x)))));
    return masked(branch + (block.skip.direction.defined() ? block.skip(x) : x.to(branch.scalar_type())));
  };
  at::Tensor x = masked(input);
  for (std::size_t level = 0; level < levels.size(); ++level) {
    if (level > 0) {  // an odd end stands alone
      const at::Tensor lowered = x + ((mask - 1.0) * kBelowEverything).to(x.scalar_type());
      x = at::max_pool1d(lowered, 2, 2, 0, 1, /*ceil_mode=*/true);
      mask = at::max_pool1d(mask, 2, 2, 0, 1, /*ceil_mode=*/true);
      x = masked(x);
    }
    for (std::size_t b = 0; b < levels[level].size(); ++b) {
      std::optional<Float32> reads_data;
      if (level == 0 && b == 0) reads_data.emplace();
      x = through(levels[level][b], x);
    }
    listen(fmt::format("{}.{}", name, level), x);
  }
  const at::Tensor mean = x.sum(2, /*keepdim=*/false, at::kFloat) / mask.sum(2).clamp_min(1.0);
  const at::Tensor embedded = embedding(mean);
  listen(name + ".embedding", embedded);
  return embedded;
}

MaskedEncoder masked_encoder(Weights& weights, const std::string& name, std::int64_t channels,
                             const std::vector<std::int64_t>& widths, std::int64_t blocks_a_level,
                             std::int64_t embedding) {
  MaskedEncoder encoder{.name = name, .levels = {}, .embedding = {}};
  // He et al. (2015) for ReLU; small branches keep the variance of the stack, as in residual_network.
  const double branch_gain = std::sqrt(2.0 / static_cast<double>(std::ssize(widths) * blocks_a_level));
  std::int64_t width = channels;
  for (std::size_t level = 0; level < widths.size(); ++level) {
    const std::int64_t next = widths[level];
    std::vector<MaskedEncoder::Block> blocks;
    for (std::int64_t b = 0; b < blocks_a_level; ++b) {
      const std::string prefix = fmt::format("{}.{}.{}", name, level, b);
      MaskedEncoder::Block block;
      block.first = masked_convolution(weights, prefix + ".first", width, next, 3, std::sqrt(2.0));
      block.second = masked_convolution(weights, prefix + ".second", next, next, 3, branch_gain);
      if (width != next) block.skip = masked_convolution(weights, prefix + ".skip", width, next, 1, 1.0);
      blocks.push_back(block);
      width = next;
    }
    encoder.levels.push_back(blocks);
  }
  encoder.embedding = orthogonal_linear(weights, name + ".embedding", width, embedding);
  return encoder;
}

at::Tensor RecurrentEncoder::operator()(const at::Tensor& x) const {
  const Float32 many_steps;
  const at::Tensor series = x.to(at::kFloat);
  const at::Tensor state = at::zeros({layers, x.size(0), hidden}, series.options());
  const at::Tensor last = std::get<1>(at::gru(series, state, weights, /*has_biases=*/true, layers, /*dropout=*/0.0,
                                              /*train=*/true, /*bidirectional=*/false, /*batch_first=*/true));
  return embedding(last.select(0, layers - 1));
}

RecurrentEncoder recurrent_encoder(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t layers,
                                   std::int64_t hidden, std::int64_t embedding) {
  RecurrentEncoder encoder{layers, hidden, {}, {}};
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const std::string prefix = fmt::format("{}.{}", name, layer);
    const std::int64_t width = layer == 0 ? inputs : hidden;
    encoder.weights.push_back(weights.orthogonal(prefix + ".input", 3 * hidden, width, 1.0));
    encoder.weights.push_back(weights.orthogonal(prefix + ".state", 3 * hidden, hidden, 1.0));
    encoder.weights.push_back(weights.zeros(prefix + ".input_bias", {3 * hidden}));
    encoder.weights.push_back(weights.zeros(prefix + ".state_bias", {3 * hidden}));
  }
  encoder.embedding = orthogonal_linear(weights, name + ".embedding", hidden, embedding);
  return encoder;
}

}  // namespace penumbra
