#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "base/parallel.h"
#include "base/progress.h"
#include "experiments/observations/compare.h"
#include "sim/constants.h"
#include "sim/space_mission.h"

namespace penumbra {
namespace {

constexpr int kPoolFactor = 8;        // candidates for a simulated curve that is kept
constexpr double kSectorDay = 27.95;  // the longest sector, from first to last exposure
constexpr int kDistributionNodes = 41;

// Times of a simulated light curve: what `schedule` folds on a period longer than any survey is still in order, once
// the circle is cut at its widest gap.
Curve in_time(const LightCurve& folded, double period_day) {
  const std::size_t n = folded.phase.size();
  std::size_t cut = 0;
  double widest = folded.phase.front() + 1.0 - folded.phase.back();
  for (std::size_t i = 1; i < n; ++i) {
    if (folded.phase[i] - folded.phase[i - 1] > widest) {
      widest = folded.phase[i] - folded.phase[i - 1];
      cut = i;
    }
  }
  Curve curve;
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t i = (cut + k) % n;
    curve.time_day.push_back(fold_phase(folded.phase[i] - folded.phase[cut]) * period_day);
    curve.flux.push_back(folded.flux[i]);
    curve.sigma.push_back(folded.sigma[i]);
  }
  return curve;
}

// A star without variation, of the real star's magnitude, seen through the channel alone. From space: one sector in the
// same exposures.
Curve simulate_constant(const Surveys& surveys, int channel, const RealStar& star, RandomStream& random) {
  constexpr double kLongPeriodDay = 1e5;
  constexpr int kMaxAttempts = 10000;
  const auto c = static_cast<std::size_t>(channel);
  Apparent apparent;
  apparent.magnitude.fill(kMissing);
  apparent.magnitude[kChannels[c].passband] = star.magnitude;
  System system{};
  system.distance_pc = 100.0;
  std::array<double, kPassbandCount> no_sed;
  no_sed.fill(kMissing);
  Observation observation;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    surveys.schedule(apparent, kLongPeriodDay, random, observation);
    LightCurve& curve = observation.light_curves[c];
    if (curve.phase.size() < 2) continue;
    if (channel == kTessChannel && std::abs(curve.exposure_day / star.exposure_day - 1.0) > 0.01) continue;
    for (LightCurve& other : observation.light_curves) {
      if (&other != &curve) other.clear();
    }
    curve.flux.assign(curve.phase.size(), 1.0);
    surveys.observe(system, apparent, no_sed.data(), random, observation);
    Curve times = in_time(curve, kLongPeriodDay);
    if (channel == kTessChannel && times.time_day.back() - times.time_day.front() > kSectorDay) continue;
    return times;
  }
  throw std::runtime_error(fmt::format("simulate_constant: no {} light curve of {} mag in {} attempts",
                                       kChannels[c].name, star.magnitude, kMaxAttempts));
}

// The star's own period, or one from .5 to 30 d; and one within a hundredth of a day.
Folding folding_of(const RealStar& star, RandomStream& random) {
  const double drawn = 0.5 * std::pow(60.0, random.uniform());
  const double near_one_day = 0.99 + 0.02 * random.uniform();
  const bool own = std::isfinite(star.period_day);
  return {own ? star.period_day : drawn, own, near_one_day};
}

// statistics[0]: the real star; then the simulated ones. `schedule` draws stars in proportion to their number of
// points, as the paper does; the real ones come once each, so simulated ones are kept in inverse proportion.
std::vector<Statistics> measure_stratum(const Surveys& surveys, int channel, const RealStar& star, int count,
                                        RandomStream random) {
  const bool space = channel == kTessChannel;
  const Folding folding = folding_of(star, random);
  const auto measure = [&](const Curve& curve) {
    return space ? measure_sector(curve, folding) : measure_ground(curve, folding);
  };
  std::vector<Statistics> statistics{
      measure(space ? average_exposures(star.curve) : leave_out_visits(star.curve, random))};
  std::vector<Curve> pool(static_cast<std::size_t>(space ? count : kPoolFactor * count));
  std::vector<double> key;  // the smallest of exponential numbers with rates 1 / n: a choice weighted by 1 / n
  for (Curve& curve : pool) {
    curve = simulate_constant(surveys, channel, star, random);
    key.push_back(-std::log(random.uniform()) * static_cast<double>(curve.time_day.size()));
  }
  std::vector<std::size_t> order(pool.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return key[i]; });
  order.resize(static_cast<std::size_t>(count));
  for (const std::size_t i : order) statistics.push_back(measure(pool[i]));
  return statistics;
}

bool applies(int channel, std::size_t statistic) {
  return channel != kTessChannel || kStatistics[statistic].from_space;
}

double natural(std::size_t statistic, double value) {
  return kStatistics[statistic].logarithmic ? std::pow(10.0, value) : value;
}

using Strata = std::vector<std::vector<Statistics>>;

void test_channel(int channel, const Strata& strata, const ComparisonSettings& settings, Comparison& out) {
  const std::string name(kChannels[static_cast<std::size_t>(channel)].name);
  RandomStream random(settings.seed, (1u << 20) + static_cast<unsigned>(channel), Stage::kTest);
  std::vector<std::vector<std::vector<double>>> vectors(strata.size());
  for (std::size_t i = 0; i < strata.size(); ++i) vectors[i].resize(strata[i].size());
  for (std::size_t s = 0; s < kStatisticCount; ++s) {
    if (!applies(channel, s)) continue;
    std::vector<std::vector<double>> values(strata.size());
    std::vector<double> real, simulated;
    for (std::size_t i = 0; i < strata.size(); ++i) {
      for (std::size_t m = 0; m < strata[i].size(); ++m) {
        const double value = strata[i][m][s];
        values[i].push_back(value);
        vectors[i][m].push_back(value);
        if (std::isfinite(value)) (m == 0 ? real : simulated).push_back(natural(s, value));
      }
    }
    const TwoSample result = kolmogorov_smirnov(values, settings.permutations, random);
    out.tests.push_back(
        {name, std::string(kStatistics[s].name), result, quantile_of(real, 0.5), quantile_of(simulated, 0.5)});
    for (int k = 0; k < kDistributionNodes && !real.empty() && !simulated.empty(); ++k) {
      const double p = static_cast<double>(k) / (kDistributionNodes - 1);
      out.distributions += fmt::format("{},{},{:.4f},{:.5g},{:.5g}\n", name, kStatistics[s].name, p,
                                       quantile_of(real, p), quantile_of(simulated, p));
    }
  }
  out.tests.push_back({name, "all", energy_distance(vectors, settings.permutations, random), kMissing, kMissing});
}

// Quoted errors of the real curves, and of simulated ones at the same magnitudes.
void list_errors(int channel, const std::vector<RealStar>& stars, const Strata& strata, Comparison& out) {
  for (std::size_t i = 0; i < stars.size(); ++i) {
    std::vector<double> simulated;
    for (std::size_t m = 1; m < strata[i].size(); ++m) simulated.push_back(std::pow(10.0, strata[i][m][kError]));
    out.errors +=
        fmt::format("{},{:.3f},{:.5g},{:.4g},{:.5g},{:.5g},{:.5g},{:.5g},{:.5g}\n",
                    kChannels[static_cast<std::size_t>(channel)].name, stars[i].magnitude,
                    channel == kTessChannel ? stars[i].exposure_day * kDaySeconds : kMissing,
                    std::pow(10.0, strata[i][0][kError]), quantile_of(simulated, 0.025), quantile_of(simulated, 0.16),
                    quantile_of(simulated, 0.5), quantile_of(simulated, 0.84), quantile_of(simulated, 0.975));
  }
}

}  // namespace

Comparison compare_curves(const RealData& real, const Surveys (&banks)[kHalves], const ComparisonSettings& settings) {
  Comparison out;
  out.distributions = "channel,statistic,probability,real,simulated\n";
  out.errors = "channel,magnitude,exposure_s,real,low_95,low_68,median,high_68,high_95\n";
  for (int c = 0; c <= kTessChannel; ++c) {
    const std::vector<RealStar>& stars = real.stars[static_cast<std::size_t>(c)];
    if (stars.empty()) continue;
    Strata strata(stars.size());
    Progress progress(std::string(kChannels[static_cast<std::size_t>(c)].name), stars.size());
    parallel_for(stars.size(), settings.threads, [&](std::uint64_t i) {
      strata[i] = measure_stratum(banks[stars[i].half], c, stars[i], settings.curves_per_star,
                                  RandomStream(settings.seed, (static_cast<std::uint64_t>(c) << 32) + i, Stage::kTest));
      progress.advance();
    });
    test_channel(c, strata, settings, out);
    list_errors(c, stars, strata, out);
  }
  return out;
}

}  // namespace penumbra
