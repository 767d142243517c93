#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/launch.h"
#include "kernels/spectrum.h"
#include "kernels/spectrum_body.h"
#include "kernels/spectrum_check.h"

namespace penumbra {
namespace {

// Two blocks a multiprocessor, which is what its shared memory holds.
__global__ void __launch_bounds__(kSpectrumThreads, 2) spectrum_kernel(const __grid_constant__ SpectrumWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  spectrum_body(block, work, static_cast<int>(blockIdx.x));
}

}  // namespace

struct DeviceEmulator::Impl {
  Emulator emulator;  // says what can be computed
  DeviceBuffer<EmulatorInput> input;
  DeviceBuffer<float> weight0, weight1, weight2, bias0, bias1, bias2;
};

DeviceEmulator::DeviceEmulator(const Emulator& emulator) {
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  int device = 0, shared_limit = 0;
  PENUMBRA_CHECK_CUDA(cudaGetDevice(&device));
  PENUMBRA_CHECK_CUDA(cudaDeviceGetAttribute(&shared_limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  impl_ = std::make_unique<Impl>();
  impl_->emulator = emulator;
  const EmulatorView net = emulator.view();
  if (spectrum_shared_bytes(net, kMaxProfileReach) > static_cast<std::size_t>(shared_limit)) {
    throw std::invalid_argument("emulator: its hidden layers do not fit in the device's shared memory");
  }
  const auto upload = [](auto& buffer, const auto* data, int rows, int columns) {
    buffer.upload({data, static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns)});
  };
  upload(impl_->input, net.input, net.inputs, 1);
  upload(impl_->weight0, net.weight0, net.inputs, net.hidden1);
  upload(impl_->weight1, net.weight1, net.hidden1, net.hidden2);
  upload(impl_->weight2, net.weight2, net.hidden2, kPixelCount);
  upload(impl_->bias0, net.bias0, net.hidden1, 1);
  upload(impl_->bias1, net.bias1, net.hidden2, 1);
  upload(impl_->bias2, net.bias2, kPixelCount, 1);
}
DeviceEmulator::DeviceEmulator(DeviceEmulator&&) noexcept = default;
DeviceEmulator& DeviceEmulator::operator=(DeviceEmulator&&) noexcept = default;
DeviceEmulator::~DeviceEmulator() = default;

void DeviceEmulator::evaluate(std::span<const Labels> labels, std::span<float> flux) const {
  check_sizes(labels, flux);
  EmulatorView net = impl_->emulator.view();
  SpectrumBatch batch = spectrum_batch(impl_->emulator, labels);
  const DeviceBuffer<Labels> stars(labels);
  const DeviceBuffer<unsigned char> computable(batch.computable);
  DeviceBuffer<float> result(flux.size());
  net.input = impl_->input.data();
  net.weight0 = impl_->weight0.data();
  net.weight1 = impl_->weight1.data();
  net.weight2 = impl_->weight2.data();
  net.bias0 = impl_->bias0.data();
  net.bias1 = impl_->bias1.data();
  net.bias2 = impl_->bias2.data();
  const int count = static_cast<int>(labels.size());
  const SpectrumWork work{net, count, batch.reach, stars.data(), computable.data(), result.data()};
  launch("spectrum", spectrum_kernel,
         {static_cast<unsigned>(spectrum_blocks(count)), kSpectrumThreads, spectrum_shared_bytes(net, batch.reach)},
         work);
  result.download(flux);
}

}  // namespace penumbra
