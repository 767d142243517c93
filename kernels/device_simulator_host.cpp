// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/device_simulator.h"
#include "kernels/device_simulator_check.h"

namespace penumbra {

struct DeviceSimulator::Memory {};

DeviceSimulator::DeviceSimulator(const SimulatorView& simulator, const FeatureRecipe&, int, int) {
  check_resolution(simulator.options.resolution);
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}
DeviceSimulator::~DeviceSimulator() = default;
void DeviceSimulator::start(int, std::uint64_t, std::uint64_t, int, const FeatureRow&, float*) {}
void DeviceSimulator::wait(int) {}

}  // namespace penumbra
