// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/prior.h"

namespace penumbra {

struct DevicePrior::Tables {};

DevicePrior::DevicePrior(const PriorView&) {
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}
DevicePrior::~DevicePrior() = default;
void DevicePrior::draw(std::uint64_t, std::uint64_t, std::span<PriorDraw>) const {}

}  // namespace penumbra
