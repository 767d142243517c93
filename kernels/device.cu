#include <cuda_runtime.h>

#include "kernels/device.h"

namespace penumbra {

bool cuda_device_available(std::string* why) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return true;
  if (error != cudaSuccess) cudaGetLastError();  // not to be reported by the next launch
  if (why != nullptr) *why = error == cudaSuccess ? "the machine has no CUDA device" : cudaGetErrorString(error);
  return false;
}

}  // namespace penumbra
