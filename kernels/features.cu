#include "kernels/enqueue.h"
#include "kernels/features_body.h"
#include "kernels/launch.h"

namespace penumbra {
namespace {

__global__ void __launch_bounds__(kFeatureThreads, 6) features_kernel(const __grid_constant__ FeatureWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  features_body(block, work, static_cast<int>(blockIdx.x));
}

}  // namespace

void enqueue(const FeatureWork& work, int systems, cudaStream_t stream) {
  launch("features", features_kernel,
         {static_cast<unsigned>(systems), kFeatureThreads, features_shared_bytes(work.recipe.layout), stream}, work);
}

}  // namespace penumbra
