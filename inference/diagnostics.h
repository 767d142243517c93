// Is the object one that the prior describes? Three scores of the best fit (best_fit.h), and a warning for each that is
// beyond what simulated systems of the prior reach; one more where precise light curves show no variation at all.
//
// A neural posterior answers every question, also a senseless one (a contact binary, a pulsator, a wrong period). Its
// predictions then miss the data, but a network that is merely sloppy misses them too. So the exact model is fitted
// first: what no binary of the prior explains is the object's, not the network's. Hence the limits hardly depend on the
// network; bench/warning_rates.cpp measures how often they are passed, on the prior and on odd objects.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "inference/best_fit.h"

namespace penumbra {

enum Check : int { kCurveCheck = 0, kPhotometryCheck, kPriorCheck, kCheckCount };

struct CheckInfo {
  std::string_view name;     // in the printed line
  double limit;              // of the score
  std::string_view finding;  // what a larger score says
  std::string_view causes;
};

// The limits are passed by about 1 in 200 simulated systems each (docs/notes.md).
inline constexpr std::array<CheckInfo, kCheckCount> kChecks{{
    {"light curves", 1.2, "no binary of the prior has such light curves",
     "a contact or semi-detached binary, a pulsating or spotted star, third light, a wrong period or epoch"},
    {"photometry", 1.5, "no binary of the prior that has such light curves has this photometry and parallax",
     "photometry or a parallax of another star, or a third star in it"},
    {"prior", 25.0, "the best binary is in the far tail of the prior",
     "an evolved or otherwise unusual star, or no eclipses at all"},
}};

struct Diagnostics {
  BestFit fit;
  std::array<double, kCheckCount> scores;
  std::vector<std::string> warnings;
};

// Light curves: serial correlation of the binned residuals r of all curves, sum of r_b r_{b+1} (each within +-5) over
// the square root of their number: a unit normal where they are independent, smaller where they are below the error
// floor. Photometry: (chi^2 - N) / sqrt(2 N), each residual within +-5. Prior: |z|^2 - 2 ln(soft barriers).
std::array<double, kCheckCount> score(const BestFit& fit);

bool within_limits(const std::array<double, kCheckCount>& scores);

// A light curve whose phase bins are better than this, relative to its flux, shows nearly all eclipses of the prior:
// 1 in 100 simulated systems has such curves, and none of them varies.
inline constexpr double kPreciseBins = 0.002;
// A light curve varies where the score of its deviations from a constant is larger; noise alone gives a unit normal.
inline constexpr double kVariation = 2.0;

// Whether a light curve is that precise and no light curve varies.
bool looks_constant(const Observation& observation);

Diagnostics diagnose(BestFit fit, const Observation& observation);

}  // namespace penumbra
