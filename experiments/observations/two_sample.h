// Two-sample tests of real against simulated stars that are matched star by star: a stratum is one real star with the
// simulated ones of its magnitude and period. Values count by their rank within the stratum, so that what the strata
// differ by hides nothing and is not mistaken for a difference. If the simulations are right, any member could have
// been the real one: the distribution of a test's statistic comes from choosing another member of each stratum at
// random.
#pragma once

#include <span>
#include <vector>

#include "base/random.h"

namespace penumbra {

struct TwoSample {
  int stars = 0;             // strata with a real value
  double distance = 0.0;     // Kolmogorov and Smirnov's D; energy distance over twice the mean distance, 0 to 1
  double superiority = 0.0;  // Cliff's delta: P(real > simulated) - P(real < simulated) within a stratum; KS alone
  double p = 1.0;            // one-sided, at least 1 / (1 + permutations)
};

// strata[i][0] is the real value, the others are simulated; what is NaN is left out, and with a real one its stratum.
// D: of the real ones' ranks from all the others'.
TwoSample kolmogorov_smirnov(const std::vector<std::vector<double>>& strata, int permutations, RandomStream& random);

// strata[i][member] is a vector of numbers, all of one length; the rank of NaN is the middle. Distances are Euclidean
// (Szekely and Rizzo 2013, J. Stat. Plan. Inference 143, 1249).
TwoSample energy_distance(const std::vector<std::vector<std::vector<double>>>& strata, int permutations,
                          RandomStream& random);

}  // namespace penumbra
