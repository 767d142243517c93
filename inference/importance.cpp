#include "inference/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

namespace penumbra {
namespace {

constexpr std::size_t kFewestTail = 5;
constexpr double kLargestSmoothedK = 1.0;  // a law of larger k has no mean, and may miss the largest weights by far

void shuffle(std::vector<std::size_t>& values, RandomStream& random) {
  for (std::size_t i = values.size(); i > 1; --i)
    std::swap(values[i - 1], values[static_cast<std::size_t>(random.uniform() * static_cast<double>(i))]);
}

}  // namespace

double GeneralizedPareto::quantile(double probability) const {
  const double log_upper = std::log1p(-probability);
  return std::abs(k) < 1e-12 ? -sigma * log_upper : sigma * std::expm1(-k * log_upper) / k;
}

// Zhang and Stephens's equations, with b = -k / sigma: the posterior mean of b over a grid of their weakly informative
// prior, at the profile likelihood.
GeneralizedPareto fit_generalized_pareto(std::span<const double> ascending) {
  const std::size_t n = ascending.size();
  const GeneralizedPareto none{std::numeric_limits<double>::infinity(), 0.0};
  if (n < kFewestTail) return none;
  const double size = static_cast<double>(n);
  const double quarter = ascending[(n + 2) / 4 - 1];
  if (!(quarter > 0.0) || !std::isfinite(ascending.back() / quarter)) return none;
  const auto shape = [&](double b) {
    double sum = 0.0;
    for (const double x : ascending) sum += std::log1p(-b * x);
    return sum / size;
  };
  const int grid = 30 + static_cast<int>(std::sqrt(size));
  std::vector<double> b, log_profile;
  for (int j = 1; j <= grid; ++j) {
    b.push_back(1.0 / ascending.back() + (1.0 - std::sqrt(grid / (j - 0.5))) / (3.0 * quarter));
    const double k = shape(b.back());
    log_profile.push_back(size * (std::log(-b.back() / k) - k - 1.0));
  }
  const double top = *std::max_element(log_profile.begin(), log_profile.end());
  double sum = 0.0, mean = 0.0;
  for (std::size_t j = 0; j < b.size(); ++j) {
    const double weight = std::exp(log_profile[j] - top);
    sum += weight;
    mean += weight * b[j];
  }
  mean /= sum;
  const double k = shape(mean), sigma = -k / mean;
  if (!std::isfinite(k) || !std::isfinite(sigma)) return none;
  return {(k * size + 5.0) / (size + 10.0), sigma};
}

ImportanceWeights importance_weights(std::span<const double> log_ratio, std::size_t drawn) {
  const std::size_t count = log_ratio.size();
  if (drawn < count || drawn == 0)
    throw std::invalid_argument(fmt::format("importance_weights: {} weights of {} samples", count, drawn));
  for (const double value : log_ratio) {
    if (std::isnan(value) || value == INFINITY)
      throw std::invalid_argument(fmt::format("importance_weights: ln weight = {}", value));
  }
  ImportanceWeights out{std::vector<double>(count, 0.0), INFINITY, 0.0, 0.0, -INFINITY, INFINITY};
  const double top = count > 0 ? *std::max_element(log_ratio.begin(), log_ratio.end()) : -INFINITY;
  if (top == -INFINITY) return out;
  for (std::size_t s = 0; s < count; ++s) out.weight[s] = std::exp(log_ratio[s] - top);

  // The tail: the largest min(S / 5, 3 sqrt(S)) weights above the next smaller one.
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return log_ratio[a] < log_ratio[b]; });
  const double size = static_cast<double>(drawn);
  const auto wanted = static_cast<std::size_t>(std::ceil(std::min(0.2 * size, 3.0 * std::sqrt(size))));
  const std::size_t tail = std::min(wanted, count);
  const double cutoff = tail < count ? out.weight[order[count - tail - 1]] : 0.0;
  std::vector<double> excess;
  for (std::size_t i = count - tail; i < count; ++i) {
    if (out.weight[order[i]] > cutoff) excess.push_back(out.weight[order[i]] - cutoff);
  }
  const GeneralizedPareto fit = fit_generalized_pareto(excess);
  out.pareto_k = fit.k;
  if (excess.empty()) {
    out.pareto_k = -INFINITY;  // every weight is the same: there is no tail
  } else if (fit.k < kLargestSmoothedK) {
    for (std::size_t i = 0; i < excess.size(); ++i) {
      const double probability = (static_cast<double>(i) + 0.5) / static_cast<double>(excess.size());
      out.weight[order[count - excess.size() + i]] = std::min(1.0, cutoff + fit.quantile(probability));
    }
  }

  double sum = 0.0, squares = 0.0;
  for (const double w : out.weight) {
    sum += w;
    squares += w * w;
  }
  for (double& w : out.weight) w /= sum;
  out.effective_size = sum * sum / squares;
  out.efficiency = out.effective_size / size;
  out.log_evidence = top + std::log(sum / size);
  out.log_evidence_error = std::sqrt(std::max(0.0, 1.0 / out.effective_size - 1.0 / size));
  return out;
}

ImportanceWeights weigh_samples(std::span<const double> log_density, std::span<const double> log_q, std::size_t drawn,
                                PosteriorFacts& facts) {
  std::vector<double> log_ratio;
  for (std::size_t s = 0; s < log_q.size(); ++s) log_ratio.push_back(log_density[s] - log_q[s]);
  ImportanceWeights weights = importance_weights(log_ratio, drawn);
  facts.tell("importance_effective_size", weights.effective_size, 4);
  facts.tell("importance_efficiency", weights.efficiency, 3);
  facts.tell("pareto_k", weights.pareto_k, 3);
  return weights;
}

void name_weighted(const ImportanceWeights& weights, const std::string& instead, PosteriorFacts& facts) {
  facts.method = "importance sampling of the neural posterior";
  if (weights.pareto_k <= kLargestParetoK) return;
  facts.warnings.push_back(
      fmt::format("the importance weights fail (k-hat {:.2f} > {}): {:.1f} samples carry the posterior, and neither "
                  "it nor the evidence can be trusted; {}",
                  weights.pareto_k, kLargestParetoK, weights.effective_size, instead));
}

std::vector<std::size_t> resample(std::span<const double> weight, std::size_t count, RandomStream& random) {
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  if (!(total > 0.0)) throw std::invalid_argument("resample: no sample has a weight");
  std::vector<std::size_t> chosen;
  const double start = random.uniform();
  double below = 0.0;  // expected number of samples up to s
  std::size_t last = 0;
  for (std::size_t s = 0; s < weight.size(); ++s) {
    if (weight[s] > 0.0) last = s;
    below += weight[s] / total * static_cast<double>(count);
    while (chosen.size() < count && static_cast<double>(chosen.size()) + start < below) chosen.push_back(s);
  }
  chosen.resize(count, last);  // where the sum's last digit is short of one
  shuffle(chosen, random);
  return chosen;
}

}  // namespace penumbra
