#include "nn/network.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "base/error.h"
#include "nn/features.h"
#include "nn/layers.h"
#include "nn/spectrum_encoder.h"
#include "sim/passbands.h"

namespace penumbra {
namespace {

// kind = "binary": the light curves, SED and scalars of nn/features.h.
class BinaryNetwork final : public Network {
 public:
  BinaryNetwork(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                const at::Device& device)
      : Network(seed) {
    const NetworkConfig& network = preset.network;
    const auto size = [&](std::size_t array) { return static_cast<std::int64_t>(layout.inputs[array].size()); };
    const std::vector<std::int64_t>& shape = layout.inputs[0].shape;  // of the curves
    curves_ =
        residual_network(weights_, "curves", shape[0], network.curve_widths, network.curve_blocks, Ends::kPeriodic);
    const std::int64_t length = shape[1] >> (std::ssize(network.curve_widths) - 1);
    // Flattened, not averaged: where in phase an eclipse lies matters.
    curve_embedding_ =
        linear(weights_, "curves.embedding", network.curve_widths.back() * length, network.curve_embedding);
    sed_ = perceptron(weights_, "sed", {size(2), network.sed_hidden, network.sed_embedding});
    summaries_ = perceptron(weights_, "summaries", {size(1), network.scalar_hidden, network.scalar_embedding});
    meta_ = perceptron(weights_, "meta", {size(3), network.scalar_hidden, network.scalar_embedding});
    const std::int64_t joined = network.curve_embedding + network.sed_embedding + 2 * network.scalar_embedding;
    context_ = perceptron(weights_, "context", {joined, network.context, network.context});
    if (!network.joint_hidden.empty()) {
      std::vector<std::int64_t> widths{network.curve_embedding + size(1) + size(2) + size(3)};
      widths.insert(widths.end(), network.joint_hidden.begin(), network.joint_hidden.end());
      widths.push_back(network.context);
      joint_ = perceptron(weights_, kJointBranch, widths, /*last_gain=*/0.0);
    }
    finish(preset.flow, std::ssize(layout.parameters), network.context, device);
  }

  at::Tensor embed(const Inputs& inputs, const Listener& listen) const override {
    const auto& [curves, summaries, sed, meta] =
        std::tie(inputs.arrays[0], inputs.arrays[1], inputs.arrays[2], inputs.arrays[3]);
    const auto told = [&](const char* layer, const at::Tensor& output) {
      listen(layer, output);
      return output;
    };
    const at::Tensor curve = told("curves.embedding", curve_embedding_(told("curves", curves_(curves)).flatten(1)));
    const at::Tensor colours = told("sed", sed_(sed)), summary = told("summaries", summaries_(summaries));
    at::Tensor context = context_(at::relu(at::cat({curve, colours, summary, told("meta", meta_(meta))}, 1)));
    if (!joint_.layers.empty()) {
      context = context + told(kJointBranch, joint_(at::cat({at::relu(curve), summaries, sed, meta}, 1)));
    }
    return told("context", context);
  }

 private:
  ResidualNetwork curves_;
  Linear curve_embedding_;
  Perceptron sed_, summaries_, meta_, context_;
  Perceptron joint_;  // or no layers
};

// kind = "points": the paper's (Table 3), for any number of light-curve channels.
class PointsNetwork final : public Network {
 public:
  PointsNetwork(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                const at::Device& device)
      : Network(seed) {
    const PointsConfig& config = preset.points;
    for (std::int64_t c = 0; c < config.channels; ++c) {
      const std::string name = fmt::format("curve.{}", kChannels[static_cast<std::size_t>(c)].name);
      curves_.push_back(masked_encoder(weights_, name, FeatureLayout::kPointChannels, config.curve_widths,
                                       config.blocks, config.curve_embedding));
    }
    sed_ = masked_encoder(weights_, "sed", FeatureLayout::kSedChannels, config.sed_widths, config.blocks,
                          config.sed_embedding);
    meta_ = recurrent_encoder(weights_, "meta", FeatureLayout::kPointMeta, /*layers=*/2, config.meta_hidden,
                              config.meta_embedding);
    finish(preset.flow, std::ssize(layout.parameters),
           config.channels * config.curve_embedding + config.sed_embedding + config.meta_embedding, device);
  }

  // The last of a series' channels is its mask.
  at::Tensor embed(const Inputs& inputs, const Listener& listen) const override {
    std::vector<at::Tensor> parts;
    for (std::size_t c = 0; c < curves_.size(); ++c) {
      parts.push_back(
          encode(curves_[c], inputs.arrays[0].narrow(1, static_cast<std::int64_t>(c) * kRows, kRows), listen));
    }
    const at::Tensor sed = inputs.arrays[1].view({-1, FeatureLayout::kSedChannels, kSedBandCount});
    parts.push_back(sed_(sed, sed.narrow(1, FeatureLayout::kSedChannels - 1, 1), listen));
    parts.push_back(meta_(inputs.arrays[2].unsqueeze(1)));
    listen("meta", parts.back());
    return at::cat(parts, 1);
  }

 private:
  static constexpr std::int64_t kRows = FeatureLayout::kPointChannels;

  // One light curve of every system. Points come first and padding counts for nothing, so systems of similar length
  // go together, with as many columns as the longest of them has. A GPU takes all at once and all columns: it is not
  // waited for, so that its work can be recorded (nn/captured_encode.h).
  static at::Tensor encode(const MaskedEncoder& encoder, const at::Tensor& x, const Listener& listen) {
    if (x.is_cuda()) return encoder(x, x.narrow(1, kRows - 1, 1), listen);
    const at::Tensor lengths = x.select(1, kRows - 1).sum(1);
    const auto [sorted, order] = lengths.sort(0, /*descending=*/true);
    const float* const length = sorted.data_ptr<float>();
    const std::int64_t systems = x.size(0);
    std::vector<at::Tensor> groups;
    for (std::int64_t first = 0, last; first < systems; first = last) {
      last = first + 1;
      while (last < systems && (length[last] > kSimilar * length[first] || last - first < kFewest)) ++last;
      const std::int64_t columns = std::max<std::int64_t>(static_cast<std::int64_t>(length[first]), 1);
      const at::Tensor rows = x.narrow(2, 0, columns).index_select(0, order.narrow(0, first, last - first));
      groups.push_back(encoder(rows, rows.narrow(1, kRows - 1, 1), listen));
    }
    return at::cat(groups, 0).index_select(0, at::argsort(order));
  }
  static constexpr float kSimilar = 0.7f;     // length of the shortest of a group over that of the longest
  static constexpr std::int64_t kFewest = 4;  // systems of a group, where more follow

  std::vector<MaskedEncoder> curves_;
  MaskedEncoder sed_;
  RecurrentEncoder meta_;
};

// kind = "vector": numbers without an order.
class VectorNetwork final : public Network {
 public:
  VectorNetwork(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                const at::Device& device)
      : Network(seed) {
    const VectorConfig& config = preset.vector;
    std::vector<std::int64_t> widths{static_cast<std::int64_t>(layout.inputs[0].size())};
    widths.insert(widths.end(), config.hidden.begin(), config.hidden.end());
    widths.push_back(config.context);
    embedding_ = perceptron(weights_, "embedding", widths);
    finish(preset.flow, std::ssize(layout.parameters), config.context, device);
  }

  at::Tensor embed(const Inputs& inputs, const Listener& listen) const override {
    const at::Tensor context = embedding_(inputs.arrays[0].flatten(1));
    listen("embedding", context);
    return context;
  }

 private:
  Perceptron embedding_;
};

// kind = "series": one or more sequences, [length] or [channels][length].
class SeriesNetwork final : public Network {
 public:
  SeriesNetwork(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                const at::Device& device)
      : Network(seed) {
    const SeriesConfig& config = preset.series;
    const std::vector<std::int64_t>& shape = layout.inputs[0].shape;
    const std::int64_t channels = shape.size() == 2 ? shape[0] : 1, length = shape.back();
    const std::int64_t step = std::int64_t{1} << (std::ssize(config.widths) - 1);
    padded_ = (length + step - 1) / step * step;
    body_ = residual_network(weights_, "series", channels, config.widths, config.blocks, Ends::kRepeated);
    embedding_ =
        perceptron(weights_, "embedding", {config.widths.back() * (padded_ / step), config.context, config.context});
    finish(preset.flow, std::ssize(layout.parameters), config.context, device);
  }

  at::Tensor embed(const Inputs& inputs, const Listener& listen) const override {
    at::Tensor x = inputs.arrays[0];
    if (x.dim() == 2) x = x.unsqueeze(1);
    const std::int64_t length = x.size(2);
    if (padded_ > length) {  // to a length that halves at every level, by repeating the last value
      x = at::cat({x, x.narrow(2, length - 1, 1).expand({-1, -1, padded_ - length})}, 2);
    }
    x = body_(x);
    listen("series", x);
    const at::Tensor context = embedding_(at::relu(x.flatten(1)));
    listen("embedding", context);
    return context;
  }

 private:
  std::int64_t padded_ = 0;
  ResidualNetwork body_;
  Perceptron embedding_;
};

// kind = "spectrum": the channels of pack_spectrum.
class SpectrumNetwork final : public Network {
 public:
  SpectrumNetwork(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                  const at::Device& device)
      : Network(seed),
        encoder_(spectrum_encoder(weights_, "spectrum", layout.inputs[0].shape[0], layout.inputs[0].shape[1],
                                  preset.spectrum)) {
    finish(preset.flow, std::ssize(layout.parameters), preset.spectrum.context, device);
  }

  at::Tensor embed(const Inputs& inputs, const Listener& listen) const override {
    const at::Tensor context = encoder_(inputs.arrays[0]);
    listen("spectrum", context);
    return context;
  }

 private:
  SpectrumEncoder encoder_;
};

std::string shape_text(const InputArray& array) {
  return fmt::format("{} [{}]", array.name, fmt::join(array.shape, "]["));
}

}  // namespace

Inputs Inputs::empty(std::int64_t systems, const DataLayout& layout, const at::TensorOptions& options) {
  Inputs inputs;
  for (const InputArray& array : layout.inputs) {
    std::vector<std::int64_t> shape{systems};
    shape.insert(shape.end(), array.shape.begin(), array.shape.end());
    inputs.arrays.push_back(at::empty(shape, options));
  }
  return inputs;
}

Inputs Inputs::to(const at::Device& device) const {
  Inputs moved;
  for (const at::Tensor& t : arrays) moved.arrays.push_back(t.to(device, t.scalar_type(), /*non_blocking=*/true));
  return moved;
}

Inputs Inputs::rows(std::int64_t first, std::int64_t count) const {
  Inputs part;
  for (const at::Tensor& t : arrays) part.arrays.push_back(t.narrow(0, first, count));
  return part;
}

at::Tensor Network::context(const Inputs& inputs, at::ScalarType encoder) const {
  std::optional<Bfloat16Layers> bfloat16;
  if (encoder == at::kBFloat16) bfloat16.emplace(weights_.device().type());
  return embed(inputs, [](const std::string&, const at::Tensor&) {}).to(at::kFloat);
}

std::vector<LayerRow> Network::table(const DataLayout& layout) const {
  const at::NoGradGuard no_grad;
  std::vector<LayerRow> rows;
  Inputs full = Inputs::empty(1, layout, at::kFloat);
  for (at::Tensor& array : full.arrays) array.fill_(1.0);  // masks too: series at full length
  embed(full, [&](const std::string& layer, const at::Tensor& output) {
    rows.push_back({layer, output.sizes().slice(1).vec(), 0});
  });
  for (std::size_t b = 0; b < flow_.mades().size(); ++b) {
    rows.push_back({fmt::format("flow.{}", b), {std::ssize(layout.parameters), flow_.mades()[b].outputs()}, 0});
  }
  for (const Weights::Named& tensor : weights_.tensors()) {  // of the layer with the longest name that begins its own
    LayerRow* owner = nullptr;
    for (LayerRow& row : rows) {
      if (tensor.name.starts_with(row.layer + ".") && (owner == nullptr || row.layer.size() > owner->layer.size())) {
        owner = &row;
      }
    }
    if (owner == nullptr) throw std::logic_error("no layer told of weights " + tensor.name);
    owner->weights += tensor.tensor.numel();
  }
  return rows;
}

std::vector<LayerRow> network_table(const Preset& preset, const DataLayout& layout) {
  return make_network(preset, layout, std::nullopt, at::kCPU)->table(layout);
}

at::Tensor Network::log_prob(const at::Tensor& z, const Inputs& inputs, at::ScalarType encoder) const {
  return flow_.log_prob(z, context(inputs, encoder));
}

void Network::finish(const FlowConfig& flow, std::int64_t dimensions, std::int64_t context, const at::Device& device) {
  flow_ = Flow(flow, dimensions, context, weights_);
  weights_.pack(device);
  flow_.to(device);
}

std::unique_ptr<Network> make_network(const Preset& preset, const DataLayout& layout, std::optional<std::uint64_t> seed,
                                      const at::Device& device) {
  if (preset.flow.hidden < std::ssize(layout.parameters)) {
    throw UserError(fmt::format("flow.hidden = {}: expected at least one unit for each of the {} parameters",
                                preset.flow.hidden, layout.dimensions()));
  }
  if (preset.kind == "binary") return std::make_unique<BinaryNetwork>(preset, layout, seed, device);
  if (preset.kind == "points") return std::make_unique<PointsNetwork>(preset, layout, seed, device);
  const bool one = layout.inputs.size() == 1;
  if (preset.kind == "vector" && one) return std::make_unique<VectorNetwork>(preset, layout, seed, device);
  if (preset.kind == "series" && one && !layout.inputs[0].shape.empty() && layout.inputs[0].shape.size() <= 2) {
    return std::make_unique<SeriesNetwork>(preset, layout, seed, device);
  }
  if (preset.kind == "spectrum" && one && layout.inputs[0].shape.size() == 2) {
    return std::make_unique<SpectrumNetwork>(preset, layout, seed, device);
  }
  std::vector<std::string> arrays;
  for (const InputArray& array : layout.inputs) arrays.push_back(shape_text(array));
  throw UserError(fmt::format("network.kind = \"{}\" cannot read {}; a series is [length] or [channels][length]",
                              preset.kind, fmt::join(arrays, ", ")));
}

}  // namespace penumbra
