#include "nn/spectrum_encoder.h"

#include <ATen/ATen.h>
namespace penumbra {

at::Tensor SpectrumEncoder::operator()(const at::Tensor& input) const {
  at::Tensor x = input;
  const std::int64_t length = x.size(2), missing = (step - length % step) % step;
  if (missing > 0) x = at::cat({x, x.narrow(2, length - 1, 1).expand({-1, -1, missing})}, 2);
  return recurrent(body(x).transpose(1, 2));  // [B][T / step][width]
}

SpectrumEncoder spectrum_encoder(Weights& weights, const std::string& name, std::int64_t channels,
                                 const SpectrumConfig& config) {
  return {std::int64_t{1} << (std::ssize(config.widths) - 1),
          residual_network(weights, name, channels, config.widths, config.blocks, Ends::kRepeated),
          recurrent_encoder(weights, name + ".recurrent", config.widths.back(), config.recurrent_layers,
                            config.recurrent_hidden, config.context)};
}

}  // namespace penumbra
