#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/extinction.h"
#include "kernels/extinction_body.h"
#include "kernels/extinction_check.h"
#include "kernels/launch.h"

namespace penumbra {
namespace {

// Eight blocks a multiprocessor: left to itself ptxas takes 48 registers for sm_90, and spills.
__global__ void __launch_bounds__(kExtinctionTile, 8) extinction_kernel(ExtinctionWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  extinction_body(block, work, static_cast<int>(blockIdx.x));
}

}  // namespace

void extinguish_on_device(const ExtinctionInput& input, std::span<double> factor) {
  check_sizes(input, factor);
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  const DeviceBuffer<int> start(input.bands.start);
  const DeviceBuffer<double> weight(input.bands.weight), log_wavelength(input.bands.log_wavelength),
      curve(input.bands.curve), ebv(input.ebv), exponent(input.exponent);
  DeviceBuffer<double> result(factor.size());
  const int systems = static_cast<int>(input.ebv.size()), bands = input.bands.band_count();
  const ExtinctionWork work{systems,
                            bands,
                            start.data(),
                            weight.data(),
                            log_wavelength.data(),
                            curve.data(),
                            ebv.data(),
                            input.exponent.empty() ? nullptr : exponent.data(),
                            result.data()};
  launch("extinction", extinction_kernel,
         {static_cast<unsigned>(extinction_blocks(systems, bands)), kExtinctionTile, extinction_shared_bytes()}, work);
  result.download(factor);
}

}  // namespace penumbra
