#include "inference/reweight.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace penumbra {
namespace {

// Weights relative to the largest; empty when all are zero.
std::vector<double> relative_weights(const std::vector<double>& log_weights) {
  const auto largest = std::max_element(log_weights.begin(), log_weights.end());
  if (largest == log_weights.end() || !std::isfinite(*largest)) return {};
  std::vector<double> weights;
  weights.reserve(log_weights.size());
  for (const double log_weight : log_weights) weights.push_back(std::exp(log_weight - *largest));
  return weights;
}

}  // namespace

// With a known period P the sample's rsumfrac is not free: it is r(phi, P) = (R1 + R2) / a(Msum, P), where phi are the
// other 15 parameters, all of which the flow samples (Prior::theta_from_latent). The posterior is then the one of phi,
//
//   p_A(phi | x, P) ~ L(x | phi, P) p_A(phi, P),    p_A(phi, P) = p_A(phi, rsumfrac = r(phi, P)) |dr/dP|,
//
// a change of variables from rsumfrac to P at fixed phi, and the same for B. The derivative, -2 r / (3 P), knows
// nothing of a prior, so it leaves the ratio: p_B / p_A at theta = (phi, r) with both densities those of all 16
// parameters, the density of rsumfrac among them. That factor is how a prior speaks about the period, and it must stay.
// One formula serves both cases. The flow's coordinates z do not appear either: they are A's, and a change of
// coordinates multiplies both densities of theta by the same factor.
std::vector<double> log_prior_ratios(const Prior& made_under, const Prior& read_under,
                                     const std::vector<Theta>& samples) {
  std::vector<double> ratios;
  ratios.reserve(samples.size());
  for (const Theta& theta : samples) {
    const double before = made_under.log_density(theta), after = read_under.log_density(theta);
    if (std::isnan(before) || std::isnan(after)) throw std::logic_error("log_prior_ratios: a prior's density is NaN");
    ratios.push_back(std::isinf(before) ? -std::numeric_limits<double>::infinity() : after - before);
  }
  return ratios;
}

double effective_sample_size(const std::vector<double>& log_weights) {
  double sum = 0.0, squares = 0.0;
  for (const double weight : relative_weights(log_weights)) {
    sum += weight;
    squares += weight * weight;
  }
  return squares > 0.0 ? sum * sum / squares : 0.0;
}

std::vector<std::size_t> resample(const std::vector<double>& log_weights, RandomStream& random) {
  const std::vector<double> weights = relative_weights(log_weights);
  if (weights.empty()) throw std::logic_error("resample: all weights are zero");
  double total = 0.0;
  for (const double weight : weights) total += weight;
  const auto count = static_cast<double>(weights.size());
  const double offset = random.uniform();
  std::vector<std::size_t> chosen;
  chosen.reserve(weights.size());
  double sum = 0.0;  // of the weights so far, in units of the mean weight
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i] / total * count;
    while (static_cast<double>(chosen.size()) + offset < sum && chosen.size() < weights.size()) chosen.push_back(i);
  }
  // Rounding may leave the last place open.
  while (chosen.size() < weights.size()) chosen.push_back(chosen.back());
  for (std::size_t i = chosen.size() - 1; i > 0; --i) {
    std::swap(chosen[i], chosen[static_cast<std::size_t>(random.below(static_cast<int>(i) + 1))]);
  }
  return chosen;
}

}  // namespace penumbra
