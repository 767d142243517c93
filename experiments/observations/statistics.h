// What a light curve tells about how its survey works: numbers that a real and a simulated star have in common.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace penumbra {

// One star in one channel, in order of time. Fluxes are relative to the median; quoted errors to the flux itself.
struct Curve {
  std::vector<double> time_day, flux, sigma;
};

enum Statistic : int {
  kPoints = 0,
  kError,
  kErrorSpread,
  kVisitPoints,
  kRevisits,
  kRevisitGap,
  kNightGap,
  kNightGap95,
  kLongestGap,
  kEmptySeason,
  kSpan,
  kPhaseBins,
  kPhaseGap,
  kPhaseGapNearOneDay,
  kScatter,
  kScatterInVisit,
  kStatisticCount,
};

struct StatisticInfo {
  std::string_view name;   // in tables
  std::string_view label;  // in figures
  bool logarithmic;        // its log10 is what is kept
  bool from_space;         // says something about a TESS sector too
};

// A visit ends where the next point is later than this; nights are half a day apart.
inline constexpr double kVisitGapDay = 0.02, kNightGapDay = 0.5;

inline constexpr std::array<StatisticInfo, kStatisticCount> kStatistics{{
    {"points", "points", true, true},
    {"error", "median quoted error", true, true},
    {"error_spread", "90% over 10% of quoted errors", true, true},
    {"visit_points", "points a visit", true, false},
    {"revisits", "share of visits with another that night", false, false},
    {"revisit_gap", "median gap within a night [d]", true, false},
    {"night_gap", "median gap between nights [d]", true, true},
    {"night_gap_95", "95% of the gaps between nights [d]", true, false},
    {"longest_gap", "longest gap [d]", true, true},
    {"empty_season", "share of the year without points", false, false},
    {"span", "time from first to last point [d]", true, true},
    {"phase_bins", "phase bins filled, of 100", false, true},
    {"phase_gap", "largest gap in phase", true, true},
    {"phase_gap_near_1d", "the same at a period near 1 d", true, false},
    {"scatter", "scatter over quoted error", true, true},
    {"scatter_in_visit", "the same within visits", true, false},
}};

using Statistics = std::array<double, kStatisticCount>;  // NaN: too few points to tell

// How a star is folded. The scatter is that between neighbours from different visits: in phase where the period is the
// star's own, so that its variation does not count, in time otherwise.
struct Folding {
  double period_day;
  bool own;
  double near_one_day;  // a period that aliases with the day
};

Statistics measure_ground(const Curve& curve, const Folding& folding);
// A sector: the scatter is that of second differences, in which the star's own change cancels to first order.
Statistics measure_sector(const Curve& curve, const Folding& folding);

// At most kMaxEpochs points, as simulated light curves have them: visits left out at random; from space means over as
// many stretches of exposures, with the error that white noise would leave.
Curve leave_out_visits(const Curve& curve, RandomStream& random);
Curve average_exposures(const Curve& curve);

// Value at a share of the sorted values, linear between neighbours; NaN of nothing. Reorders.
double quantile_of(std::vector<double> values, double probability);

}  // namespace penumbra
