#include "kernels/enqueue.h"
#include "kernels/launch.h"
#include "kernels/system_body.h"

namespace penumbra {
namespace {

__global__ void __launch_bounds__(kSystemThreads, 2) system_kernel(const __grid_constant__ SystemWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  system_body(block, work, static_cast<int>(blockIdx.x));
}

}  // namespace

void enqueue(const SystemWork& work, int systems, cudaStream_t stream) {
  launch("system", system_kernel,
         {static_cast<unsigned>(systems), kSystemThreads, system_shared_bytes(kSystemGroups), stream}, work);
}

}  // namespace penumbra
