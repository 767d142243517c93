#include <stdexcept>
#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/enqueue.h"
#include "kernels/launch.h"
#include "kernels/simulate.h"
#include "kernels/simulate_body.h"
#include "kernels/simulate_check.h"

namespace penumbra {
namespace {

__global__ void __launch_bounds__(kSimulateThreads, kSimulateBlocks)
    simulate_kernel(const __grid_constant__ SimulateView view) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  simulate_body(block, view, static_cast<int>(blockIdx.x));
}

}  // namespace

void enqueue(const SimulateView& view, int systems, cudaStream_t stream) {
  const std::size_t shared =
      simulate_shared_bytes(view.resolution, view.curve_band_count, view.sed_band_count, kSimulateGroups);
  int device = 0, shared_limit = 0;
  PENUMBRA_CHECK_CUDA(cudaGetDevice(&device));
  PENUMBRA_CHECK_CUDA(cudaDeviceGetAttribute(&shared_limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  if (shared > static_cast<std::size_t>(shared_limit)) {
    throw std::invalid_argument("simulate_on_device: " + std::to_string(view.curve_band_count) +
                                " light-curve bands at this resolution take " + std::to_string(shared) +
                                " bytes of shared memory a block, and the device has " + std::to_string(shared_limit));
  }
  launch("simulate", simulate_kernel, {static_cast<unsigned>(systems), kSimulateThreads, shared, stream}, view);
}

void simulate_on_device(const SimulateInput& input, const SimulateOutput& output) {
  check_sizes(input, output);
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  const DeviceBuffer<System> systems(input.systems);
  const DeviceBuffer<StarBand> curve_bands(input.curve_bands), sed_bands(input.sed_bands);
  const DeviceBuffer<int> epoch_start(input.epoch_start);
  const DeviceBuffer<double> phase(input.phase), exposure(input.exposure);
  const DeviceBuffer<double> curve_third_light(input.curve_third_light), sed_third_light(input.sed_third_light);
  const DeviceBuffer<GaussTable> gauss(std::span<const GaussTable>(&gauss_table(), 1));
  DeviceBuffer<double> flux(output.flux.size()), sed(output.sed.size());
  DeviceBuffer<Status> status(output.status.size());
  const SimulateView view{static_cast<int>(input.systems.size()),
                          input.curve_band_count,
                          input.sed_band_count,
                          systems.data(),
                          curve_bands.data(),
                          sed_bands.data(),
                          epoch_start.data(),
                          phase.data(),
                          exposure.data(),
                          gauss.data(),
                          input.resolution,
                          input.effects,
                          input.curve_third_light.empty() ? nullptr : curve_third_light.data(),
                          input.sed_third_light.empty() ? nullptr : sed_third_light.data(),
                          flux.data(),
                          sed.data(),
                          status.data()};
  enqueue(view, view.system_count, nullptr);
  flux.download(output.flux);
  sed.download(output.sed);
  status.download(output.status);
}

}  // namespace penumbra
