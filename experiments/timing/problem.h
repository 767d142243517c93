// The systems that every method of this experiment has to answer, as our samplers and as the peers read them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/object_file.h"
#include "sim/simulate.h"

namespace penumbra {

struct Problem {
  std::uint64_t index;  // in the stream
  Simulation simulation;
  std::size_t points = 0;  // of all light curves
  Object object() const;
};

struct ProblemLimits {
  std::size_t count = 3, most_points = 2000;
  double least_signal = 100.0;  // sum over all points of (variation of the clean curve / error)^2, square root
};

// The first systems of the stream `seed` that have at least two light curves, variation that is seen, both stars well
// inside their Roche lobes ((R1 + R2) / a < .4: ellc's domain as well as ours), and not too many points for the peers.
std::vector<Problem> choose_problems(const Simulator& simulator, std::uint64_t seed, const ProblemLimits& limits);

// What bench-like peers need, as JSON: the folded light curves, our clean model of each at the truth (of median 1),
// and the true system in ellc's and in PHOEBE's terms: for each channel the ratio of the discs' mean brightnesses, and
// for each star Claret's four limb-darkening coefficients and d ln I / d ln g by gravity darkening.
std::string to_json(const Problem& problem, const Simulator& simulator);

}  // namespace penumbra
