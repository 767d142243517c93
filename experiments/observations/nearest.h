// Real eclipsing binaries beside the simulated ones that look most like them.
//
// Light curves are folded and averaged in bins of phase. The distance of two is chi^2 a bin, with the real curve's
// errors and each channel's level free. How near the nearest of N simulated systems comes depends on the errors and on
// the eclipses, so each real binary is compared with stand-ins: those of the N whose eclipses are most like its own in
// depth, in the light that is lost, and in phase. They get its bins and its noise, and must find their nearest among
// the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/observations/compare.h"
#include "sim/simulate.h"

namespace penumbra {

struct NearestSettings {
  std::uint64_t seed;
  int library;    // simulated systems to find the nearest in
  int stand_ins;  // for each real one
  int phase_bins;
  int detections;  // simulated systems whose catalogue entries are counted
  int permutations;
  int threads;
};

struct NearestResult {
  std::string distances;         // CSV: one row a real binary
  std::string curves;            // CSV: binned light curves with the nearest simulated ones; not to be committed
  std::vector<NamedTest> tests;  // log10 of the distances, real against stand-ins: of all and of kinds of them
  int binaries = 0;
};

NearestResult find_nearest(const RealData& real, const Simulator& simulator, const NearestSettings& settings);

// Share of stars that each band lists against Gaia G: the field of M67, and simulated systems. CSV.
std::string compare_detections(const RealData& real, const Simulator& simulator, const NearestSettings& settings);

}  // namespace penumbra
