#include "nn/spectrum_encoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "nn/network.h"
#include "nn/spectrum_source.h"
#include "tests/nn/one_thread.h"

namespace penumbra {
namespace {

SpectrumConfig small() {
  return {.widths = {4, 6, 8, 8}, .blocks = 1, .recurrent_hidden = 10, .recurrent_layers = 2, .context = 7};
}

at::Tensor noise(std::int64_t systems, std::int64_t length) {
  at::manual_seed(5);
  return at::randn({systems, 2, length});
}

// Cho et al. (2014) as PyTorch writes them: r, z, n from one step's input and state, layer by layer.
TEST(SpectrumEncoder, ReadsItsSeriesInOrder) {
  Weights weights(3);
  const SpectrumEncoder encoder = spectrum_encoder(weights, "s", 2, 40, small());
  const at::Tensor x = noise(3, 40);
  at::Tensor series = encoder.body(x);  // [3][8][5]
  ASSERT_EQ(series.size(2), 5);
  at::Tensor last;
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const at::Tensor &w = encoder.recurrent.weights[4 * layer], &u = encoder.recurrent.weights[4 * layer + 1];
    at::Tensor state = at::zeros({3, 10});
    std::vector<at::Tensor> states;
    for (std::int64_t t = 0; t < 5; ++t) {
      const at::Tensor from_input = at::linear(series.select(2, t), w), from_state = at::linear(state, u);
      const auto gate = [](const at::Tensor& a, std::int64_t g) { return a.narrow(1, 10 * g, 10); };
      const at::Tensor r = at::sigmoid(gate(from_input, 0) + gate(from_state, 0));
      const at::Tensor z = at::sigmoid(gate(from_input, 1) + gate(from_state, 1));
      const at::Tensor n = at::tanh(gate(from_input, 2) + r * gate(from_state, 2));
      state = (1 - z) * n + z * state;
      states.push_back(state);
    }
    series = at::stack(states, 2);
    last = state;
  }
  EXPECT_LT((encoder(x) - encoder.recurrent.embedding(last)).abs().max().item<double>(), 1e-5);
}

TEST(SpectrumEncoder, TakesAnyLength) {
  Weights weights(4);
  const SpectrumEncoder encoder = spectrum_encoder(weights, "s", 2, 37, small());
  const at::Tensor x = noise(2, 37), padded = at::cat({x, x.narrow(2, 36, 1).expand({-1, -1, 3})}, 2);
  EXPECT_TRUE(at::equal(encoder(x), encoder(padded)));
  EXPECT_EQ(encoder(x).sizes(), (at::IntArrayRef{2, 7}));
}

TEST(SpectrumEncoder, AddsDenseLayersOfTheFlux) {
  Weights weights(4);
  SpectrumConfig config = small();
  config.dense_hidden = 5;
  const SpectrumEncoder encoder = spectrum_encoder(weights, "s", 2, 37, config);
  const at::Tensor x = noise(2, 37);
  ASSERT_EQ(encoder.dense.layers.size(), 3u);
  at::Tensor y = x.select(1, 0);
  for (std::size_t i = 0; i < 3; ++i)
    y = at::matmul(i > 0 ? at::relu(y) : y, encoder.dense.layers[i].weight.t()) + encoder.dense.layers[i].bias;
  const SpectrumEncoder without{encoder.step, encoder.body, encoder.recurrent, {}};
  EXPECT_LT((encoder(x) - without(x) - y).abs().max().item<double>(), 1e-5);
}

TEST(SpectrumNetwork, LearnsWithAllItsWeights) {
  Preset preset;
  preset.kind = "spectrum";
  preset.spectrum = small();
  preset.spectrum.dense_hidden = 3;
  preset.flow = {.blocks = 2, .hidden = 32, .mixture_components = 2};
  const DataLayout layout = spectrum_layout();
  const auto network = make_network(preset, layout, 6, at::kCPU);
  const Inputs inputs{{noise(2, layout.inputs[0].shape[1])}};
  network->log_prob(at::zeros({2, static_cast<std::int64_t>(layout.dimensions())}), inputs).sum().backward();
  for (const Weights::Named& named : network->weights().tensors()) {
    if (named.name.starts_with("spectrum")) {
      EXPECT_GT(named.tensor.grad().abs().max().item<double>(), 0.0) << named.name;
    }
  }
}

TEST(SpectrumPresets, AreThePapersAndASmallOne) {
  const auto weights_of = [](const char* name) {
    const Preset preset = load_preset(std::string(PENUMBRA_SOURCE_DIR "/data/presets/") + name);
    EXPECT_EQ(preset.kind, "spectrum");
    const auto network = make_network(preset, spectrum_layout(), std::nullopt, at::kCPU);
    std::printf("%s: %lld weights\n", name, static_cast<long long>(network->weights().count()));
    return network->weights().count();
  };
  EXPECT_LT(weights_of("spectra-compact.toml"), 3'000'000);  // 12 MB
  EXPECT_GT(weights_of("spectra-paper.toml"), 10'000'000);
}

}  // namespace
}  // namespace penumbra
