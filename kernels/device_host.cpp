// Built where there is no nvcc.
#include "kernels/device.h"

namespace penumbra {

bool cuda_device_available(std::string* why) {
  if (why != nullptr) *why = "this program was built without CUDA";
  return false;
}

}  // namespace penumbra
