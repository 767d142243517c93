// The layers that networks are made of. Includes ATen: for nn/*.cpp and their tests only.
//
// Under Bfloat16Layers convolutions and linear layers multiply in bfloat16 and pass it on. Where they read data they
// stay in float32, as 8 bits are too few for a magnitude or a phase: the first block of a residual network, the first
// layer of a perceptron; and so do recurrent units, whose errors go through many steps.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "nn/weights.h"

namespace penumbra {

// While it lives, on one kind of device and in this thread. Weights and their gradients stay float32.
class Bfloat16Layers {
 public:
  explicit Bfloat16Layers(at::DeviceType device);
  ~Bfloat16Layers();
  Bfloat16Layers(const Bfloat16Layers&) = delete;
  Bfloat16Layers& operator=(const Bfloat16Layers&) = delete;

 private:
  at::DeviceType device_;
};

struct Linear {
  at::Tensor weight, bias;
  at::Tensor operator()(const at::Tensor& x) const;
};
// He et al. (2015) initial weights, for ReLU, times `gain`.
Linear linear(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t outputs, double gain = 1.0);

// A stack of linear layers with ReLU between them.
struct Perceptron {
  std::vector<Linear> layers;
  at::Tensor operator()(const at::Tensor& x) const;
};
// widths: inputs, hidden ..., outputs. last_gain: times the last layer's initial weights.
Perceptron perceptron(Weights& weights, const std::string& name, const std::vector<std::int64_t>& widths,
                      double last_gain = 1.0);

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

// Is told what each layer gives, by the layer's name: that which its weights' names begin with.
using Listener = std::function<void(const std::string& layer, const at::Tensor& output)>;

struct MaskedConvolution {
  at::Tensor direction, size, bias;  // [out][in][width], [out][1][1], [out]
  at::Tensor operator()(const at::Tensor& x) const;
};

// The residual network of the paper (section 3.2) for a series of which some elements do not exist: per level residual
// blocks (convolution over 3, ReLU, convolution over 3, ReLU, plus the skip), the larger of two neighbours between
// levels, the mean over the series, a linear layer. The weights are normalised (Salimans & Kingma 2016). What does not
// exist counts as beyond the end: it is zero in every convolution and enters neither maximum nor mean, so that neither
// what stands there nor how much of it there is changes the result.
struct MaskedEncoder {
  struct Block {
    MaskedConvolution first, second, skip;  // skip.direction is undefined where the widths agree
  };
  std::string name;
  std::vector<std::vector<Block>> levels;
  Linear embedding;
  // x [B][channels][T], mask [B][1][T] of ones and zeros -> [B][embedding]
  at::Tensor operator()(const at::Tensor& x, at::Tensor mask, const Listener& listen) const;
};
MaskedEncoder masked_encoder(Weights& weights, const std::string& name, std::int64_t channels,
                             const std::vector<std::int64_t>& widths, std::int64_t blocks_a_level,
                             std::int64_t embedding);

// Layers of gated recurrent units (Cho et al. 2014), and a linear one on the last one's last state.
struct RecurrentEncoder {
  std::int64_t layers = 0, hidden = 0;
  std::vector<at::Tensor> weights;  // of each layer: input [3 H][in] and state [3 H][H], and their biases [3 H]
  Linear embedding;
  at::Tensor operator()(const at::Tensor& x) const;  // [B][T][in], from a state of zeros -> [B][embedding]
};
RecurrentEncoder recurrent_encoder(Weights& weights, const std::string& name, std::int64_t inputs, std::int64_t layers,
                                   std::int64_t hidden, std::int64_t embedding);

}  // namespace penumbra
