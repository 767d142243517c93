// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/spectrum.h"

namespace penumbra {

struct DeviceEmulator::Impl {};

DeviceEmulator::DeviceEmulator(const Emulator&) {
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}
DeviceEmulator::DeviceEmulator(DeviceEmulator&&) noexcept = default;
DeviceEmulator& DeviceEmulator::operator=(DeviceEmulator&&) noexcept = default;
DeviceEmulator::~DeviceEmulator() = default;

void DeviceEmulator::evaluate(std::span<const Labels>, std::span<float>) const {}

}  // namespace penumbra
