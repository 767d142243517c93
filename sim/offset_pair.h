// The offsets of two stars from their tracks, as the data see them: a weighted sum, and how it is split.
//
// The prior draws radii and temperatures about the tracks', t_k (1 + tolerance e_k), with e_k = erf(z_k / sqrt 2)
// uniform in (-1, 1) (sim/prior.h). For any weights w1, w2 > 0 two other unit normals say the same, as independent of
// each other as z1 and z2 are:
//   z_sum    of x = (w1 e1 + w2 e2) / (w1 + w2) in (-1, 1), whose density is a trapezoid: flat for |x| < rho
//            = |w1 - w2| / (w1 + w2), then falling to 0;
//   z_split  of u = (e1 - low) / (high - low), where at given x e1 is uniform between
//            low = max(-1, (x (w1 + w2) - w2) / w1) and high = min(1, (x (w1 + w2) + w2) / w1).
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/special_functions.h"

namespace penumbra {

struct OffsetPair {
  double w1, w2;

  PN_HD double weight() const { return w1 + w2; }
  // Standard deviation of x.
  PN_HD double deviation() const { return std::sqrt((w1 * w1 + w2 * w2) / 3.0) / weight(); }

  PN_HD void sum_and_split(double z1, double z2, double& z_sum, double& z_split) const {
    const double e1 = std::erf(z1 / kSqrt2), e2 = std::erf(z2 / kSqrt2), x = (w1 * e1 + w2 * e2) / weight();
    const double tail = upper_tail(std::abs(x)), u = (e1 - low(x)) / (high(x) - low(x));
    z_sum = std::copysign(normal_quantile(inside(tail)), x);
    z_split = normal_quantile(inside(u));
  }
  PN_HD void offsets(double z_sum, double z_split, double& z1, double& z2) const {
    const double x = std::copysign(place(normal_cdf(-std::abs(z_sum))), z_sum);
    const double e1 = low(x) + (high(x) - low(x)) * normal_cdf(z_split), e2 = (x * weight() - w1 * e1) / w2;
    z1 = normal_quantile(0.5 * (1.0 + e1));
    z2 = normal_quantile(0.5 * (1.0 + e2));
  }

 private:
  PN_HD double rho() const { return std::abs(w1 - w2) / weight(); }
  PN_HD double low(double x) const {
    const double least = (x * weight() - w2) / w1;
    return least > -1.0 ? least : -1.0;
  }
  PN_HD double high(double x) const {
    const double most = (x * weight() + w2) / w1;
    return most < 1.0 ? most : 1.0;
  }
  // Probability above x >= 0, and the x above which it is p <= 1/2.
  PN_HD double upper_tail(double x) const {
    const double r = rho();
    return x < r ? 0.5 - x / (1.0 + r) : 0.5 * (1.0 - x) * (1.0 - x) / (1.0 - r * r);
  }
  PN_HD double place(double p) const {
    const double r = rho();
    return p > upper_tail(r) ? (0.5 - p) * (1.0 + r) : 1.0 - std::sqrt(2.0 * p * (1.0 - r * r));
  }
  // A probability that rounding may have put on the edge.
  PN_HD static double inside(double p) {
    constexpr double kEdge = 1e-15;
    return p > kEdge ? (p < 1.0 - kEdge ? p : 1.0 - kEdge) : kEdge;
  }
};

}  // namespace penumbra
