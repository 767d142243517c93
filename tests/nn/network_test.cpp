#include "nn/network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

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
  return data_layout(FeatureLayout{.phase_bins = static_cast<int>(config.phase_bins)});
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

TEST(Network, JointBranchBeginsAsNothing) {
  NetworkConfig config = small_network();
  config.joint_hidden = {20, 12};
  const auto network = binary_network(config, small_flow(), 1),
             without = binary_network(small_network(), small_flow(), 1);
  const Inputs inputs = random_inputs(64, config);
  EXPECT_TRUE(at::equal(network->context(inputs), without->context(inputs)));

  for (const auto& [name, tensor] : network->weights().tensors()) {
    const at::NoGradGuard no_grad;
    if (name == "joint.2.weight") fill_normal(tensor, 7);
  }
  EXPECT_FALSE(at::equal(network->context(inputs), without->context(inputs)));
  const at::Tensor z = at::empty({64, kParameterCount});
  fill_normal(z, 5);
  network->log_prob(z, inputs).mean().backward();
  for (const auto& [name, tensor] : network->weights().tensors()) {
    EXPECT_GT(tensor.grad().abs().max().item<float>(), 0.0f) << name;
  }
}

TEST(Network, WeightsWithoutTheJointBranchAreThoseOfOneThatAddsNothing) {
  const at::NoGradGuard no_grad;
  NetworkConfig config = small_network();
  config.joint_hidden = {20, 12};
  const auto network = binary_network(config, small_flow(), 1),
             without = binary_network(small_network(), small_flow(), 2);
  std::vector<StoredTensor> stored = without->weights().store(without->weights().values());
  const auto error = [&](const std::string& may_lack) -> std::string {
    try {
      network->weights().load(stored, "some.h5", may_lack);
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(error("").find("some.h5"), std::string::npos);
  EXPECT_EQ(error(kJointBranch), "");
  const at::Tensor z = at::empty({9, kParameterCount});
  fill_normal(z, 5);
  const Inputs inputs = random_inputs(9, config);
  EXPECT_TRUE(at::equal(network->log_prob(z, inputs), without->log_prob(z, inputs)));

  stored.push_back({"joint.0.bias", {20}, std::vector<float>(20)});  // the whole branch or none of it
  EXPECT_NE(error(kJointBranch).find("weight tensors"), std::string::npos);
  stored.pop_back();
  stored.front().name = "other";
  EXPECT_NE(error(kJointBranch).find("no weights named"), std::string::npos);
}

TEST(Network, InitialWeightsDependOnTheSeedOnly) {
  const auto a = binary_network(small_network(), small_flow(), 1), b = binary_network(small_network(), small_flow(), 1),
             c = binary_network(small_network(), small_flow(), 2);
  EXPECT_TRUE(at::equal(a->weights().values(), b->weights().values()));
  EXPECT_FALSE(at::equal(a->weights().values(), c->weights().values()));
}

// The paper's network, small.
Preset small_points() {
  Preset preset;
  preset.kind = "points";
  preset.points = {.channels = 2,
                   .points = 40,
                   .curve_widths = {6, 8, 10},
                   .curve_embedding = 7,
                   .sed_widths = {5, 6},
                   .sed_embedding = 4,
                   .blocks = 2,
                   .meta_hidden = 6,
                   .meta_embedding = 3};
  preset.flow = small_flow();
  preset.flow.context_to_outputs = false;
  return preset;
}

DataLayout points_layout(const Preset& preset) { return data_layout(feature_layout(preset)); }

// Light curves of lengths[system][channel] points, and every other band of the SED.
Inputs random_points(const Preset& preset, const std::vector<std::vector<std::int64_t>>& lengths) {
  Inputs inputs = Inputs::empty(std::ssize(lengths), points_layout(preset), at::kFloat);
  for (std::size_t a = 0; a < inputs.arrays.size(); ++a) fill_normal(inputs.arrays[a], a + 20);
  for (std::size_t b = 0; b < lengths.size(); ++b) {
    const at::Tensor curves = inputs.arrays[0][static_cast<std::int64_t>(b)];
    for (std::size_t c = 0; c < lengths[b].size(); ++c) {
      const at::Tensor mask = curves[static_cast<std::int64_t>(4 * c + 3)];
      mask.zero_();
      mask.narrow(0, 0, lengths[b][c]).fill_(1.0);
    }
    inputs.arrays[1][static_cast<std::int64_t>(b)].narrow(0, 46, 23).copy_(at::arange(23).remainder(2));
  }
  return inputs;
}

// What stands where there is no point, how much of it there is, and what other systems have, changes nothing.
TEST(PointsNetwork, PaddingDoesNotMatter) {
  const at::NoGradGuard no_grad;
  const Preset preset = small_points();
  const auto network = make_network(preset, points_layout(preset), 1, at::kCPU);
  const std::vector<std::vector<std::int64_t>> lengths{{13, 0}, {40, 9}, {1, 26}, {0, 0}, {22, 39}};
  const Inputs inputs = random_points(preset, lengths);
  const at::Tensor context = network->context(inputs);
  EXPECT_TRUE(context.isfinite().all().item<bool>());

  Inputs other = inputs;
  for (at::Tensor& array : other.arrays) array = array.clone();
  for (std::int64_t b = 0; b < 5; ++b) {
    for (std::int64_t c = 0; c < 2; ++c) {
      const at::Tensor curve = other.arrays[0][b].narrow(0, 4 * c, 4);
      curve.narrow(0, 0, 3).add_((1.0 - curve[3]) * 1000.0);
    }
    const at::Tensor sed = other.arrays[1][b].view({3, 23});
    sed.narrow(0, 0, 2).add_((1.0 - sed[2]) * 1000.0);
  }
  EXPECT_TRUE(at::equal(network->context(other), context));

  for (std::int64_t b = 0; b < 5; ++b) {  // alone, a system is padded to its own longest light curve only
    EXPECT_LT((network->context(inputs.rows(b, 1))[0] - context[b]).abs().max().item<float>(), 1e-5f) << b;
  }

  // But every point that exists counts: the last one of each light curve, and each band.
  for (const auto& [b, c, last] : {std::tuple{0, 0, 12}, {1, 0, 39}, {2, 0, 0}, {4, 1, 38}}) {
    Inputs changed = inputs;
    changed.arrays[0] = inputs.arrays[0].clone();
    changed.arrays[0][b][4 * c + 1][last] += 1.0;
    EXPECT_GT((network->context(changed)[b] - context[b]).abs().max().item<float>(), 1e-4f) << b << " " << c;
  }
  for (std::int64_t band = 1; band < 23; band += 2) {
    Inputs changed = inputs;
    changed.arrays[1] = inputs.arrays[1].clone();
    changed.arrays[1][0][band] += 1.0;
    EXPECT_GT((network->context(changed)[0] - context[0]).abs().max().item<float>(), 1e-4f) << band;
  }
}

TEST(PointsNetwork, EveryWeightReceivesAGradient) {
  const Preset preset = small_points();
  const auto network = make_network(preset, points_layout(preset), 1, at::kCPU);
  const at::Tensor z = at::empty({16, kParameterCount});
  fill_normal(z, 5);
  network->log_prob(z, random_points(preset, std::vector<std::vector<std::int64_t>>(16, {33, 18}))).mean().backward();
  for (const auto& [name, tensor] : network->weights().tensors()) {
    // The GRU takes one step, from a state of zeros.
    const bool unused = name.starts_with("meta.") && name.ends_with(".state");
    const float largest = tensor.grad().abs().max().item<float>();
    EXPECT_TRUE(unused ? largest == 0.0f : largest > 0.0f) << name;
  }
}

// Rounding to bfloat16 is of 2^-9. The gradient of 64 systems then differs by a few hundredths of its length, and
// hardly in direction; weights, gradients and what the flow sees are float32.
void expect_bfloat16_gradient(const Preset& preset, const DataLayout& layout, const Inputs& inputs) {
  const auto network = make_network(preset, layout, 1, at::kCPU);
  const at::Tensor z = at::empty({inputs.arrays[0].size(0), std::ssize(layout.parameters)});
  fill_normal(z, 5);
  at::Tensor gradient[2], context[2];
  for (const int i : {0, 1}) {
    const at::ScalarType encoder = i == 0 ? at::kFloat : at::kBFloat16;
    network->weights().gradient().zero_();
    network->log_prob(z, inputs, encoder).mean().backward();
    gradient[i] = network->weights().gradient().clone();
    EXPECT_EQ(gradient[i].scalar_type(), at::kFloat);
    const at::NoGradGuard no_grad;
    context[i] = network->context(inputs, encoder);
    EXPECT_EQ(context[i].scalar_type(), at::kFloat);
  }
  const auto difference = [](const at::Tensor* pair) {
    return ((pair[1] - pair[0]).norm() / pair[0].norm()).item<double>();
  };
  EXPECT_LT(difference(context), 0.01) << preset.kind;
  EXPECT_GT(difference(context), 1e-4) << preset.kind;  // it was not float32
  EXPECT_LT(difference(gradient), 0.05) << preset.kind;
  EXPECT_GT(difference(gradient), 1e-4) << preset.kind;
  const at::NoGradGuard no_grad;  // the precision is the one call's
  EXPECT_TRUE(at::equal(network->context(inputs), context[0])) << preset.kind;
}

TEST(Network, GradientInBfloat16IsThatOfFloat32) {
  Preset binary;
  binary.network = small_network();
  binary.flow = small_flow();
  expect_bfloat16_gradient(binary, binary_layout(binary.network), random_inputs(64, binary.network));
  const Preset points = small_points();
  expect_bfloat16_gradient(points, points_layout(points),
                           random_points(points, std::vector<std::vector<std::int64_t>>(64, {33, 18})));
  for (const char* kind : {"vector", "series", "spectrum"}) {
    Preset preset;
    preset.kind = kind;
    preset.flow = small_flow();
    preset.spectrum = {.widths = {8, 12, 16},
                       .blocks = 1,
                       .recurrent_hidden = 12,
                       .recurrent_layers = 2,
                       .dense_hidden = 8,
                       .context = 16};
    const bool numbers = preset.kind == "vector";
    const DataLayout layout{{{"x", numbers ? std::vector<std::int64_t>{20} : std::vector<std::int64_t>{2, 50}}},
                            {"a", "b", "c"}};
    Inputs inputs = Inputs::empty(64, layout, at::kFloat);
    fill_normal(inputs.arrays[0], 30);
    expect_bfloat16_gradient(preset, layout, inputs);
  }
}

// Magnitudes that agree in their first 8 bits are different data.
TEST(Layers, DataAreReadInFloat32) {
  const at::NoGradGuard no_grad;
  Weights weights(1);
  const Perceptron numbers = perceptron(weights, "numbers", {3, 4});
  const ResidualNetwork series = residual_network(weights, "series", 3, {4}, 1, Ends::kRepeated);
  const at::Tensor x = at::empty({5, 3}), curves = at::empty({5, 3, 9});
  fill_normal(x, 1);
  fill_normal(curves, 2);
  const at::Tensor expected = numbers(x), expected_series = series(curves);
  const Bfloat16Layers bfloat16(at::kCPU);
  EXPECT_TRUE(at::equal(numbers(x), expected));
  EXPECT_TRUE(at::equal(series(curves), expected_series));
}

std::int64_t weights_of(const std::vector<LayerRow>& table, const std::string& prefix) {
  std::int64_t sum = 0;
  for (const LayerRow& row : table) sum += row.layer.starts_with(prefix) ? row.weights : 0;
  return sum;
}

// Table 3, and the totals of the paper's own code.
TEST(PointsNetwork, PaperHasTheWeightsOfTable3) {
  const Preset preset = load_preset(PENUMBRA_SOURCE_DIR "/data/presets/paper.toml");
  const std::vector<LayerRow> table = network_table(preset, points_layout(preset));
  EXPECT_NEAR(static_cast<double>(weights_of(table, "")), 5.83e6, 0.005e6);
  EXPECT_NEAR(static_cast<double>(weights_of(table, "flow.")), 1.60e6, 0.005e6);
  using Extents = std::vector<std::int64_t>;
  const auto output = [&](const std::string& layer) {
    const auto row = std::find_if(table.begin(), table.end(), [&](const LayerRow& r) { return r.layer == layer; });
    return row == table.end() ? Extents{} : row->output;
  };
  for (const char* channel : {"ASAS-SN:V", "ASAS-SN:g", "ZTF:g", "ZTF:r"}) {
    const std::string curve = std::string("curve.") + channel;
    EXPECT_EQ(output(curve + ".0"), (Extents{32, 2000}));
    EXPECT_EQ(output(curve + ".3"), (Extents{256, 250}));
    EXPECT_EQ(output(curve + ".embedding"), Extents{128});
  }
  EXPECT_EQ(output("sed.2"), (Extents{128, 6}));
  EXPECT_EQ(output("sed.embedding"), Extents{64});
  EXPECT_EQ(output("meta"), Extents{16});
  EXPECT_EQ(output("flow.14"), (Extents{16, 2}));
  EXPECT_EQ(output("flow.15"), (Extents{16, 12}));
  EXPECT_TRUE(output("flow.16").empty());
  EXPECT_EQ(weights_of(table, "curve.TESS"), 0);

  const Preset survey = load_preset(PENUMBRA_SOURCE_DIR "/data/presets/survey.toml");
  EXPECT_EQ(weights_of(network_table(survey, points_layout(survey)), "curve.TESS:T."),
            weights_of(table, "curve.ZTF:r."));
}

TEST(Preset, CompactFileIsTheDefault) {
  const Preset preset = load_preset(PENUMBRA_SOURCE_DIR "/data/presets/compact.toml");
  Preset expected;
  expected.targets = "eclipses";
  expected.network.joint_hidden = {512, 512};
  EXPECT_EQ(to_toml(preset), to_toml(expected));
  const auto network = binary_network(preset.network, preset.flow, std::nullopt);
  EXPECT_NEAR(static_cast<double>(network->weights().count()), 3.12e6, 0.01e6);  // 12 MB: the program ships with these
}

TEST(Preset, TextReadsBack) {
  Preset preset;
  preset.network.curve_widths = {16, 24};
  preset.network.joint_hidden = {30};
  preset.train.learning_rate = 3.7e-4;
  preset.train.max_minutes = 60.0;
  preset.train.drop = {Modality::kPhotometry, Modality::kPeriod};
  preset.train.encoder_precision = Precision::kBfloat16;
  preset.flow.hidden = 77;
  const std::string text = to_toml(preset);
  const Config config = Config::parse(text, "preset");
  EXPECT_EQ(to_toml(read_preset(config)), text);
  EXPECT_EQ(read_preset(config).train.drop, preset.train.drop);
  EXPECT_EQ(read_preset(config).train.encoder_precision, Precision::kBfloat16);
  config.finish();
  // Texts written before there was such a key are still the same presets.
  EXPECT_EQ(to_toml(Preset{}).find("encoder_precision"), std::string::npos);
  EXPECT_EQ(to_toml(Preset{}).find("joint_hidden"), std::string::npos);
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
  EXPECT_NE(message("[train]\nencoder_precision = \"half\"\n").find("auto, float32, bfloat16"), std::string::npos);
  EXPECT_NE(message("[network]\nphase_bins = 100\n").find("multiple of 2^4"), std::string::npos);
  EXPECT_NE(message("[network]\njoint_hidden = []\n").find("network.joint_hidden"), std::string::npos);
  EXPECT_NE(message("[network]\nkind = \"image\"\n").find("network.kind"), std::string::npos);
  EXPECT_NE(message("[network]\nkind = \"vector\"\nphase_bins = 256\n").find("phase_bins"), std::string::npos);
  EXPECT_THROW(binary_network(small_network(), {.hidden = 8}, 1), UserError);  // 16 parameters
}

}  // namespace
}  // namespace penumbra
