// A prior with its tables, and the comparison with its own draws, for the tests of the prior kernel.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "sim/constants.h"
#include "sim/prior.h"

namespace penumbra {

inline const std::filesystem::path kTrackTable = PENUMBRA_SOURCE_DIR "/data/tables/tracks.h5";

struct PriorDraws {
  TrackGrid tracks = TrackGrid::load(kTrackTable);
  DustPrior dust = DustPrior::analytic();

  Prior prior(const PriorSpec& spec) const { return Prior(spec, tracks.view(), dust.view()); }

  // Of each draw, the largest difference of theta and z from those that the prior draws, over the larger of 1 and the
  // value; in ascending order. INFINITY where a try was judged otherwise. omega is periodic.
  static std::vector<double> differences(const Prior& prior, std::uint64_t seed, std::uint64_t first,
                                         const std::vector<PriorDraw>& draws) {
    std::vector<double> all;
    for (std::size_t i = 0; i < draws.size(); ++i) {
      const PriorDraw expected = prior.draw(seed, first + i);
      double largest = draws[i].rejected == expected.rejected ? 0.0 : INFINITY;
      for (std::size_t p = 0; p < kParameterCount; ++p) {
        double theta = draws[i].theta[p] - expected.theta[p];
        if (p == kOmega) theta = std::remainder(theta, kTwoPi);
        theta /= std::fmax(1.0, std::abs(expected.theta[p]));
        const double z = (draws[i].z[p] - expected.z[p]) / std::fmax(1.0, std::abs(expected.z[p]));
        const double difference = std::fmax(std::abs(theta), std::abs(z));
        if (!(difference <= largest)) largest = std::isnan(theta + z) ? INFINITY : difference;
      }
      all.push_back(largest);
    }
    std::sort(all.begin(), all.end());
    return all;
  }
};

}  // namespace penumbra
