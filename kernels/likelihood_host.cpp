// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/likelihood.h"

namespace penumbra {

struct DeviceLikelihood::Memory {};

DeviceLikelihood::DeviceLikelihood(const SimulatorView&, const Observed&) {
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}
DeviceLikelihood::~DeviceLikelihood() = default;
void DeviceLikelihood::evaluate(std::span<const Theta>, std::span<double>) {}

}  // namespace penumbra
