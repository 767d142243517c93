#include "experiments/ablation/prior_structure.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/parallel.h"
#include "sim/prior_view.h"

namespace penumbra {
namespace {

enum Reason : int { kOffGrid = 0, kOffTrack, kGravity, kRoche, kNoEclipse, kGiant, kAnyButTracks, kAny, kReasonCount };

constexpr std::array<std::string_view, kReasonCount> kReasons{
    "no star of that mass, age and metallicity on the tracks",
    "a star more than 5% off its track in Teff, R or L",
    "log g > 5",
    "overflows its Roche lobe at periastron",
    "no primary eclipse",
    "a luminous giant (log g < 3.5, L > 500 Lsun)",
    "any but the first two",
    "any",
};

std::array<bool, kReasonCount> reasons_of(const PriorView& prior, const Theta& theta) {
  std::array<bool, kReasonCount> applies{};
  StellarState star[2];
  applies[kOffGrid] = !stars_on_tracks(prior.tracks, theta, star);
  if (!applies[kOffGrid]) {
    const auto off = [&](double value, double track) {
      return std::abs(value / track - 1.0) > prior.spec.track_tolerance;
    };
    for (int k = 0; k < 2; ++k) {
      applies[kOffTrack] = applies[kOffTrack] || off(theta[kTeff1 + k], star[k].teff_k) ||
                           off(theta[kRadius1 + k], star[k].radius_rsun) ||
                           off(std::pow(10.0, theta[kLogL1 + k]), std::pow(10.0, star[k].log_l));
    }
  }
  // rejection() names the first reason only.
  const double m1 = theta[kMsum] / (1.0 + theta[kQ]);
  const double logg[2]{logg_cgs(m1, theta[kRadius1]), logg_cgs(theta[kMsum] - m1, theta[kRadius2])};
  const double periastron = (theta[kRadius1] + theta[kRadius2]) / theta[kRsumFrac] * (1.0 - theta[kEccentricity]);
  applies[kGravity] = logg[0] > 5.0 || logg[1] > 5.0;
  applies[kRoche] = theta[kRadius1] >= roche_lobe_radius(theta[kQ]) * periastron ||
                    theta[kRadius2] >= roche_lobe_radius(1.0 / theta[kQ]) * periastron;
  for (int k = 0; k < 2; ++k)
    applies[kGiant] = applies[kGiant] || (logg[k] < 3.5 && theta[kLogL1 + k] > std::log10(500.0));
  applies[kNoEclipse] = theta[kCosI] > cos_i_limit(prior.spec, theta);
  for (const int r : {kGravity, kRoche, kNoEclipse, kGiant})
    applies[kAnyButTracks] = applies[kAnyButTracks] || applies[static_cast<std::size_t>(r)];
  applies[kAny] = applies[kAnyButTracks] || applies[kOffGrid] || applies[kOffTrack];
  return applies;
}

}  // namespace

double spacing_entropy(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<std::ptrdiff_t>(values.size());
  const auto m = static_cast<std::ptrdiff_t>(std::sqrt(static_cast<double>(n)));
  double sum = 0.0;
  std::ptrdiff_t counted = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) {
    const std::ptrdiff_t below = std::max<std::ptrdiff_t>(i - m, 0), above = std::min(i + m, n - 1);
    const double spacing = values[static_cast<std::size_t>(above)] - values[static_cast<std::size_t>(below)];
    if (!(spacing > 0.0)) continue;
    sum += std::log(spacing * static_cast<double>(n) / static_cast<double>(above - below));
    ++counted;
  }
  return sum / static_cast<double>(counted);
}

PriorStructure measure_prior_structure(const Prior& prior, std::uint64_t seed, std::size_t draws, int threads) {
  const std::size_t hierarchical = draws * kParameterCount;
  std::vector<Theta> thetas(hierarchical);
  std::vector<double> log_density(hierarchical), tries(hierarchical);
  parallel_for(hierarchical, threads, [&](std::size_t n) {
    const PriorDraw draw = prior.draw(seed, n);
    thetas[n] = draw.theta;
    log_density[n] = prior.log_density(draw.theta);
    tries[n] = 1.0;
    for (const int rejected : draw.rejected) tries[n] += rejected;
  });

  PriorStructure out;
  double attempts = 0.0, mean = 0.0, spread2 = 0.0;
  const auto count = static_cast<double>(hierarchical);
  for (std::size_t n = 0; n < hierarchical; ++n) {
    attempts += tries[n];
    mean += log_density[n] / count;
  }
  for (const double value : log_density) spread2 += (value - mean) * (value - mean) / count;
  out.information_nats = mean - std::log(count / attempts);  // its integral is the share that is accepted
  out.information_error_nats = std::sqrt(spread2 / count);
  std::vector<double> values(hierarchical);
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    for (std::size_t n = 0; n < hierarchical; ++n) values[n] = thetas[n][p];
    out.information_nats += spacing_entropy(values);  // - mean ln p_p
  }

  const PriorView view = prior.view();
  std::vector<std::array<bool, kReasonCount>> applies(draws);
  parallel_for(draws, threads, [&](std::size_t n) {
    Theta independent;
    for (std::size_t p = 0; p < kParameterCount; ++p) independent[p] = thetas[n * kParameterCount + p][p];
    applies[n] = reasons_of(view, independent);
  });
  for (std::size_t r = 0; r < kReasonCount; ++r) {
    const auto number = std::count_if(applies.begin(), applies.end(), [r](const auto& a) { return a[r]; });
    out.impossible.push_back({kReasons[r], static_cast<double>(number) / static_cast<double>(draws)});
  }
  return out;
}

}  // namespace penumbra
