#include <fmt/format.h>

#include <numeric>
#include <stdexcept>

#include "kernels/prior_check.h"

namespace penumbra {

void check_accepted(std::uint64_t seed, std::uint64_t first, std::span<const PriorDraw> draws) {
  for (std::size_t i = 0; i < draws.size(); ++i) {
    if (std::accumulate(draws[i].rejected.begin(), draws[i].rejected.end(), 0) < kMaxPriorTries) continue;
    throw std::runtime_error(fmt::format("prior on the device: no draw of {} attempts was accepted (seed {}, draw {})",
                                         kMaxPriorTries, seed, first + i));
  }
}

}  // namespace penumbra
