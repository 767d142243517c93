// Every CUDA call is checked. The message names the call, the file and the line.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "base/error.h"

namespace penumbra {

inline void check_cuda(cudaError_t error, const char* call, const char* file, int line) {
  if (error == cudaSuccess) return;
  throw EnvironmentError(std::string(file) + ":" + std::to_string(line) + ": " + call + ": " + cudaGetErrorName(error) +
                         ": " + cudaGetErrorString(error));
}

}  // namespace penumbra

#define PENUMBRA_CHECK_CUDA(call) ::penumbra::check_cuda((call), #call, __FILE__, __LINE__)
