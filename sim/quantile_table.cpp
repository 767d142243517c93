#include "sim/quantile_table.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/special_functions.h"

namespace penumbra {
namespace {

constexpr double kZMax = 8.5;
constexpr double kStep = 0.025;
constexpr int kNodes = 681;  // -8.5 to 8.5

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
  for (int i = 0; i < kNodes; ++i) {
    const double z = -kZMax + i * kStep;
    const double start = slope_.empty() ? y : y + kStep * slope_.back();
    y = solve_quantile(distribution, z, low, y_max, start);
    low = y;
    y_.push_back(y);
    slope_.push_back(normal_pdf(z) / distribution(y).density);
  }
  for (int i = 0; i + 1 < kNodes; ++i) {
    const auto k = static_cast<std::size_t>(i);
    const double secant = (y_[k + 1] - y_[k]) / kStep;
    const double a = slope_[k] / secant, b = slope_[k + 1] / secant;
    // Fritsch & Carlson (1980): sufficient for a monotone cubic.
    if (!(secant > 0.0 && a > 0.0 && b > 0.0 && a * a + b * b <= 9.0)) {
      throw std::logic_error("QuantileTable: the quantile function is not monotone or not inside its bracket");
    }
  }
}

double QuantileTable::value(double z, double* dy_dz) const {
  if (z < -kZMax || z >= kZMax) {
    const std::size_t end = z < 0.0 ? 0 : y_.size() - 1;
    if (dy_dz != nullptr) *dy_dz = slope_[end];
    return y_[end] + slope_[end] * (z - (z < 0.0 ? -kZMax : kZMax));
  }
  const double position = (z + kZMax) / kStep;
  const auto i = std::min(static_cast<std::size_t>(position), y_.size() - 2);
  const double t = position - static_cast<double>(i);
  const double m0 = kStep * slope_[i], m1 = kStep * slope_[i + 1];
  const double rise = y_[i + 1] - y_[i];
  const double c2 = 3.0 * rise - 2.0 * m0 - m1, c3 = m0 + m1 - 2.0 * rise;
  if (dy_dz != nullptr) *dy_dz = (m0 + t * (2.0 * c2 + t * 3.0 * c3)) / kStep;
  return y_[i] + t * (m0 + t * (c2 + t * c3));
}

double QuantileTable::z_of(double y) const {
  if (y < y_.front()) return -kZMax + (y - y_.front()) / slope_.front();
  if (y >= y_.back()) return kZMax + (y - y_.back()) / slope_.back();
  const auto above = std::upper_bound(y_.begin(), y_.end(), y);
  const auto i = static_cast<double>(above - y_.begin() - 1);
  double low = -kZMax + i * kStep, high = low + kStep;
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
