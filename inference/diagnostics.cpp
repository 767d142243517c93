#include "inference/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penumbra {
namespace {

constexpr double kMostSigma = 5.0;  // of one residual: no single one decides

double clipped(double residual) { return std::clamp(residual, -kMostSigma, kMostSigma); }

// sum of r_b r_{b+1}; phases are periodic.
double lag_product(const std::vector<double>& residual) {
  double sum = 0.0;
  for (std::size_t b = 0; b < residual.size(); ++b)
    sum += clipped(residual[b]) * clipped(residual[(b + 1) % residual.size()]);
  return sum;
}

// The curve that is fitted worst, and by how much: what a warning adds.
std::string worst_curve(const BestFit& fit) {
  const auto worst = std::max_element(fit.rms.begin(), fit.rms.end());
  return fmt::format("; the best one misses {} by {:.1f}% (rms)",
                     kChannels[static_cast<std::size_t>(worst - fit.rms.begin())].name, 100.0 * *worst);
}

}  // namespace

std::array<double, kCheckCount> score(const BestFit& fit) {
  std::array<double, kCheckCount> scores{};
  if (!std::isfinite(fit.sum)) {  // nothing of the prior could be compared with the data
    scores.fill(INFINITY);
    return scores;
  }
  double bins = 0.0;
  for (const std::vector<double>& curve : fit.light_curves) {
    scores[kCurveCheck] += lag_product(curve);
    bins += static_cast<double>(curve.size());
  }
  if (bins > 0.0) scores[kCurveCheck] /= std::sqrt(bins);
  for (const double residual : fit.photometry) scores[kPhotometryCheck] += std::pow(clipped(residual), 2) - 1.0;
  if (!fit.photometry.empty()) scores[kPhotometryCheck] /= std::sqrt(2.0 * static_cast<double>(fit.photometry.size()));
  scores[kPriorCheck] = std::inner_product(fit.z.begin(), fit.z.end(), fit.z.begin(), fit.barrier);
  return scores;
}

bool within_limits(const std::array<double, kCheckCount>& scores) {
  for (std::size_t k = 0; k < kCheckCount; ++k) {
    if (!(scores[k] <= kChecks[k].limit)) return false;
  }
  return true;
}

bool looks_constant(const Observation& observation) {
  bool precise = false;
  for (const LightCurve& curve : observation.light_curves) {
    const BinnedCurve binned = bin_about_mean(curve);
    if (binned.deviation.empty()) continue;
    const double bins = static_cast<double>(binned.deviation.size());
    if (lag_product(binned.deviation) / std::sqrt(bins) > kVariation) return false;
    precise = precise || binned.error < kPreciseBins;
  }
  return precise;
}

Diagnostics diagnose(BestFit fit, const Observation& observation) {
  Diagnostics out{std::move(fit), {}, {}};
  out.scores = score(out.fit);
  for (std::size_t k = 0; k < kCheckCount; ++k) {
    const CheckInfo& check = kChecks[k];
    if (out.scores[k] <= check.limit) continue;
    out.warnings.push_back(fmt::format(
        "outside the prior's range? {}{} (score {:.1f}; 1 in 200 simulated systems is beyond {:.1f}). Perhaps {}",
        check.finding, k == kCurveCheck ? worst_curve(out.fit) : "", out.scores[k], check.limit, check.causes));
  }
  if (looks_constant(observation)) {
    out.warnings.push_back(
        fmt::format("outside the prior's range? no light curve varies, though one is good to {:.1f}% in phase bins; so "
                    "does 1 in 100 "
                    "simulated systems. Perhaps no eclipsing binary, or a wrong period",
                    100.0 * kPreciseBins));
  }
  return out;
}

}  // namespace penumbra
