// What the eclipses of a light curve fix of the orbit, as coordinates: their duration and when they occur. In other
// coordinates their posterior is a thin curved sheet.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/elementary.h"
#include "sim/special_functions.h"

namespace penumbra {

// ln of the primary eclipse's duration over (R1 + R2) / a, in units of P / pi and for durations well below the period
// (Winn 2010, equations 14 and 16): sqrt(1 - b^2) sqrt(1 - e^2) / (1 + e sin omega). The impact parameter b, in units
// of R1 + R2, is Phi(z_cos_i) of the prior (sim/prior_view.h).
PN_HD inline double log_relative_duration(double z_cos_i, double eccentricity, double omega) {
  double sine, cosine;
  sine_cosine(omega, sine, cosine);
  const double chord_squared = normal_cdf(-z_cos_i) * (1.0 + normal_cdf(z_cos_i));
  return 0.5 * std::log(chord_squared * (1.0 - eccentricity * eccentricity)) - std::log(1.0 + eccentricity * sine);
}

// e cos omega, by which the secondary eclipse is off half a period, and e sin omega, by which the durations of both
// differ, on a scale that is linear within +-kCircular and logarithmic beyond, as the prior is in log e.
struct EccentricityVector {
  double along, across;  // asinh(e cos omega / kCircular) / 2, asinh(e sin omega / kCircular) / 2
  static constexpr double kCircular = 1e-3;

  PN_HD static EccentricityVector of(double eccentricity, double omega) {
    double sine, cosine;
    sine_cosine(omega, sine, cosine);
    return {0.5 * std::asinh(eccentricity * cosine / kCircular), 0.5 * std::asinh(eccentricity * sine / kCircular)};
  }
  PN_HD double x() const { return kCircular * std::sinh(2.0 * along); }
  PN_HD double y() const { return kCircular * std::sinh(2.0 * across); }
  PN_HD double eccentricity() const { return std::hypot(x(), y()); }
  PN_HD double omega() const { return std::atan2(y(), x()); }  // in [-pi, pi]
  // ln |d(along, across) / d(e, omega)|
  PN_HD double log_jacobian() const {
    return std::log(0.25 * eccentricity() / (std::hypot(x(), kCircular) * std::hypot(y(), kCircular)));
  }
};

}  // namespace penumbra
