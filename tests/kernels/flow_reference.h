// Random flows, and their inversion as it is defined: a pass through the whole masked network for every dimension, in
// double precision, with no use of how kernels/flow_sample packs it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "base/random.h"
#include "kernels/flow_sample.h"
#include "kernels/flow_step.h"

namespace penumbra {

struct FlowShape {
  int dimensions, context, hidden, blocks, components;
};
inline constexpr double kLogScaleLimit = 3.0;

// Weights whose outputs are of order one, so that samples are far from the base noise.
inline std::vector<FlowBlock> random_blocks(const FlowShape& shape, std::uint64_t seed) {
  std::vector<FlowBlock> blocks;
  for (int b = 0; b < shape.blocks; ++b) {
    RandomStream random(seed, static_cast<std::uint64_t>(b), Stage::kTest);
    const auto matrix = [&](int rows, int columns, double deviation) {
      std::vector<float> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns));
      for (float& value : values) value = static_cast<float>(deviation * random.normal());
      return values;
    };
    const auto root = [](int n) { return 1.0 / std::sqrt(std::max(n, 1)); };
    const int d = shape.dimensions, h = shape.hidden, c = shape.context;
    FlowBlock block;
    block.hidden = h;
    block.outputs = b + 1 == shape.blocks ? 3 * shape.components : 2;
    block.in = matrix(h, d, 0.5 * root(d));
    block.in_context = matrix(h, c, root(c));
    block.in_bias = matrix(h, 1, 0.3);
    block.middle = matrix(h, h, 1.4 * root(h));
    block.middle_bias = matrix(h, 1, 0.3);
    block.out = matrix(d * block.outputs, h, 0.4 * root(h));
    block.out_context = matrix(d * block.outputs, c, 0.2 * root(c));
    block.out_bias = matrix(d * block.outputs, 1, 0.2);
    block.order.resize(static_cast<std::size_t>(d));
    std::iota(block.order.begin(), block.order.end(), 0);
    for (int i = d - 1; i > 0; --i)
      std::swap(block.order[static_cast<std::size_t>(i)], block.order[static_cast<std::size_t>(random.below(i + 1))]);
    blocks.push_back(std::move(block));
  }
  return blocks;
}

inline std::vector<float> random_context(int systems, int context, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(systems) * static_cast<std::size_t>(context));
  RandomStream random(seed, 0, Stage::kTest);
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

// FlowTerms [B][terms] of contexts [B][C].
inline std::vector<float> flow_terms(const PackedFlow& flow, const std::vector<float>& context) {
  const auto c = static_cast<std::size_t>(flow.context), width = static_cast<std::size_t>(flow.terms);
  std::vector<float> terms;
  for (std::size_t b = 0; b * c < context.size(); ++b) {
    for (std::size_t t = 0; t < width; ++t) {
      double sum = flow.context_bias[t];
      for (std::size_t i = 0; i < c; ++i) sum += double{flow.context_weight[t * c + i]} * context[b * c + i];
      terms.push_back(static_cast<float>(sum));
    }
  }
  return terms;
}

struct ReferenceSample {
  std::vector<double> z;
  double log_q = 0.0;
  double margin = 1.0;  // smallest distance of a uniform number from where it would have chosen another component
};

class ReferenceFlow {
 public:
  ReferenceFlow(const FlowShape& shape, const std::vector<FlowBlock>& blocks) : shape_(shape), blocks_(blocks) {}

  // context [C], the noise as kernels/flow_step.h makes it.
  ReferenceSample sample(const float* context, std::uint64_t seed, std::uint64_t system, std::uint32_t sample) const {
    const auto dims = static_cast<std::size_t>(shape_.dimensions);
    ReferenceSample result;
    std::vector<double> y(dims), x;
    for (std::size_t b = blocks_.size(); b-- > 0;) {
      const FlowBlock& block = blocks_[b];
      x.assign(dims, 0.0);
      for (std::size_t d = 0; d < dims; ++d) {
        const std::vector<double> output = pass(block, x, context, static_cast<int>(d));
        if (b + 1 == blocks_.size()) {
          const FlowNoise<float> noise(seed, system, sample, static_cast<std::uint32_t>(d / 2));
          x[d] = mixture(output, double{noise.normal[d % 2]}, double{noise.uniform[d % 2]}, result);
        } else {
          const double log_scale = kLogScaleLimit * std::tanh(output[1] / kLogScaleLimit);
          x[d] = output[0] + y[d] * std::exp(log_scale);
          result.log_q -= log_scale;
        }
      }
      for (std::size_t d = 0; d < dims; ++d) y[static_cast<std::size_t>(block.order[d])] = x[d];
    }
    result.z = y;
    return result;
  }

 private:
  // The outputs of dimension d, from the whole network.
  std::vector<double> pass(const FlowBlock& block, const std::vector<double>& x, const float* context, int d) const {
    const int hidden = block.hidden, dims = shape_.dimensions;
    const auto at = [](const std::vector<float>& matrix, int row, int columns, int column) {
      return double{
          matrix[static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) + static_cast<std::size_t>(column)]};
    };
    const auto degree = [&](int unit) { return unit * dims / hidden; };
    std::vector<double> first, second, output;
    for (int u = 0; u < hidden; ++u) {
      double sum = at(block.in_bias, u, 1, 0);
      for (int c = 0; c < shape_.context; ++c) sum += at(block.in_context, u, shape_.context, c) * double{context[c]};
      for (int i = 0; i < dims; ++i)
        sum += i < degree(u) ? at(block.in, u, dims, i) * x[static_cast<std::size_t>(i)] : 0.0;
      first.push_back(std::max(sum, 0.0));
    }
    for (int u = 0; u < hidden; ++u) {
      double sum = at(block.middle_bias, u, 1, 0);
      for (int v = 0; v < hidden; ++v)
        sum += degree(v) <= degree(u) ? at(block.middle, u, hidden, v) * first[static_cast<std::size_t>(v)] : 0.0;
      second.push_back(std::max(sum, 0.0));
    }
    for (int o = d * block.outputs; o < (d + 1) * block.outputs; ++o) {
      double sum = at(block.out_bias, o, 1, 0);
      for (int c = 0; c < shape_.context; ++c) sum += at(block.out_context, o, shape_.context, c) * double{context[c]};
      for (int v = 0; v < hidden; ++v)
        sum += degree(v) <= d ? at(block.out, o, hidden, v) * second[static_cast<std::size_t>(v)] : 0.0;
      output.push_back(sum);
    }
    return output;
  }

  double mixture(const std::vector<double>& output, double normal, double uniform, ReferenceSample& result) const {
    const auto count = static_cast<std::size_t>(shape_.components);
    const auto deviation = [&](std::size_t k) {
      return std::exp(kLogScaleLimit * std::tanh(output[2 * count + k] / kLogScaleLimit));
    };
    double total = 0.0, cumulative = 0.0;
    for (std::size_t k = 0; k < count; ++k) total += std::exp(output[k]);
    std::size_t chosen = 0;
    for (std::size_t k = 0; k + 1 < count; ++k) {
      cumulative += std::exp(output[k]) / total;
      if (uniform > cumulative) chosen = k + 1;
      result.margin = std::min(result.margin, std::fabs(uniform - cumulative));
    }
    const double x = output[count + chosen] + deviation(chosen) * normal;
    double density = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
      const double u = (x - output[count + k]) / deviation(k);
      density += std::exp(output[k] - 0.5 * u * u) / (total * deviation(k) * std::sqrt(2.0 * M_PI));
    }
    result.log_q += std::log(density);
    return x;
  }

  FlowShape shape_;
  const std::vector<FlowBlock>& blocks_;
};

}  // namespace penumbra
