#include "experiments/observations/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/observation.h"
#include "sim/space_mission.h"

namespace penumbra {
namespace {

constexpr std::size_t kFewestPairs = 30;
constexpr double kMadToSigma = 1.4826;
constexpr double kEclipsed = 0.25;  // quoted errors count where the flux is within so much of its median

// log10 of the robust scatter of a - b over its quoted error, from pairs of points.
class PairScatter {
 public:
  void add(const Curve& c, std::size_t a, std::size_t b) {
    ratios_.push_back(std::abs(c.flux[a] - c.flux[b]) / std::hypot(c.sigma[a], c.sigma[b]));
  }
  double log_scatter() const {
    return ratios_.size() < kFewestPairs ? kMissing : std::log10(kMadToSigma * quantile_of(ratios_, 0.5));
  }

 private:
  std::vector<double> ratios_;
};

std::vector<double> sorted_phases(const std::vector<double>& time_day, double period_day) {
  std::vector<double> phase;
  for (const double t : time_day) phase.push_back(fold_phase(t / period_day));
  std::ranges::sort(phase);
  return phase;
}

double largest_phase_gap(const std::vector<double>& time_day, double period_day) {
  const std::vector<double> phase = sorted_phases(time_day, period_day);
  double gap = phase.front() + 1.0 - phase.back();
  for (std::size_t i = 1; i < phase.size(); ++i) gap = std::max(gap, phase[i] - phase[i - 1]);
  return gap;
}

double share_of_bins(const std::vector<double>& time_day, double period_day, int bins) {
  std::vector<bool> filled(static_cast<std::size_t>(bins), false);
  for (const double t : time_day) filled[static_cast<std::size_t>(fold_phase(t / period_day) * bins)] = true;
  return static_cast<double>(std::ranges::count(filled, true)) / bins;
}

double across_visits(const Curve& curve, const Folding& folding) {
  constexpr double kReachPhase = 0.002, kReachDay = 1.5;
  PairScatter scatter;
  std::vector<std::size_t> order(curve.time_day.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<double> position = curve.time_day;
  if (folding.own) {
    for (double& t : position) t = fold_phase(t / folding.period_day);
    std::ranges::sort(order, {}, [&](std::size_t i) { return position[i]; });
  }
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::size_t a = order[i - 1], b = order[i];
    if (position[b] - position[a] < (folding.own ? kReachPhase : kReachDay) &&
        std::abs(curve.time_day[b] - curve.time_day[a]) > kVisitGapDay) {
      scatter.add(curve, a, b);
    }
  }
  return scatter.log_scatter();
}

// What both kinds of light curve have.
Statistics measure_any(const Curve& curve, const Folding& folding) {
  Statistics s;
  s.fill(kMissing);
  const std::vector<double>& t = curve.time_day;
  std::vector<double> night_gaps, errors;
  for (std::size_t i = 0; i < t.size(); ++i) {
    if (std::abs(curve.flux[i] - 1.0) < kEclipsed) errors.push_back(curve.sigma[i]);
  }
  for (std::size_t i = 1; i < t.size(); ++i) {
    if (t[i] - t[i - 1] > kNightGapDay) night_gaps.push_back(t[i] - t[i - 1]);
  }
  s[kPoints] = std::log10(static_cast<double>(t.size()));
  s[kError] = std::log10(quantile_of(errors, 0.5));
  s[kErrorSpread] = std::log10(quantile_of(errors, 0.9) / quantile_of(errors, 0.1));
  if (!night_gaps.empty()) {
    s[kNightGap] = std::log10(quantile_of(night_gaps, 0.5));
    s[kNightGap95] = std::log10(quantile_of(night_gaps, 0.95));
    s[kLongestGap] = std::log10(*std::ranges::max_element(night_gaps));
  }
  s[kSpan] = std::log10(t.back() - t.front());
  s[kPhaseBins] = 100.0 * share_of_bins(t, folding.period_day, 100);
  s[kPhaseGap] = std::log10(largest_phase_gap(t, folding.period_day));
  return s;
}

}  // namespace

double quantile_of(std::vector<double> values, double probability) {
  if (values.empty()) return kMissing;
  std::ranges::sort(values);
  const double position = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
}

Statistics measure_ground(const Curve& curve, const Folding& folding) {
  constexpr double kYearDay = 365.25;
  constexpr int kSeasonBins = 73;  // of five days
  Statistics s = measure_any(curve, folding);
  const std::vector<double>& t = curve.time_day;
  std::size_t visits = 1;
  std::vector<double> revisit_gaps;
  PairScatter in_visit;
  for (std::size_t i = 1; i < t.size(); ++i) {
    const double gap = t[i] - t[i - 1];
    if (gap <= kVisitGapDay) {
      in_visit.add(curve, i - 1, i);
      continue;
    }
    ++visits;
    if (gap <= kNightGapDay) revisit_gaps.push_back(gap);
  }
  s[kVisitPoints] = std::log10(static_cast<double>(t.size()) / static_cast<double>(visits));
  s[kRevisits] = static_cast<double>(revisit_gaps.size()) / static_cast<double>(visits);
  if (revisit_gaps.size() >= 5) s[kRevisitGap] = std::log10(quantile_of(revisit_gaps, 0.5));
  s[kEmptySeason] = 1.0 - share_of_bins(t, kYearDay, kSeasonBins);
  s[kPhaseGapNearOneDay] = std::log10(largest_phase_gap(t, folding.near_one_day));
  s[kScatter] = across_visits(curve, folding);
  s[kScatterInVisit] = in_visit.log_scatter();
  return s;
}

Statistics measure_sector(const Curve& curve, const Folding& folding) {
  Statistics s = measure_any(curve, folding);
  std::vector<double> bends;
  for (std::size_t i = 2; i < curve.flux.size(); ++i)
    bends.push_back(std::abs(curve.flux[i] - 2.0 * curve.flux[i - 1] + curve.flux[i - 2]));
  s[kScatter] = std::log10(kMadToSigma * quantile_of(bends, 0.5) / std::sqrt(6.0)) - s[kError];
  return s;
}

Curve leave_out_visits(const Curve& curve, RandomStream& random) {
  const std::size_t n = curve.time_day.size();
  std::vector<std::size_t> start;
  for (std::size_t i = 0; i < n; ++i) {
    if (i == 0 || curve.time_day[i] - curve.time_day[i - 1] > kVisitGapDay) start.push_back(i);
  }
  start.push_back(n);
  std::vector<std::size_t> visits(start.size() - 1);
  std::iota(visits.begin(), visits.end(), std::size_t{0});
  std::size_t left = n;
  std::vector<bool> out(visits.size(), false);
  for (int pool = static_cast<int>(visits.size()); left > kMaxEpochs; --pool) {
    std::swap(visits[static_cast<std::size_t>(random.below(pool))], visits[static_cast<std::size_t>(pool - 1)]);
    const std::size_t visit = visits[static_cast<std::size_t>(pool - 1)];
    out[visit] = true;
    left -= start[visit + 1] - start[visit];
  }
  Curve thin;
  for (std::size_t v = 0; v < out.size(); ++v) {
    if (out[v]) continue;
    for (std::size_t i = start[v]; i < start[v + 1]; ++i) {
      thin.time_day.push_back(curve.time_day[i]);
      thin.flux.push_back(curve.flux[i]);
      thin.sigma.push_back(curve.sigma[i]);
    }
  }
  return thin;
}

Curve average_exposures(const Curve& curve) {
  const std::size_t n = curve.time_day.size(), stretches = std::min<std::size_t>(n, kMaxEpochs);
  Curve mean;
  for (std::size_t s = 0; s < stretches; ++s) {
    const std::size_t first = s * n / stretches, end = (s + 1) * n / stretches;
    const double count = static_cast<double>(end - first);
    double time = 0.0, flux = 0.0, variance = 0.0;
    for (std::size_t i = first; i < end; ++i) {
      time += curve.time_day[i] / count;
      flux += curve.flux[i] / count;
      variance += curve.sigma[i] * curve.sigma[i] / (count * count);
    }
    mean.time_day.push_back(time);
    mean.flux.push_back(flux);
    mean.sigma.push_back(std::sqrt(variance));
  }
  return mean;
}

}  // namespace penumbra
