// The layers that networks are made of. Includes ATen: for nn/*.cpp and their tests only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "nn/weights.h"

namespace penumbra {

struct Linear {
  at::Tensor weight, bias;
  at::Tensor operator()(const at::Tensor& x) const;
};
// He et al. (2015) initial weights, for ReLU.
Linear linear(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs);

// A stack of linear layers with ReLU between them.
struct Perceptron {
  std::vector<Linear> layers;
  at::Tensor operator()(const at::Tensor& x) const;
};
// widths: inputs, hidden ..., outputs
Perceptron perceptron(Weights& weights, const std::string& name, const std::vector<std::int64_t>& widths);

// How a series goes on beyond its ends: a folded light curve by its own other end, any other by its last value.
enum class Ends { kPeriodic, kRepeated };

struct Convolution {
  at::Tensor weight, bias;
  std::int64_t stride = 1;
  Ends ends = Ends::kPeriodic;
  at::Tensor operator()(const at::Tensor& x) const;
};

struct ResidualBlock {
  Convolution first, second, skip;  // skip.weight is undefined where the widths agree
  at::Tensor operator()(const at::Tensor& x) const;
};

// Levels of residual blocks; the length halves between levels. [B][channels][length] -> [B][width][length / 2^(levels -
// 1)]. No normalisation layers: they would divide a light curve by its own amplitude, which is the signal. Small
// residual branches keep the variance of a deep stack instead (Zhang, Dauphin & Ma 2019, "Fixup").
struct ResidualNetwork {
  std::vector<ResidualBlock> blocks;
  at::Tensor operator()(at::Tensor x) const;
};
ResidualNetwork residual_network(Weights& weights, const std::string& name, std::int64_t channels,
                                 const std::vector<std::int64_t>& widths, std::int64_t blocks_a_level, Ends ends);

}  // namespace penumbra
