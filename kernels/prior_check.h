// What follows every backend's draws.
#pragma once

#include <cstdint>
#include <span>

#include "sim/prior_view.h"

namespace penumbra {

// std::runtime_error naming the first draw that kMaxPriorTries did not give.
void check_accepted(std::uint64_t seed, std::uint64_t first, std::span<const PriorDraw> draws);

}  // namespace penumbra
