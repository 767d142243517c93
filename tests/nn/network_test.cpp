#include "nn/network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "nn/features.h"
#include "sim/parameters.h"
#include "tests/nn/one_thread.h"

namespace penumbra {
namespace {

void fill_normal(const at::Tensor& out, std::uint64_t draw) {
  RandomStream random(12, draw, Stage::kTest);
  for (std::int64_t i = 0; i < out.numel(); ++i) out.data_ptr<float>()[i] = static_cast<float>(random.normal());
}

NetworkConfig small_network() {
  NetworkConfig config;
  config.phase_bins = 32;
  config.curve_widths = {8, 12, 16};
  config.curve_blocks = 1;
  config.curve_embedding = 20;
  config.context = 24;
  return config;
}

FlowConfig small_flow() {
  FlowConfig config;
  config.blocks = 2;
  config.hidden = 32;
  config.mixture_components = 2;
  return config;
}

DataLayout binary_layout(const NetworkConfig& config) {
  return FeatureLayout{.phase_bins = static_cast<int>(config.phase_bins)}.data_layout();
}

std::unique_ptr<Network> binary_network(const NetworkConfig& config, const FlowConfig& flow,
                                        std::optional<std::uint64_t> seed) {
  Preset preset;
  preset.network = config;
  preset.flow = flow;
  return make_network(preset, binary_layout(config), seed, at::kCPU);
}

Inputs random_inputs(std::int64_t systems, const NetworkConfig& config) {
  Inputs inputs = Inputs::empty(systems, binary_layout(config), at::kFloat);
  for (std::size_t a = 0; a < inputs.arrays.size(); ++a) fill_normal(inputs.arrays[a], a + 1);
  return inputs;
}

TEST(Network, EveryWeightReceivesAGradient) {
  const auto network = binary_network(small_network(), small_flow(), 1);
  const at::Tensor z = at::empty({64, kParameterCount});
  fill_normal(z, 5);
  network->log_prob(z, random_inputs(64, small_network())).mean().backward();
  for (const auto& [name, tensor] : network->weights().tensors()) {
    EXPECT_GT(tensor.grad().abs().max().item<float>(), 0.0f) << name;
  }
}

TEST(Network, ContextReadsEveryInput) {
  const at::NoGradGuard no_grad;
  const auto network = binary_network(small_network(), small_flow(), 1);
  const Inputs inputs = random_inputs(2, small_network());
  const at::Tensor before = network->context(inputs);
  for (const at::Tensor& input : inputs.arrays) {
    const at::Tensor flat = input.view({2, -1});
    for (std::int64_t i = 0; i<flat.size(1); i += flat.size(1)> 100 ? 37 : 1) {
      const float kept = flat[0][i].item<float>();
      flat[0][i] = kept + 3.0f;
      const at::Tensor after = network->context(inputs);
      EXPECT_GT((after - before)[0].abs().max().item<float>(), 0.0f) << i;
      EXPECT_EQ((after - before)[1].abs().max().item<float>(), 0.0f) << "another system changed";
      flat[0][i] = kept;
    }
  }
}

TEST(Network, BatchSizeDoesNotMatter) {
  const at::NoGradGuard no_grad;
  const auto network = binary_network(small_network(), small_flow(), 1);
  const Inputs inputs = random_inputs(9, small_network());
  const at::Tensor together = network->context(inputs);
  for (int b = 0; b < 9; ++b) {
    EXPECT_LT((network->context(inputs.rows(b, 1))[0] - together[b]).abs().max().item<float>(), 1e-5f);
  }
}

// Rotating a light curve by a whole number of the coarsest level's steps rotates what the convolutions see: with
// periodic padding the seam between the last and the first bin is nowhere. A network whose embedding sums over
// positions shows it.
TEST(Network, PhaseHasNoSeam) {
  const at::NoGradGuard no_grad;
  const NetworkConfig config = small_network();
  const auto network = binary_network(config, small_flow(), 1);
  for (const auto& [name, tensor] : network->weights().tensors()) {
    if (name != "curves.embedding.weight") continue;
    const at::Tensor by_position = tensor.view({config.curve_embedding, config.curve_widths.back(), -1});
    by_position.copy_(by_position.mean(2, true).expand_as(by_position).clone());
  }
  Inputs inputs = random_inputs(1, config);
  const at::Tensor before = network->context(inputs);
  for (const int turn : {4, 12, 28}) {
    Inputs turned = inputs;
    turned.arrays[0] = at::roll(inputs.arrays[0], turn, 2);
    EXPECT_LT((network->context(turned) - before).abs().max().item<float>(), 1e-5f) << turn;
  }
  Inputs odd = inputs;
  odd.arrays[0] = at::roll(inputs.arrays[0], 1, 2);
  EXPECT_GT((network->context(odd) - before).abs().max().item<float>(), 1e-3f);
}

TEST(Network, InitialWeightsDependOnTheSeedOnly) {
  const auto a = binary_network(small_network(), small_flow(), 1), b = binary_network(small_network(), small_flow(), 1),
             c = binary_network(small_network(), small_flow(), 2);
  EXPECT_TRUE(at::equal(a->weights().values(), b->weights().values()));
  EXPECT_FALSE(at::equal(a->weights().values(), c->weights().values()));
}

TEST(Preset, CompactFileIsTheDefault) {
  const Preset preset = load_preset(PENUMBRA_SOURCE_DIR "/data/presets/compact.toml");
  EXPECT_EQ(to_toml(preset), to_toml(Preset{}));
  const auto network = binary_network(preset.network, preset.flow, std::nullopt);
  EXPECT_NEAR(static_cast<double>(network->weights().count()), 2.54e6, 0.01e6);  // 8 MB: the program ships with these
}

TEST(Preset, TextReadsBack) {
  Preset preset;
  preset.network.curve_widths = {16, 24};
  preset.train.learning_rate = 3.7e-4;
  preset.train.max_minutes = 60.0;
  preset.train.drop = {Modality::kPhotometry, Modality::kPeriod};
  preset.flow.hidden = 77;
  const std::string text = to_toml(preset);
  const Config config = Config::parse(text, "preset");
  EXPECT_EQ(to_toml(read_preset(config)), text);
  EXPECT_EQ(read_preset(config).train.drop, preset.train.drop);
  config.finish();
}

TEST(Preset, RefusesWhatItCannotMean) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      const Config config = Config::parse(text, "some.toml");
      read_preset(config);
      config.finish();
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("[train]\nbatch_size = 3\n").find("batch_size"), std::string::npos);
  EXPECT_NE(message("[train]\nbatch = 0\n").find("train.batch"), std::string::npos);
  EXPECT_NE(message("[train]\ndrop = [\"sed\"]\n").find("light_curves, photometry, parallax, period"),
            std::string::npos);
  EXPECT_NE(message("[network]\nkind = \"vector\"\n[train]\ndrop = [\"period\"]\n").find("train.drop"),
            std::string::npos);
  EXPECT_NE(message("[network]\nphase_bins = 100\n").find("multiple of 2^4"), std::string::npos);
  EXPECT_NE(message("[network]\nkind = \"image\"\n").find("network.kind"), std::string::npos);
  EXPECT_NE(message("[network]\nkind = \"vector\"\nphase_bins = 256\n").find("phase_bins"), std::string::npos);
  EXPECT_THROW(binary_network(small_network(), {.hidden = 8}, 1), UserError);  // 16 parameters
}

}  // namespace
}  // namespace penumbra
