// The embedding of a spectrum: a residual network that shortens it level by level, gated recurrent units (Cho et al.
// 2014) that read what is left from blue to red, and a linear layer on their last state. The ResNet-GRU of Zhang et al.
// (2021, AJ 161, 262), with this program's residual blocks. Beside it, where the preset asks for it, a perceptron that
// reads the flux of all pixels at once, and whose output is added: a line has its place, so that a weight a pixel says
// with a sixtieth of the arithmetic what convolutions have to find out. Includes ATen: for nn/*.cpp and their tests
// only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "nn/config.h"
#include "nn/layers.h"

namespace penumbra {

struct SpectrumEncoder {
  std::int64_t step = 1;  // the length is made a multiple of it, by repeating the last pixel
  ResidualNetwork body;
  RecurrentEncoder recurrent;
  Perceptron dense;                                  // no layers: none
  at::Tensor operator()(const at::Tensor& x) const;  // [B][channels][T] -> [B][context]
};
// length: T; needed by the dense layers alone. The flux is the first channel.
SpectrumEncoder spectrum_encoder(Weights& weights, const std::string& name, std::int64_t channels, std::int64_t length,
                                 const SpectrumConfig& config);

}  // namespace penumbra
