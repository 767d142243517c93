// One conditional of the prior as a monotone map from a unit normal z to a coordinate y (y = x, ln x or logit x).
#pragma once

#include <functional>
#include <vector>

namespace penumbra {

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

  double value(double z, double* dy_dz = nullptr) const;
  double z_of(double y) const;

 private:
  std::vector<double> y_, slope_;
};

}  // namespace penumbra
