// What the polynomial of reflection.h misses of a star's heat, on a map of the star at each separation of its shape.
// Resolution::precise() asks for it; heating.h makes it.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/vector3.h"

namespace penumbra {

// The shape of a star changes with separation only: what belongs to it is kept at Chebyshev-Lobatto points in
// 1 / separation, one point where the orbit is a circle.
inline constexpr int kShapeNodes = 8;

// Weight of point `n` of `count` in the barycentric interpolation, for x - x_n: they alternate in sign and are halved
// at the ends. What is interpolated is the weighted sum over the sum of weights.
PN_HD inline double barycentric_weight(int n, int count, double difference) {
  if (difference == 0.0) difference = 1e-100;
  return (n % 2 == 0 ? 1.0 : -1.0) * (n == 0 || n == count - 1 ? 0.5 : 1.0) / difference;
}

// Rows in equal steps of s = sin(angle from the line of centres / 2), three turns about it: in the orbital plane,
// halfway and across, between which the map is a parabola in the cosine of twice the turn.
inline constexpr int kMapRows = 24, kMapTurns = 3;

struct HeatMap {
  double inverse_separation[kShapeNodes];
  int separations;
  double missing[kShapeNodes][kMapTurns][kMapRows];

  PN_HD static Vector3 direction(int turn, int row) {
    const double s = static_cast<double>(row) / (kMapRows - 1), across = 2.0 * s * std::sqrt(1.0 - s * s);
    constexpr double kHalf = 0.70710678118654752440;
    const double cosine[kMapTurns] = {1.0, kHalf, 0.0};
    return {1.0 - 2.0 * s * s, across * cosine[turn], across * cosine[kMapTurns - 1 - turn]};
  }

  // At a point in the star's frame: a cubic through four rows.
  PN_HD double operator()(double separation, const Vector3& p) const {
    const double across2 = p.y * p.y + p.z * p.z;
    const double cosine = p.x / std::sqrt(p.x * p.x + across2);
    const double at = std::sqrt(0.5 * (1.0 - cosine)) * (kMapRows - 1);
    int first = static_cast<int>(at) - 1;
    first = first < 0 ? 0 : first > kMapRows - 4 ? kMapRows - 4 : first;
    const double x = at - first;
    const double row[4] = {-(x - 1.0) * (x - 2.0) * (x - 3.0) / 6.0, 0.5 * x * (x - 2.0) * (x - 3.0),
                           -0.5 * x * (x - 1.0) * (x - 3.0), x * (x - 1.0) * (x - 2.0) / 6.0};
    const double c = across2 > 0.0 ? (p.y * p.y - p.z * p.z) / across2 : 0.0;
    const double turn[kMapTurns] = {0.5 * c * (c + 1.0), 1.0 - c * c, 0.5 * c * (c - 1.0)};
    double sum = 0.0, total = 0.0;
    for (int n = 0; n < separations; ++n) {
      double value = 0.0;
      for (int j = 0; j < kMapTurns; ++j)
        for (int i = 0; i < 4; ++i) value += turn[j] * row[i] * missing[n][j][first + i];
      const double weight = barycentric_weight(n, separations, 1.0 / separation - inverse_separation[n]);
      sum += weight * value;
      total += weight;
    }
    return sum / total;
  }
};

}  // namespace penumbra
