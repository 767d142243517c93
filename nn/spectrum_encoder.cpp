#include "nn/spectrum_encoder.h"

#include <ATen/ATen.h>
namespace penumbra {

at::Tensor SpectrumEncoder::operator()(const at::Tensor& input) const {
  at::Tensor x = input;
  const std::int64_t length = x.size(2), missing = (step - length % step) % step;
  if (missing > 0) x = at::cat({x, x.narrow(2, length - 1, 1).expand({-1, -1, missing})}, 2);
  const at::Tensor context = recurrent(body(x).transpose(1, 2));  // of [B][T / step][width]
  return dense.layers.empty() ? context : context + dense(input.select(1, 0));
}

SpectrumEncoder spectrum_encoder(Weights& weights, const std::string& name, std::int64_t channels, std::int64_t length,
                                 const SpectrumConfig& config) {
  SpectrumEncoder encoder{std::int64_t{1} << (std::ssize(config.widths) - 1),
                          residual_network(weights, name, channels, config.widths, config.blocks, Ends::kRepeated),
                          recurrent_encoder(weights, name + ".recurrent", config.widths.back(), config.recurrent_layers,
                                            config.recurrent_hidden, config.context),
                          {}};
  if (const std::int64_t hidden = config.dense_hidden; hidden > 0)
    encoder.dense = perceptron(weights, name + ".dense", {length, hidden, hidden, config.context});
  return encoder;
}

}  // namespace penumbra
