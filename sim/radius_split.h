// The two radii of a binary as an eclipse sees them: their sum, and how it is split.
//
// The prior draws each star's radius about its track's, R_k = t_k (1 + d_k), with d_k uniform in +-tolerance
// (sim/prior.h). At a given excess of the sum, D = R1 + R2 - t1 - t2 = t1 d1 + t2 d2, d1 is uniform between
//   low = max(-tolerance, (D - tolerance t2) / t1)  and  high = min(tolerance, (D + tolerance t2) / t1),
// so that the split u = (d1 - low) / (high - low) is uniform in (0, 1) whatever D is.
#pragma once

#include "base/host_device.h"

namespace penumbra {

struct RadiusSplit {
  double track[2];   // Rsun
  double excess;     // D, Rsun
  double low, high;  // of d1; low >= high: so large an excess is outside the prior

  PN_HD RadiusSplit(double track1, double track2, double sum_excess, double tolerance)
      : track{track1, track2}, excess(sum_excess) {
    const double least = (excess - tolerance * track2) / track1, most = (excess + tolerance * track2) / track1;
    low = least > -tolerance ? least : -tolerance;
    high = most < tolerance ? most : tolerance;
  }
  PN_HD bool possible() const { return low < high; }
  PN_HD double split(double offset1) const { return (offset1 - low) / (high - low); }
  PN_HD double offset1(double split) const { return low + (high - low) * split; }
  PN_HD double offset2(double offset1) const { return (excess - track[0] * offset1) / track[1]; }
};

}  // namespace penumbra
