// One conditional of the prior as a monotone map from a unit normal z to a coordinate y (y = x, ln x or logit x).
#pragma once

#include <functional>
#include <vector>

#include "base/host_device.h"

namespace penumbra {

inline constexpr double kQuantileZMax = 8.5, kQuantileStep = 0.025;
inline constexpr int kQuantileNodes = 681;  // -8.5 to 8.5

struct QuantileView {
  const double* y = nullptr;      // [kQuantileNodes]
  const double* slope = nullptr;  // [kQuantileNodes] dy/dz
};

PN_HD inline double quantile_value(const QuantileView& table, double z, double* dy_dz = nullptr) {
  if (z < -kQuantileZMax || z >= kQuantileZMax) {
    const int end = z < 0.0 ? 0 : kQuantileNodes - 1;
    if (dy_dz != nullptr) *dy_dz = table.slope[end];
    return table.y[end] + table.slope[end] * (z - (z < 0.0 ? -kQuantileZMax : kQuantileZMax));
  }
  const double position = (z + kQuantileZMax) / kQuantileStep;
  int i = static_cast<int>(position);
  if (i > kQuantileNodes - 2) i = kQuantileNodes - 2;
  const double t = position - i;
  const double m0 = kQuantileStep * table.slope[i], m1 = kQuantileStep * table.slope[i + 1];
  const double rise = table.y[i + 1] - table.y[i];
  const double c2 = 3.0 * rise - 2.0 * m0 - m1, c3 = m0 + m1 - 2.0 * rise;
  if (dy_dz != nullptr) *dy_dz = (m0 + t * (2.0 * c2 + t * 3.0 * c3)) / kQuantileStep;
  return table.y[i] + t * (m0 + t * (c2 + t * c3));
}

// What a distribution gives at y: both tail probabilities, each to full relative accuracy, and the density in y.
struct TailProbabilities {
  double lower, upper, density;
};

// Cubic Hermite interpolation of y(z) = F^-1(Phi(z)) at equal steps in z, with the exact slopes phi(z) / f(y):
// continuous positive derivative, inverted exactly. The interpolant is within about 1e-8 of the distribution, and it is
// what draws and densities both use, so that the two are one definition. Beyond |z| = 8.5 it continues straight.
class QuantileTable {
 public:
  // The distribution must have all its mass between y_min and y_max (1e-17 aside). Throws std::logic_error if it does
  // not, or if the table is not monotone.
  QuantileTable(const std::function<TailProbabilities(double)>& distribution, double y_min, double y_max);

  double value(double z, double* dy_dz = nullptr) const { return quantile_value(view(), z, dy_dz); }
  double z_of(double y) const;
  QuantileView view() const { return {y_.data(), slope_.data()}; }  // valid while this object lives

 private:
  std::vector<double> y_, slope_;
};

}  // namespace penumbra
