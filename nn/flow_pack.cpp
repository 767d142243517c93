#include "nn/flow_pack.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
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
  const at::Tensor terms = at::linear(context, context_weight_, context_bias_).contiguous();
  const FlowRequest request{.terms = {terms.data_ptr<float>(), static_cast<std::size_t>(terms.numel())},
                            .systems = static_cast<int>(context.size(0)),
                            .samples = samples,
                            .seed = seed,
                            .first_system = first_system};
  if (device_) {
    device_->sample(request, out);
  } else {
    sample_flow(flow_, request, out, at::get_num_threads());
  }
}

}  // namespace penumbra
