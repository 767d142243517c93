// Kernel launches: named, checked, and in a debug build waited for, so that an error is reported where it was made.
#pragma once

#include <cstddef>
#include <string>

#include "kernels/check.h"

namespace penumbra {

struct LaunchShape {
  unsigned blocks;
  unsigned threads;
  std::size_t shared_bytes = 0;
  cudaStream_t stream = nullptr;
};

inline void check_launch(cudaError_t error, const char* name, const char* when) {
  if (error == cudaSuccess) return;
  throw EnvironmentError(std::string("kernel ") + name + ": " + when + ": " + cudaGetErrorName(error) + ": " +
                         cudaGetErrorString(error));
}

template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape, Arguments&&... arguments) {
  if (shape.blocks == 0) return;
  // Above 48 KiB dynamic shared memory must be asked for.
  check_launch(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shape.shared_bytes)),
               name, "shared memory");
  kernel<<<shape.blocks, shape.threads, shape.shared_bytes, shape.stream>>>(arguments...);
  check_launch(cudaGetLastError(), name, "launch");
#if !defined(NDEBUG)
  check_launch(cudaStreamSynchronize(shape.stream), name, "execution");
#endif
}

}  // namespace penumbra
