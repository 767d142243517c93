// A vector in three dimensions.
#pragma once

#include <cmath>

#include "base/host_device.h"

namespace penumbra {

struct Vector3 {
  double x, y, z;
};

PN_HD inline Vector3 operator+(const Vector3& a, const Vector3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
PN_HD inline Vector3 operator*(double s, const Vector3& a) { return {s * a.x, s * a.y, s * a.z}; }
PN_HD inline double dot(const Vector3& a, const Vector3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }

}  // namespace penumbra
