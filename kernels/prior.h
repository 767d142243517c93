// Draws of the prior on a GPU: sim/prior_view.h, one thread a draw.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "sim/prior_view.h"

namespace penumbra {

// A copy of the prior's tables in the device's memory.
class DevicePrior {
 public:
  // Throws EnvironmentError where there is no device or it fails. What `prior` views may go afterwards.
  explicit DevicePrior(const PriorView& prior);
  ~DevicePrior();
  DevicePrior(const DevicePrior&) = delete;
  DevicePrior& operator=(const DevicePrior&) = delete;

  // draws[i] is Prior::draw(seed, first + i): the same decisions, and theta and z within 1e-12 (of the larger of 1
  // and the value) but for one draw in a thousand, of steep parts of the tracks, and that within 1e-9. Throws
  // std::runtime_error as Prior::draw does, EnvironmentError where the device fails.
  void draw(std::uint64_t seed, std::uint64_t first, std::span<PriorDraw> draws) const;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace penumbra
