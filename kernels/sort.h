// Sorting by the threads of a block.
#pragma once

#include <cmath>

#include "base/host_device.h"

namespace penumbra {

// Elements that sort_ascending needs room for: the next power of two.
PN_HD constexpr int sort_room(int count) {
  int room = 1;
  while (room < count) room *= 2;
  return room;
}

// Puts values[0 .. count - 1], none NaN, in ascending order; behind them `values` has room for sort_room(count). A
// bitonic network (Batcher 1968, AFIPS 32, 307): which pairs it compares does not depend on the values, so threads
// never wait for one another within a step.
template <class Block>
PN_INLINE void sort_ascending(const Block& block, double* values, int count) {
  const int room = sort_room(count);
  block.for_each(room - count, [&](int i) { values[count + i] = HUGE_VAL; });
  for (int run = 2; run <= room; run *= 2) {
    for (int stride = run / 2; stride > 0; stride /= 2) {
      block.for_each(room / 2, [&](int pair) {
        const int low = 2 * pair - (pair & (stride - 1)), high = low + stride;
        const double a = values[low], b = values[high];
        const bool ascends = (low & run) == 0;
        if ((a > b) == ascends) {
          values[low] = b;
          values[high] = a;
        }
      });
    }
  }
}

}  // namespace penumbra
