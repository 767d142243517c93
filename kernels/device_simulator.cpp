#include <fmt/format.h>

#include <stdexcept>

#include "kernels/device_simulator_check.h"
#include "sim/phase_curve.h"
#include "sim/simulator_view.h"

namespace penumbra {

void check_resolution(const Resolution& resolution) {
  if (!valid_request(kPassbandCount, resolution))
    throw std::invalid_argument("DeviceSimulator: resolution is outside its bounds");
  if (resolution.heat_maps)
    throw std::invalid_argument("DeviceSimulator: resolution.heat_maps: only the host makes them");
}

bool all_made(std::uint64_t seed, std::uint64_t first, std::span<const Status> status, std::span<const int> attempt) {
  bool all = true;
  for (std::size_t i = 0; i < status.size(); ++i) {
    if (status[i] == Status::kOk) continue;
    all = false;
    if (attempt[i] < kMaxAttempts) continue;
    throw std::runtime_error(fmt::format("simulation on the device: no system {} of seed {}: {} in the last attempt",
                                         first + i, seed, kStatusNames[static_cast<std::size_t>(status[i])]));
  }
  return all;
}

}  // namespace penumbra
