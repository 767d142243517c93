#include "sim/quantile_table.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/special_functions.h"

namespace penumbra {
namespace {

// y with the tail probability of z: Newton on the logarithm of the nearer tail, inside a bracket that only shrinks.
double solve_quantile(const std::function<TailProbabilities(double)>& distribution, double z, double low, double high,
                      double start) {
  const bool use_lower = z <= 0.0;
  const double log_target = std::log(normal_cdf(-std::abs(z)));
  double y = std::clamp(start, low, high);
  for (int step = 0; step < 200; ++step) {
    const TailProbabilities at = distribution(y);
    const double tail = use_lower ? at.lower : at.upper;
    const double excess = (std::log(tail) - log_target) * (use_lower ? 1.0 : -1.0);  // > 0: y is too large
    if (excess > 0.0) {
      high = y;
    } else {
      low = y;
    }
    double next = y - excess * tail / at.density;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - y) <= 1e-14 * (1.0 + std::abs(y))) return next;
    y = next;
  }
  return y;
}

}  // namespace

QuantileTable::QuantileTable(const std::function<TailProbabilities(double)>& distribution, double y_min, double y_max) {
  double y = 0.5 * (y_min + y_max);
  double low = y_min;
  for (int i = 0; i < kQuantileNodes; ++i) {
    const double z = -kQuantileZMax + i * kQuantileStep;
    const double start = slope_.empty() ? y : y + kQuantileStep * slope_.back();
    y = solve_quantile(distribution, z, low, y_max, start);
    low = y;
    y_.push_back(y);
    slope_.push_back(normal_pdf(z) / distribution(y).density);
  }
  for (int i = 0; i + 1 < kQuantileNodes; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const double secant = (y_[k + 1] - y_[k]) / kQuantileStep;
    const double a = slope_[k] / secant, b = slope_[k + 1] / secant;
    // Fritsch & Carlson (1980): sufficient for a monotone cubic.
    if (!(secant > 0.0 && a > 0.0 && b > 0.0 && a * a + b * b <= 9.0)) {
      throw std::logic_error("QuantileTable: the quantile function is not monotone or not inside its bracket");
    }
  }
}

double QuantileTable::z_of(double y) const {
  if (y < y_.front()) return -kQuantileZMax + (y - y_.front()) / slope_.front();
  if (y >= y_.back()) return kQuantileZMax + (y - y_.back()) / slope_.back();
  const auto above = std::upper_bound(y_.begin(), y_.end(), y);
  const auto i = static_cast<double>(above - y_.begin() - 1);
  double low = -kQuantileZMax + i * kQuantileStep, high = low + kQuantileStep;
  double z = 0.5 * (low + high);
  for (int step = 0; step < 60; ++step) {
    double slope = 0.0;
    const double excess = value(z, &slope) - y;
    (excess > 0.0 ? high : low) = z;
    double next = z - excess / slope;
    if (!(next >= low && next <= high)) next = 0.5 * (low + high);
    if (std::abs(next - z) <= 1e-15 * (1.0 + std::abs(z))) return next;
    z = next;
  }
  return z;
}

}  // namespace penumbra
