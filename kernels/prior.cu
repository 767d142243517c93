#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
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

// The arrays behind a PriorView, and the view of the copies.
struct DevicePrior::Tables {
  std::vector<DeviceBuffer<double>> doubles;
  std::vector<DeviceBuffer<float>> floats;
  std::vector<DeviceBuffer<int>> integers;
  DeviceBuffer<long> row_offset;
  PriorView prior;

  const double* copy(const double* values, int count) { return add(doubles, values, static_cast<std::size_t>(count)); }
  const float* copy(const float* values, long count) { return add(floats, values, static_cast<std::size_t>(count)); }
  const int* copy(const int* values, int count) { return add(integers, values, static_cast<std::size_t>(count)); }

  template <class T>
  static const T* add(std::vector<DeviceBuffer<T>>& buffers, const T* values, std::size_t count) {
    return buffers.emplace_back(std::span<const T>(values, count)).data();
  }

  explicit Tables(const PriorView& from) : prior(from) {
    for (QuantileView* table : {&prior.log_msum, &prior.logit_q, &prior.logit_age, &prior.feh, &prior.logit_rsum}) {
      table->y = copy(table->y, kQuantileNodes);
      table->slope = copy(table->slope, kQuantileNodes);
    }
    DustView& dust = prior.dust;
    dust.log_distance = copy(dust.log_distance, dust.z_count);
    dust.log_ebv = copy(dust.log_ebv, dust.z_count * dust.z_count);
    TrackView& tracks = prior.tracks;
    const int cells = tracks.feh_count * tracks.age_count;
    tracks.feh_axis = copy(tracks.feh_axis, tracks.feh_count);
    tracks.log_age_axis = copy(tracks.log_age_axis, tracks.age_count);
    tracks.first_eep = copy(tracks.first_eep, cells);
    tracks.eep_count = copy(tracks.eep_count, cells);
    row_offset.upload(std::span<const long>(tracks.row_offset, static_cast<std::size_t>(cells)));
    tracks.row_offset = row_offset.data();
    tracks.mass_msun = copy(tracks.mass_msun, tracks.row_count);
    tracks.log_teff = copy(tracks.log_teff, tracks.row_count);
    tracks.log_radius = copy(tracks.log_radius, tracks.row_count);
  }
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
