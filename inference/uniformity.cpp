#include "inference/uniformity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penumbra {

UniformBand::UniformBand(std::size_t values, std::size_t points) : values_(values), points_(points) {
  log_factorial_.assign(1, 0.0);
  for (std::size_t n = 1; n <= values; ++n)
    log_factorial_.push_back(log_factorial_.back() + std::log(static_cast<double>(n)));
  for (std::size_t k = 1; k < points; ++k) {
    const double z = static_cast<double>(k) / static_cast<double>(points);
    std::vector<double> mass(values + 1);
    for (std::size_t n = 0; n <= values; ++n) {
      mass[n] = std::exp(log_factorial_[values] - log_factorial_[n] - log_factorial_[values - n] +
                         static_cast<double>(n) * std::log(z) + static_cast<double>(values - n) * std::log1p(-z));
    }
    lower_.emplace_back(values + 1);
    std::partial_sum(mass.begin(), mass.end(), lower_.back().begin());
    upper_.emplace_back(values + 1);
    std::partial_sum(mass.rbegin(), mass.rend(), upper_.back().rbegin());
  }
}

std::vector<std::size_t> UniformBand::counts(std::span<const double> values) const {
  std::vector<std::size_t> result;
  for (std::size_t k = 1; k < points_; ++k) {
    const double z = static_cast<double>(k) / static_cast<double>(points_);
    result.push_back(static_cast<std::size_t>(std::ranges::count_if(values, [z](double v) { return v <= z; })));
  }
  return result;
}

double UniformBand::tail(std::size_t point, std::size_t count) const {
  return 2.0 * std::min(lower_[point][count], upper_[point][count]);
}

std::vector<std::pair<std::size_t, std::size_t>> UniformBand::inside(double tail) const {
  std::vector<std::pair<std::size_t, std::size_t>> limits;
  for (std::size_t k = 0; k + 1 < points_; ++k) {
    // P(count <= n) ascends, P(count >= n) descends. Where no count is left, first > last.
    const auto first = std::ranges::upper_bound(lower_[k], 0.5 * tail) - lower_[k].begin();
    const auto last = std::ranges::lower_bound(upper_[k], 0.5 * tail, std::ranges::greater{}) - upper_[k].begin() - 1;
    limits.emplace_back(static_cast<std::size_t>(first), static_cast<std::size_t>(std::max<std::ptrdiff_t>(last, 0)));
  }
  return limits;
}

double UniformBand::probability_inside(const std::vector<std::pair<std::size_t, std::size_t>>& limits) const {
  constexpr double kDeviations = 12.0;  // of an increment, beyond which it has no probability worth counting
  std::vector<double> now(values_ + 1, 0.0), next(values_ + 1);
  now[0] = 1.0;
  std::pair<std::size_t, std::size_t> before{0, 0};
  for (std::size_t k = 0; k + 1 < points_; ++k) {
    const auto [first, last] = limits[k];
    if (first > last) return 0.0;
    std::ranges::fill(next, 0.0);
    const double share = 1.0 / static_cast<double>(points_ - k);  // of the values left, that fall into the next step
    for (std::size_t n = before.first; n <= before.second; ++n) {
      if (now[n] == 0.0) continue;
      const std::size_t left = values_ - n;
      const double mean = static_cast<double>(left) * share;
      const double reach = kDeviations * (std::sqrt(mean) + 2.0);
      const auto least = std::max(first, n + static_cast<std::size_t>(std::max(0.0, mean - reach)));
      const auto most = std::min({last, values_, n + static_cast<std::size_t>(mean + reach)});
      for (std::size_t m = least; m <= most; ++m) {
        next[m] += now[n] * std::exp(log_factorial_[left] - log_factorial_[m - n] - log_factorial_[values_ - m] +
                                     static_cast<double>(m - n) * std::log(share) +
                                     static_cast<double>(values_ - m) * std::log1p(-share));
      }
    }
    now.swap(next);
    before = limits[k];
  }
  return std::accumulate(now.begin(), now.end(), 0.0);
}

double UniformBand::p(std::span<const double> values) const {
  const std::vector<std::size_t> count = counts(values);
  double thinnest = 2.0;
  for (std::size_t k = 0; k < count.size(); ++k) thinnest = std::min(thinnest, tail(k, count[k]));
  constexpr double kSame = 1.0 + 1e-9;  // tails that are alike but for rounding
  return std::clamp(1.0 - probability_inside(inside(kSame * thinnest)), 0.0, 1.0);
}

std::vector<std::pair<std::size_t, std::size_t>> UniformBand::band(double probability) const {
  double low = std::log(1e-15), high = std::log(1.0 - probability);  // of the tail: never thicker than for one point
  for (int step = 0; step < 30; ++step) {
    const double middle = 0.5 * (low + high);
    (probability_inside(inside(std::exp(middle))) >= probability ? low : high) = middle;
  }
  return inside(std::exp(low));
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [p](std::size_t i) { return p[i]; });
  std::vector<double> corrected(p.size());
  double largest = 0.0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    largest = std::max(largest, std::min(1.0, p[order[k]] * static_cast<double>(p.size() - k)));
    corrected[order[k]] = largest;
  }
  return corrected;
}

}  // namespace penumbra
