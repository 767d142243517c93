// Real eclipsing binaries beside the simulated ones that look most like them.
//
// Light curves are folded and averaged in bins of phase. The distance of two is chi^2 a bin, with the real curve's
// errors and each channel's level free. How near the nearest of N simulated systems comes depends on the errors and on
// the eclipses, so each real binary is compared with simulated ones that are not among the N, have eclipses of similar
// depth and light lost, and get its bins and its noise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/observations/real.h"
#include "experiments/observations/two_sample.h"
#include "sim/simulate.h"

namespace penumbra {

struct NearestSettings {
  std::uint64_t seed;
  int library;    // simulated systems to find the nearest in
  int held_out;   // simulated systems to choose from as stand-ins of a real one
  int stand_ins;  // for each real one
  int phase_bins;
  int permutations;
  int threads;
};

struct NearestResult {
  std::string distances;  // CSV: one row a real binary
  std::string curves;     // CSV: binned light curves with the nearest simulated ones: observations, not to be committed
  TwoSample test;         // log10 of the distances, real against stand-ins
  int binaries = 0;
};

NearestResult find_nearest(const RealData& real, const Simulator& simulator, const NearestSettings& settings);

// Share of stars that each band lists against Gaia G: the field of M67, and simulated systems. CSV.
std::string compare_detections(const RealData& real, const Simulator& simulator, const NearestSettings& settings);

}  // namespace penumbra
