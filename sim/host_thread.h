// One host thread as the block of phase_curve.h.
#pragma once

#include <algorithm>

#include "sim/lanes.h"

namespace penumbra {

struct HostThread {
  template <class Function>
  void for_each(int count, Function&& function) {
    for (int i = 0; i < count; ++i) function(i);
  }
  template <class Function>
  PN_INLINE void for_each_group(int count, Function&& function) {
    for (int i = 0; i < count; ++i) function(HostLanes{}, i);
  }
  template <class Function>
  int largest(int count, Function&& function) {
    int most = function(0);
    for (int i = 1; i < count; ++i) most = std::max(most, function(i));
    return most;
  }
};

}  // namespace penumbra
