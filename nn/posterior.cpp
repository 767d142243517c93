#include "nn/posterior.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/random.h"
#include "nn/device.h"
#include "nn/network.h"

namespace penumbra {
namespace {

// Rows that pass through the flow at once (about 4 kB each), and systems through the encoders (about 1 MB each).
constexpr std::int64_t kCpuRows = 8192, kCpuSystems = 32;
constexpr std::int64_t kGpuRows = 262144, kGpuSystems = 2048;

}  // namespace

struct NeuralPosterior::Impl {
  CheckpointInfo info;
  Preset preset;
  DataLayout layout;
  at::Device device;
  std::unique_ptr<Network> network;

  bool on_cpu() const { return device.is_cpu(); }
  std::int64_t dimensions() const { return std::ssize(layout.parameters); }

  // Systems first .. first + count - 1, on the device.
  Inputs inputs(const SystemView& batch, std::int64_t first, std::int64_t count) const {
    Inputs host;
    for (std::size_t a = 0; a < layout.inputs.size(); ++a) {
      std::vector<std::int64_t> shape{count};
      shape.insert(shape.end(), layout.inputs[a].shape.begin(), layout.inputs[a].shape.end());
      const std::int64_t size = static_cast<std::int64_t>(layout.inputs[a].size());
      host.arrays.push_back(at::from_blob(const_cast<float*>(batch.inputs[a]) + first * size, shape));
    }
    return host.to(device);
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
  const DataLayout layout = preset.kind == "binary"
                                ? FeatureLayout{.phase_bins = static_cast<int>(preset.network.phase_bins)}.data_layout()
                                : checkpoint.info.layout;
  auto impl = std::make_unique<Impl>(
      Impl{checkpoint.info, preset, layout, device, make_network(preset, layout, std::nullopt, device)});
  impl->network->weights().load(checkpoint.weights, file.string());
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
  const at::Tensor z_out = at::from_blob(z.data(), {systems, count, width});
  const at::Tensor log_q_out = at::from_blob(log_q.data(), {systems, count});

  const std::int64_t rows = impl_->on_cpu() ? kCpuRows : kGpuRows;
  const std::int64_t max_systems = impl_->on_cpu() ? kCpuSystems : kGpuSystems;
  const std::int64_t group = std::clamp<std::int64_t>(rows / count, 1, max_systems);  // systems at once
  const std::int64_t chunk = std::min(count, rows);                                   // samples of each at once
  for (std::int64_t b = 0; b < systems; b += group) {
    const std::int64_t group_now = std::min(group, systems - b);
    const at::Tensor context = impl_->network->context(impl_->inputs(batch, b, group_now));
    std::vector<RandomStream> streams;
    for (std::int64_t i = 0; i < group_now; ++i) {
      streams.emplace_back(seed, first_index + static_cast<std::uint64_t>(b + i), Stage::kPosterior);
    }
    for (std::int64_t s = 0; s < count; s += chunk) {
      const std::int64_t chunk_now = std::min(chunk, count - s);
      const at::Tensor normal = at::empty({group_now, chunk_now, width}), uniform = at::empty_like(normal);
      float* n = normal.data_ptr<float>();
      float* u = uniform.data_ptr<float>();
      for (RandomStream& stream : streams) {
        for (std::int64_t i = 0; i < chunk_now; ++i) {
          for (std::int64_t d = 0; d < width; ++d) *n++ = static_cast<float>(stream.normal());
          for (std::int64_t d = 0; d < width; ++d) *u++ = static_cast<float>(stream.uniform());
        }
      }
      const auto [drawn, density] =
          impl_->network->flow().sample(context, normal.to(impl_->device), uniform.to(impl_->device));
      z_out.narrow(0, b, group_now).narrow(1, s, chunk_now).copy_(drawn);
      log_q_out.narrow(0, b, group_now).narrow(1, s, chunk_now).copy_(density);
    }
  }
}

std::vector<float> NeuralPosterior::log_prob(const SystemView& batch) const {
  const at::NoGradGuard no_grad;
  impl_->check(batch);
  std::vector<float> out(static_cast<std::size_t>(batch.size));
  const std::int64_t group = impl_->on_cpu() ? kCpuSystems : kGpuSystems;
  for (std::int64_t b = 0; b < batch.size; b += group) {
    const std::int64_t count = std::min<std::int64_t>(group, batch.size - b);
    const std::int64_t width = impl_->dimensions();
    const at::Tensor z = at::from_blob(const_cast<float*>(batch.targets) + b * width, {count, width});
    at::from_blob(out.data() + b, {count})
        .copy_(impl_->network->log_prob(z.to(impl_->device), impl_->inputs(batch, b, count)));
  }
  return out;
}

const CheckpointInfo& NeuralPosterior::info() const { return impl_->info; }
const DataLayout& NeuralPosterior::data_layout() const { return impl_->layout; }
FeatureLayout NeuralPosterior::layout() const {
  if (impl_->preset.kind != "binary") {
    throw UserError(
        fmt::format("the checkpoint holds a network of kind \"{}\", trained on {}; expected one for binaries",
                    impl_->preset.kind, impl_->info.provenance.prior));
  }
  return {.phase_bins = static_cast<int>(impl_->preset.network.phase_bins)};
}
std::int64_t NeuralPosterior::weight_count() const { return impl_->network->weights().count(); }
std::string NeuralPosterior::device() const { return impl_->on_cpu() ? "cpu" : "cuda"; }

}  // namespace penumbra
