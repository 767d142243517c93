// Held-out stars and catalogue rows beside simulated ones, as tables in CSV.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/observations/real.h"
#include "experiments/observations/two_sample.h"
#include "sim/survey.h"

namespace penumbra {

struct ComparisonSettings {
  std::uint64_t seed;
  int curves_per_star;  // simulated, for each real light curve
  int errors_per_row;   // simulated, for each catalogue row
  int most_rows;        // of a band and half; a random choice of more
  int permutations;
  int threads;
};

struct NamedTest {
  std::string what, statistic;  // channel or passband; what is compared
  TwoSample result;
  double real_middle, simulated_middle;  // medians, in the statistic's unit
};

struct Comparison {
  std::vector<NamedTest> tests;
  std::string distributions;  // CSV: quantiles of each statistic, real and simulated
  std::string errors;         // CSV: quoted errors against magnitude
  std::string rows;           // CSV: each catalogue row's error, and one simulated for it
};

// banks[h]: measured without the stars of half h, which they are compared with.
Comparison compare_curves(const RealData& real, const Surveys (&banks)[kHalves], const ComparisonSettings& settings);
Comparison compare_catalogues(const RealData& real, const Surveys (&banks)[kHalves],
                              const ComparisonSettings& settings);

}  // namespace penumbra
