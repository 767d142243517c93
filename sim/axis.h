// Where a value lies on a table's axis.
#pragma once

#include "base/host_device.h"

namespace penumbra {

// Index i of the interval axis[i] <= x < axis[i + 1] (the last one includes its end), or -1 outside or for NaN. The
// axis increases; count >= 2.
PN_HD inline int find_interval(const double* axis, int count, double x) {
  if (!(x >= axis[0] && x <= axis[count - 1])) return -1;
  int low = 0, high = count - 1;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (axis[middle] <= x ? low : high) = middle;
  }
  return low;
}

}  // namespace penumbra
