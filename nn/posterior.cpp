#include "nn/posterior.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "nn/captured_encode.h"
#include "nn/device.h"
#include "nn/flow_pack.h"
#include "nn/network.h"
#include "nn/width_factor.h"

namespace penumbra {
namespace {

// Systems through the encoders at once (about 1 MB each), and samples in a GPU's memory (68 bytes each).
constexpr std::int64_t kCpuSystems = 32, kGpuSystems = 2048, kGpuSamples = 1 << 23;

}  // namespace

struct NeuralPosterior::Impl {
  CheckpointInfo info;
  Preset preset;
  DataLayout layout;
  Targets targets;  // of a network for binaries
  at::Device device;
  std::unique_ptr<Network> network;
  std::optional<FlowSampler> sampler;        // of the loaded weights
  std::vector<float> width_scale;            // [D] or empty
  std::unique_ptr<CapturedEncode> one = {};  // system at a time, on a GPU

  bool on_cpu() const { return device.is_cpu(); }
  std::int64_t dimensions() const { return std::ssize(layout.parameters); }

  // Systems first .. first + count - 1, on the CPU.
  Inputs host_inputs(const SystemView& batch, std::int64_t first, std::int64_t count) const {
    Inputs host;
    for (std::size_t a = 0; a < layout.inputs.size(); ++a) {
      std::vector<std::int64_t> shape{count};
      shape.insert(shape.end(), layout.inputs[a].shape.begin(), layout.inputs[a].shape.end());
      const std::int64_t size = static_cast<std::int64_t>(layout.inputs[a].size());
      host.arrays.push_back(at::from_blob(const_cast<float*>(batch.inputs[a]) + first * size, shape));
    }
    return host;
  }

  at::Tensor context(const SystemView& batch, std::int64_t first, std::int64_t count) const {
    const Inputs host = host_inputs(batch, first, count);
    return count == 1 && one ? (*one)(host) : network->context(host.to(device));
  }

  // What the calibration makes of the flow's samples y of each row of context: centre + factor (y - centre).
  struct Widths {
    std::vector<float> centre, factor;  // [B][D]
    std::vector<float> log_volume;      // [B]: ln of the product of a row's factors
  };
  Widths widths(const at::Tensor& rows) const {
    const std::size_t width = width_scale.size(), systems = static_cast<std::size_t>(rows.size(0));
    const FlowSampler::Spread spread = sampler->spread(rows);
    Widths widths{spread.mean, std::vector<float>(systems * width), std::vector<float>(systems)};
    for (std::size_t i = 0; i < systems * width; ++i) {
      widths.factor[i] = static_cast<float>(width_factor(width_scale[i % width], spread.deviation[i]));
      widths.log_volume[i / width] += std::log(widths.factor[i]);
    }
    return widths;
  }

  // The flow's samples z [B][S][D], with log_q [B][S], at the widths of the calibration.
  void scale_widths(const at::Tensor& rows, std::span<float> z, std::span<float> log_q) const {
    if (width_scale.empty()) return;
    const Widths to = widths(rows);
    const std::size_t width = width_scale.size(), samples = log_q.size() / to.log_volume.size();
    for (std::size_t i = 0; i < z.size(); ++i) {
      const std::size_t at = i / (samples * width) * width + i % width;
      z[i] = to.centre[at] + to.factor[at] * (z[i] - to.centre[at]);
    }
    for (std::size_t i = 0; i < log_q.size(); ++i) log_q[i] -= to.log_volume[i / samples];
  }

  // ln q of z [B][D] of as many rows of context.
  at::Tensor log_prob(const float* z, const at::Tensor& rows) const {
    const auto log_density = [&](const float* y) {
      const at::Tensor on_host = at::from_blob(const_cast<float*>(y), {rows.size(0), dimensions()});
      return network->flow().log_prob(on_host.to(device), rows).to(at::kCPU);
    };
    if (width_scale.empty()) return log_density(z);
    Widths from = widths(rows);
    std::vector<float> y(z, z + from.centre.size());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = from.centre[i] + (y[i] - from.centre[i]) / from.factor[i];
    return log_density(y.data()) - at::from_blob(from.log_volume.data(), {rows.size(0)});
  }

  void check(const SystemView& batch) const {
    if (batch.layout->inputs == layout.inputs) return;
    const auto text = [](const DataLayout& l) {
      std::string all;
      for (const InputArray& array : l.inputs) all += fmt::format(" {}[{}]", array.name, fmt::join(array.shape, "]["));
      return all;
    };
    throw UserError(fmt::format("inputs are{}; the checkpoint's network reads{}", text(*batch.layout), text(layout)));
  }
};

NeuralPosterior::NeuralPosterior(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NeuralPosterior::NeuralPosterior(NeuralPosterior&&) noexcept = default;
NeuralPosterior& NeuralPosterior::operator=(NeuralPosterior&&) noexcept = default;
NeuralPosterior::~NeuralPosterior() = default;

NeuralPosterior NeuralPosterior::load(const std::filesystem::path& file, const std::string& device_request) {
  const at::Device device(resolve_device(device_request));
  const Checkpoint checkpoint = read_checkpoint(file);
  const Preset preset = read_preset(Config::parse(checkpoint.info.preset, file.string()));
  const DataLayout layout = preset.for_binaries() ? data_layout(feature_layout(preset)) : checkpoint.info.layout;
  const Targets targets = preset.for_binaries()
                              ? Targets::parse(preset.targets, checkpoint.info.provenance.simulation, file.string())
                              : Targets();
  auto impl = std::make_unique<Impl>(Impl{checkpoint.info, preset, layout, targets, device,
                                          make_network(preset, layout, std::nullopt, device), std::nullopt,
                                          checkpoint.width_scale});
  impl->network->weights().load(checkpoint.weights, file.string());
  impl->sampler.emplace(impl->network->flow());
  if (device.is_cuda()) impl->one = std::make_unique<CapturedEncode>(*impl->network, layout);
  return NeuralPosterior(std::move(impl));
}

void NeuralPosterior::sample(const SystemView& batch, int samples, std::uint64_t seed, std::uint64_t first_index,
                             std::vector<float>& z, std::vector<float>& log_q) const {
  const at::NoGradGuard no_grad;
  impl_->check(batch);
  const std::int64_t systems = batch.size, count = samples, width = impl_->dimensions();
  z.resize(static_cast<std::size_t>(systems * count * width));
  log_q.resize(static_cast<std::size_t>(systems * count));
  if (z.empty()) return;
  const std::int64_t group =
      impl_->on_cpu() ? kCpuSystems : std::clamp<std::int64_t>(kGpuSamples / count, 1, kGpuSystems);
  for (std::int64_t b = 0; b < systems; b += group) {
    const std::int64_t now = std::min(group, systems - b);
    const auto part = [&](std::vector<float>& values, std::int64_t size) {
      return std::span(values).subspan(static_cast<std::size_t>(b * size), static_cast<std::size_t>(now * size));
    };
    const at::Tensor context = impl_->context(batch, b, now);
    const FlowSamples out{part(z, count * width), part(log_q, count)};
    impl_->sampler->sample(context, samples, seed, first_index + static_cast<std::uint64_t>(b), out);
    impl_->scale_widths(context, out.z, out.log_q);
  }
}

std::vector<float> NeuralPosterior::log_prob(const SystemView& batch) const {
  const at::NoGradGuard no_grad;
  impl_->check(batch);
  std::vector<float> out(static_cast<std::size_t>(batch.size));
  const std::int64_t group = impl_->on_cpu() ? kCpuSystems : kGpuSystems;
  for (std::int64_t b = 0; b < batch.size; b += group) {
    const std::int64_t count = std::min<std::int64_t>(group, batch.size - b);
    at::from_blob(out.data() + b, {count})
        .copy_(impl_->log_prob(batch.targets + b * impl_->dimensions(), impl_->context(batch, b, count)));
  }
  return out;
}

const CheckpointInfo& NeuralPosterior::info() const { return impl_->info; }
const std::string& NeuralPosterior::kind() const { return impl_->preset.kind; }
FeatureLayout NeuralPosterior::layout() const {
  if (!impl_->preset.for_binaries()) {
    throw UserError(
        fmt::format("the checkpoint holds a network of kind \"{}\", trained on {}; expected one for binaries",
                    impl_->preset.kind, impl_->info.provenance.prior));
  }
  return feature_layout(impl_->preset);
}
const Targets& NeuralPosterior::targets() const { return impl_->targets; }
const std::vector<Modality>& NeuralPosterior::dropped() const { return impl_->preset.train.drop; }
std::int64_t NeuralPosterior::weight_count() const { return impl_->network->weights().count(); }
std::string NeuralPosterior::device() const { return impl_->on_cpu() ? "cpu" : "cuda"; }

}  // namespace penumbra
