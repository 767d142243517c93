#include "nn/spectrum_encoder.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <tuple>

namespace penumbra {

at::Tensor SpectrumEncoder::operator()(const at::Tensor& input) const {
  at::Tensor x = input;
  const std::int64_t length = x.size(2), missing = (step - length % step) % step;
  if (missing > 0) x = at::cat({x, x.narrow(2, length - 1, 1).expand({-1, -1, missing})}, 2);
  const at::Tensor series = body(x).transpose(1, 2);  // [B][T / step][width]
  const at::Tensor state = at::zeros({recurrent_layers, x.size(0), recurrent_hidden}, x.options());
  const at::Tensor last = std::get<1>(at::gru(series, state, recurrent, /*has_biases=*/true, recurrent_layers,
                                              /*dropout=*/0.0, /*train=*/true, /*bidirectional=*/false,
                                              /*batch_first=*/true));
  return embedding(last.select(0, recurrent_layers - 1));
}

SpectrumEncoder spectrum_encoder(Weights& weights, const std::string& name, std::int64_t channels,
                                 const SpectrumConfig& config) {
  SpectrumEncoder encoder;
  encoder.step = std::int64_t{1} << (std::ssize(config.widths) - 1);
  encoder.body = residual_network(weights, name, channels, config.widths, config.blocks, Ends::kRepeated);
  encoder.recurrent_layers = config.recurrent_layers;
  encoder.recurrent_hidden = config.recurrent_hidden;
  for (std::int64_t layer = 0; layer < config.recurrent_layers; ++layer) {
    const std::string prefix = fmt::format("{}.recurrent.{}", name, layer);
    const std::int64_t width = layer == 0 ? config.widths.back() : config.recurrent_hidden;
    encoder.recurrent.push_back(weights.orthogonal(prefix + ".input", 3 * config.recurrent_hidden, width, 1.0));
    encoder.recurrent.push_back(
        weights.orthogonal(prefix + ".state", 3 * config.recurrent_hidden, config.recurrent_hidden, 1.0));
    encoder.recurrent.push_back(weights.zeros(prefix + ".input_bias", {3 * config.recurrent_hidden}));
    encoder.recurrent.push_back(weights.zeros(prefix + ".state_bias", {3 * config.recurrent_hidden}));
  }
  encoder.embedding = linear(weights, name + ".embedding", config.recurrent_hidden, config.context);
  return encoder;
}

}  // namespace penumbra
