// Quantiles of samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace penumbra {

// Quantile of ascending values (at least one), linear between order statistics.
inline double quantile(const std::vector<double>& sorted, double probability) {
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double weight = position - static_cast<double>(below);
  return (1.0 - weight) * sorted[below] + weight * sorted[above];
}

}  // namespace penumbra
