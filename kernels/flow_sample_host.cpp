// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/flow_sample.h"
#include "kernels/flow_sample_check.h"

namespace penumbra {

struct DeviceFlow::Impl {};

DeviceFlow::DeviceFlow(const PackedFlow&) {
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}
DeviceFlow::DeviceFlow(DeviceFlow&&) noexcept = default;
DeviceFlow& DeviceFlow::operator=(DeviceFlow&&) noexcept = default;
DeviceFlow::~DeviceFlow() = default;

void DeviceFlow::sample(const FlowRequest&, const FlowSamples&) const {}

}  // namespace penumbra
