#include <algorithm>
#include <stdexcept>
#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/flow_sample.h"
#include "kernels/flow_sample_body.h"
#include "kernels/flow_sample_check.h"
#include "kernels/launch.h"

namespace penumbra {
namespace {

__global__ void __launch_bounds__(kFlowThreads, 1) flow_sample_kernel(const __grid_constant__ FlowWork work, int tile) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  flow_sample_body(block, work, tile, static_cast<int>(blockIdx.x));
}

}  // namespace

struct DeviceFlow::Impl {
  PackedFlow flow;
  DeviceBuffer<FlowStep> steps;
  DeviceBuffer<int> source;
  DeviceBuffer<float> weights;
  int shared_limit = 0, multiprocessors = 0;
};

DeviceFlow::DeviceFlow(const PackedFlow& flow) {
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  impl_ = std::make_unique<Impl>();
  impl_->flow = flow;
  int device = 0;
  PENUMBRA_CHECK_CUDA(cudaGetDevice(&device));
  PENUMBRA_CHECK_CUDA(cudaDeviceGetAttribute(&impl_->shared_limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  PENUMBRA_CHECK_CUDA(cudaDeviceGetAttribute(&impl_->multiprocessors, cudaDevAttrMultiProcessorCount, device));
  flow_tile(flow.view(), 1, 1, impl_->shared_limit, impl_->multiprocessors);  // does it fit at all?
  impl_->steps.upload(flow.steps);
  impl_->source.upload(flow.source);
  impl_->weights.upload(flow.weights);
}
DeviceFlow::DeviceFlow(DeviceFlow&&) noexcept = default;
DeviceFlow& DeviceFlow::operator=(DeviceFlow&&) noexcept = default;
DeviceFlow::~DeviceFlow() = default;

void DeviceFlow::sample(const FlowRequest& request, const FlowSamples& out) const {
  check_sizes(impl_->flow, request, out);
  if (out.log_q.empty()) return;
  FlowView view = impl_->flow.view();
  view.steps = impl_->steps.data();
  view.source = impl_->source.data();
  view.weights = impl_->weights.data();
  const int tile = flow_tile(view, request.systems, request.samples, impl_->shared_limit, impl_->multiprocessors);
  DeviceBuffer<float> terms, z(out.z.size()), log_q(out.log_q.size());
  terms.upload(request.terms);
  const FlowWork work{.flow = view,
                      .terms = terms.data(),
                      .systems = request.systems,
                      .samples = request.samples,
                      .seed = request.seed,
                      .first_system = request.first_system,
                      .shared_noise = request.shared_noise,
                      .z = z.data(),
                      .log_q = log_q.data()};
  const auto blocks = static_cast<unsigned>(request.systems) * static_cast<unsigned>(flow_tiles(request.samples, tile));
  launch("flow_sample", flow_sample_kernel, {blocks, static_cast<unsigned>(tile), flow_sample_shared_bytes(view, tile)},
         work, tile);
  z.download(out.z);
  log_q.download(out.log_q);
}

}  // namespace penumbra
