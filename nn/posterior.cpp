#include "nn/posterior.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "nn/device.h"
#include "nn/flow_pack.h"
#include "nn/network.h"
#include "sim/parameters.h"

namespace penumbra {
namespace {

// Systems through the encoders at once (about 1 MB each), and samples in a GPU's memory (68 bytes each).
constexpr std::int64_t kCpuSystems = 32, kGpuSystems = 2048, kGpuSamples = 1 << 23;

}  // namespace

struct NeuralPosterior::Impl {
  CheckpointInfo info;
  FeatureLayout layout;
  at::Device device;
  Network network;
  std::optional<FlowSampler> sampler;  // of the loaded weights

  bool on_cpu() const { return device.is_cpu(); }

  // Systems first .. first + count - 1, on the device.
  Inputs inputs(const FeatureBatch& batch, std::int64_t first, std::int64_t count) const {
    const auto view = [&](const std::vector<float>& values, std::int64_t size) {
      return at::from_blob(const_cast<float*>(values.data()) + first * size, {count, size});
    };
    const auto size = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    const Inputs host{view(batch.curves, size(layout.curve_size()))
                          .view({count, kChannelCount * FeatureLayout::kBinChannels, layout.phase_bins}),
                      view(batch.summaries, size(FeatureLayout::summary_size())),
                      view(batch.sed, size(FeatureLayout::sed_size())), view(batch.meta, FeatureLayout::kMeta)};
    return host.to(device);
  }

  void check(const FeatureBatch& batch) const {
    if (batch.layout.phase_bins != layout.phase_bins) {
      throw UserError(fmt::format("features have {} phase bins; the checkpoint's network reads {}",
                                  batch.layout.phase_bins, layout.phase_bins));
    }
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
  const FeatureLayout layout{.phase_bins = static_cast<int>(preset.network.phase_bins)};
  auto impl = std::make_unique<Impl>(
      Impl{checkpoint.info, layout, device, Network(preset.network, preset.flow, std::nullopt, device), std::nullopt});
  impl->network.weights().load(checkpoint.weights, file.string());
  impl->sampler.emplace(impl->network.flow());
  return NeuralPosterior(std::move(impl));
}

void NeuralPosterior::sample(const FeatureBatch& batch, int samples, std::uint64_t seed, std::uint64_t first_index,
                             std::vector<float>& z, std::vector<float>& log_q) const {
  const at::NoGradGuard no_grad;
  impl_->check(batch);
  const std::int64_t systems = batch.size, count = samples, width = kParameterCount;
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
    impl_->sampler->sample(impl_->network.context(impl_->inputs(batch, b, now)), samples, seed,
                           first_index + static_cast<std::uint64_t>(b), {part(z, count * width), part(log_q, count)});
  }
}

std::vector<float> NeuralPosterior::log_prob(const FeatureBatch& batch) const {
  const at::NoGradGuard no_grad;
  impl_->check(batch);
  std::vector<float> out(static_cast<std::size_t>(batch.size));
  const std::int64_t group = impl_->on_cpu() ? kCpuSystems : kGpuSystems;
  for (std::int64_t b = 0; b < batch.size; b += group) {
    const std::int64_t count = std::min<std::int64_t>(group, batch.size - b);
    const at::Tensor z =
        at::from_blob(const_cast<float*>(batch.z.data()) + b * kParameterCount, {count, kParameterCount});
    at::from_blob(out.data() + b, {count})
        .copy_(impl_->network.log_prob(z.to(impl_->device), impl_->inputs(batch, b, count)));
  }
  return out;
}

const CheckpointInfo& NeuralPosterior::info() const { return impl_->info; }
FeatureLayout NeuralPosterior::layout() const { return impl_->layout; }
std::int64_t NeuralPosterior::weight_count() const { return impl_->network.weights().count(); }
std::string NeuralPosterior::device() const { return impl_->on_cpu() ? "cpu" : "cuda"; }

}  // namespace penumbra
