// What precedes and follows every backend's simulations.
#pragma once

#include <cstdint>
#include <span>

#include "sim/binary.h"
#include "sim/status.h"

namespace penumbra {

// std::invalid_argument where it is outside its bounds or asks for heat maps.
void check_resolution(const Resolution& resolution);

// After the chain has run: whether every system's status is kOk. If not, it is to run again with these attempts, [B].
// std::runtime_error naming a system that no attempt gives.
bool all_made(std::uint64_t seed, std::uint64_t first, std::span<const Status> status, std::span<const int> attempt);

}  // namespace penumbra
