// The network of a preset: encoders of light curves, SED and scalars into one context, and the flow that it conditions.
// Includes ATen: for nn/*.cpp and their tests only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "nn/config.h"
#include "nn/features.h"
#include "nn/flow.h"
#include "nn/weights.h"

namespace penumbra {

// B systems, shaped as FeatureLayout says.
struct Inputs {
  at::Tensor curves;     // [B][kChannelCount * kBinChannels][phase_bins]
  at::Tensor summaries;  // [B][kChannelCount * kCurveSummaries]
  at::Tensor sed;        // [B][kSedChannels * kSedBandCount]
  at::Tensor meta;       // [B][kMeta]

  static Inputs empty(std::int64_t systems, const FeatureLayout& layout, const at::TensorOptions& options);
  Inputs to(const at::Device& device) const;  // asynchronous from pinned memory
  Inputs rows(std::int64_t first, std::int64_t count) const;
};

class Network {
 public:
  // Without a seed the weights are zero, to be loaded.
  Network(const NetworkConfig& network, const FlowConfig& flow, std::optional<std::uint64_t> seed,
          const at::Device& device);

  at::Tensor context(const Inputs& inputs) const;                        // [B][context]
  at::Tensor log_prob(const at::Tensor& z, const Inputs& inputs) const;  // [B]
  const Flow& flow() const { return flow_; }
  Weights& weights() { return weights_; }
  const Weights& weights() const { return weights_; }

 private:
  struct Linear {
    at::Tensor weight, bias;
    at::Tensor operator()(const at::Tensor& x) const;
  };
  struct Convolution {
    at::Tensor weight, bias;
    std::int64_t stride;
    at::Tensor operator()(const at::Tensor& x) const;
  };
  struct ResidualBlock {
    Convolution first, second, skip;  // skip.weight is undefined where the widths agree
    at::Tensor operator()(const at::Tensor& x) const;
  };
  struct Perceptron {
    Linear first, second;
    at::Tensor operator()(const at::Tensor& x) const;
  };

  Linear linear(const std::string& name, std::int64_t inputs, std::int64_t outputs);
  Perceptron perceptron(const std::string& name, std::int64_t inputs, std::int64_t hidden, std::int64_t outputs);
  Convolution convolution(const std::string& name, std::int64_t inputs, std::int64_t outputs, std::int64_t width,
                          std::int64_t stride, double gain);

  Weights weights_;
  std::vector<ResidualBlock> curve_blocks_;
  Linear curve_embedding_;
  Perceptron sed_, summaries_, meta_, context_;
  Flow flow_;
};

}  // namespace penumbra
