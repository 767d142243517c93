// What two stars are relative to each other or to their orbit, in place of their two offsets from the tracks.
//
// Light curves fix the duration of the eclipses, in which (R1 + R2) / a is a factor, and Teff2 / Teff1 far better than
// what these follow from. As functions of masses, age, metallicity and the offsets their posterior is a thin curved
// sheet; here it is flat:
//   ln of the quantity as the tracks have it + deviation z_sum,
// the quantity's logarithm itself but for how a trapezoid differs from a normal distribution (.001 to .005 at one, .002
// to .01 at two deviations), and defined for all z: nothing is lost off the edge of the prior's band about the tracks.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/offset_pair.h"

namespace penumbra {

struct RelativePair {
  OffsetPair pair;
  double sign1;            // -1: the first star's offset counts against
  double on_tracks;        // ln of the quantity there
  double deviation;        // of what the offsets add
  double centre, scatter;  // of ln of the quantity in the prior, about: what makes the sum's number one near 1

  // Numbers (sum, split) of a network in place of the offsets' unit normals z1, z2, and back.
  PN_HD void from_offsets(double z1, double z2, double& sum, double& split) const {
    double z_sum;
    pair.sum_and_split(sign1 * z1, z2, z_sum, split);
    sum = (on_tracks + deviation * z_sum - centre) / scatter;
  }
  PN_HD void to_offsets(double sum, double split, double& z1, double& z2) const {
    pair.offsets((centre + scatter * sum - on_tracks) / deviation, split, z1, z2);
    z1 *= sign1;
  }
  // ln |d(sum, split) / d(z1, z2)|: two unit normals for two others, then an affine map of one of them.
  PN_HD double log_jacobian(double z1, double z2) const {
    double z_sum, z_split;
    pair.sum_and_split(sign1 * z1, z2, z_sum, z_split);
    return 0.5 * (z_sum * z_sum + z_split * z_split - z1 * z1 - z2 * z2) + std::log(deviation / scatter);
  }
};

// The duration of the primary eclipse, (R1 + R2) / a times a factor (sim/eclipse_coordinates.h), from the radii that
// the tracks have.
PN_HD inline RelativePair eclipse_duration(double radius1, double radius2, double sma, double log_factor,
                                           double tolerance) {
  const OffsetPair pair{radius1, radius2};
  return {pair, 1.0, std::log((radius1 + radius2) / sma) + log_factor, tolerance * pair.deviation(), -1.5, 0.8};
}

// Teff2 / Teff1: half the difference of the offsets is a sum of equal weights.
PN_HD inline RelativePair temperature_ratio(double teff1, double teff2, double tolerance) {
  const OffsetPair pair{1.0, 1.0};
  return {pair, -1.0, std::log(teff2 / teff1), 2.0 * tolerance * pair.deviation(), -0.2, 0.2};
}

}  // namespace penumbra
