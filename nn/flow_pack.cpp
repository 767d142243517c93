#include "nn/flow_pack.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

namespace penumbra {
namespace {

std::vector<float> floats(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  return {host.data_ptr<float>(), host.data_ptr<float>() + host.numel()};
}

}  // namespace

PackedFlow pack_flow(const Flow& flow) {
  std::vector<FlowBlock> blocks;
  for (std::size_t b = 0; b < flow.mades().size(); ++b) {
    const Made& made = flow.mades()[b];
    const Made::Layers& layers = made.layers();
    FlowBlock block{.hidden = static_cast<int>(made.hidden()),
                    .outputs = static_cast<int>(made.outputs()),
                    .in = floats(layers.in),
                    .in_context = floats(layers.in_context),
                    .in_bias = floats(layers.in_bias),
                    .middle = floats(layers.middle),
                    .middle_bias = floats(layers.middle_bias),
                    .out = floats(layers.out),
                    .out_context = layers.out_context.defined() ? floats(layers.out_context)
                                                                : std::vector<float>(static_cast<std::size_t>(
                                                                      layers.out.size(0) * layers.in_context.size(1))),
                    .out_bias = floats(layers.out_bias),
                    .order = {}};
    const at::Tensor order = flow.permutations()[b].to(at::kCPU);
    std::transform(order.data_ptr<std::int64_t>(), order.data_ptr<std::int64_t>() + order.numel(),
                   std::back_inserter(block.order), [](std::int64_t i) { return static_cast<int>(i); });
    blocks.push_back(std::move(block));
  }
  const Made::Layers& first = flow.mades().front().layers();
  return pack_flow(static_cast<int>(first.in.size(1)), static_cast<int>(first.in_context.size(1)),
                   flow.config().log_scale_limit, blocks);
}

FlowSampler::FlowSampler(const Flow& flow) : flow_(pack_flow(flow)) {
  const at::Device device = flow.mades().front().layers().in.device();
  const auto on_device = [&](std::vector<float>& values, at::IntArrayRef shape) {
    return at::from_blob(values.data(), shape).clone().to(device);
  };
  context_weight_ = on_device(flow_.context_weight, {flow_.terms, flow_.context});
  context_bias_ = on_device(flow_.context_bias, {flow_.terms});
  if (!device.is_cpu()) device_.emplace(flow_);
}

void FlowSampler::sample(const at::Tensor& context, int samples, std::uint64_t seed, std::uint64_t first_system,
                         const FlowSamples& out) const {
  sample(context, {.samples = samples, .seed = seed, .first_system = first_system}, out);
}

FlowSampler::Spread FlowSampler::spread(const at::Tensor& context) const {
  constexpr std::size_t kSamples = 64;
  const auto systems = static_cast<std::size_t>(context.size(0)), width = static_cast<std::size_t>(flow_.dimensions);
  std::vector<float> z(systems * kSamples * width), log_q(systems * kSamples);
  sample(context, {.samples = kSamples, .shared_noise = true}, {z, log_q});
  Spread spread{std::vector<float>(systems * width), std::vector<float>(systems * width)};
  for (std::size_t b = 0; b < systems; ++b) {
    for (std::size_t d = 0; d < width; ++d) {
      double sum = 0.0, squares = 0.0;  // about the first, as narrow samples may lie far from zero
      const float* const first = &z[b * kSamples * width + d];
      for (std::size_t s = 0; s < kSamples; ++s) {
        const double difference = first[s * width] - first[0];
        sum += difference;
        squares += difference * difference;
      }
      const double variance = std::max((squares - sum * sum / kSamples) / kSamples, 0.0);
      spread.mean[b * width + d] = static_cast<float>(first[0] + sum / kSamples);
      spread.deviation[b * width + d] = static_cast<float>(std::sqrt(variance));
    }
  }
  return spread;
}

void FlowSampler::sample(const at::Tensor& context, FlowRequest request, const FlowSamples& out) const {
  const at::Tensor terms = at::linear(context, context_weight_, context_bias_).contiguous();
  request.terms = {terms.data_ptr<float>(), static_cast<std::size_t>(terms.numel())};
  request.systems = static_cast<int>(context.size(0));
  if (device_) {
    device_->sample(request, out);
  } else {
    sample_flow(flow_, request, out, at::get_num_threads());
  }
}

}  // namespace penumbra
