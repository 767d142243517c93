#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/device_tables.h"
#include "kernels/launch.h"
#include "kernels/prior.h"
#include "kernels/prior_body.h"
#include "kernels/prior_check.h"

namespace penumbra {
namespace {

__global__ void __launch_bounds__(kPriorThreads) prior_kernel(const __grid_constant__ PriorWork work) {
  DeviceBlock block(nullptr);
  prior_body(block, work, static_cast<long>(blockIdx.x));
}

}  // namespace

struct DevicePrior::Tables {
  DeviceTables arrays;
  PriorView prior;
  explicit Tables(const PriorView& from) : prior(arrays.copy(from)) {}
};

DevicePrior::DevicePrior(const PriorView& prior) {
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  tables_ = std::make_unique<Tables>(prior);
}
DevicePrior::~DevicePrior() = default;

void DevicePrior::draw(std::uint64_t seed, std::uint64_t first, std::span<PriorDraw> draws) const {
  const long count = static_cast<long>(draws.size());
  DeviceBuffer<PriorDraw> result(draws.size());
  const PriorWork work{tables_->prior, seed, first, count, result.data()};
  launch("prior", prior_kernel, {static_cast<unsigned>(prior_blocks(count)), kPriorThreads}, work);
  result.download(draws);
  check_accepted(seed, first, draws);
}

}  // namespace penumbra
