// Gauss-Legendre rules on [0, 1] with 1 to kMaxGaussPoints points, in one table that host and device share.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"
#include "sim/lanes.h"

namespace penumbra {

inline constexpr int kMaxGaussPoints = 40;

struct GaussTable {
  // Rule n occupies n entries from n (n - 1) / 2. A group of lanes may read past the last rule.
  static constexpr int kSize = kMaxGaussPoints * (kMaxGaussPoints + 1) / 2 + kLanes;
  double node[kSize], weight[kSize];

  PN_HD const double* nodes(int n) const { return node + n * (n - 1) / 2; }
  PN_HD const double* weights(int n) const { return weight + n * (n - 1) / 2; }
};

// Newton iteration on the Legendre polynomials (Press et al., Numerical Recipes, gauleg).
inline GaussTable make_gauss_table() {
  GaussTable table{};
  for (int n = 1; n <= kMaxGaussPoints; ++n) {
    double* node = table.node + n * (n - 1) / 2;
    double* weight = table.weight + n * (n - 1) / 2;
    for (int i = 0; i < n; ++i) {
      double x = std::cos(kPi * (i + 0.75) / (n + 0.5));
      double derivative = 1.0;
      for (int iteration = 0; iteration < 50; ++iteration) {
        double p = 1.0, previous = 0.0;
        for (int k = 1; k <= n; ++k) {
          const double older = previous;
          previous = p;
          p = ((2 * k - 1) * x * previous - (k - 1) * older) / k;
        }
        derivative = n * (x * p - previous) / (x * x - 1.0);
        const double step = p / derivative;
        x -= step;
        if (std::abs(step) < 1e-15) break;
      }
      node[n - 1 - i] = 0.5 * (1.0 + x);
      weight[n - 1 - i] = 1.0 / ((1.0 - x * x) * derivative * derivative);
    }
  }
  return table;
}

inline const GaussTable& gauss_table() {
  static const GaussTable table = make_gauss_table();
  return table;
}

}  // namespace penumbra
