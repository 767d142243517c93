#include "inference/chain_coordinates.h"

#include <cmath>

#include "sim/constants.h"
#include "sim/system.h"

namespace penumbra {

ChainPoint ChainCoordinates::point(const Theta& theta, const Latent& z) const {
  ChainPoint out = theta;
  for (const Parameter p : {kMsum, kTeff1, kTeff2, kRadius1, kRadius2, kDistance}) out[p] = std::log(theta[p]);
  out[kRsumFrac] = period_known() ? z[kRsumFrac] : std::log(theta[kRsumFrac]);
  out[kEccentricity] = std::sqrt(theta[kEccentricity]) * std::cos(theta[kOmega]);
  out[kOmega] = std::sqrt(theta[kEccentricity]) * std::sin(theta[kOmega]);
  return out;
}

Theta ChainCoordinates::theta(const ChainPoint& point) const {
  Theta out = point;
  for (const Parameter p : {kMsum, kTeff1, kTeff2, kRadius1, kRadius2, kDistance}) out[p] = std::exp(point[p]);
  out[kRsumFrac] = period_known() ? (out[kRadius1] + out[kRadius2]) / sma_from_period_rsun(period_day_, out[kMsum])
                                  : std::exp(point[kRsumFrac]);
  const double x = point[kEccentricity], y = point[kOmega], angle = std::atan2(y, x);
  out[kEccentricity] = x * x + y * y;
  out[kOmega] = angle < 0.0 ? angle + kTwoPi : angle;
  return out;
}

// |d(e, omega) / d(x, y)| = 2 with x, y = sqrt(e) (cos, sin) omega; d exp(u) / du = exp(u).
double ChainCoordinates::log_jacobian(const Theta& theta) const {
  double sum = std::log(2.0);
  for (const Parameter p : {kMsum, kTeff1, kTeff2, kRadius1, kRadius2, kDistance}) sum += std::log(theta[p]);
  return period_known() ? sum : sum + std::log(theta[kRsumFrac]);
}

// Over theta the prior has the density Prior::log_density. With a known period, p(theta', ln P) is that density, taken
// at the rsumfrac that P implies, times |d rsumfrac / d ln P| = 2/3 rsumfrac; the free coordinate is a unit normal.
double ChainCoordinates::log_prior(const Prior& prior, const ChainPoint& point, const Theta& theta) const {
  double sum = prior.log_density(theta);
  if (!std::isfinite(sum)) return -INFINITY;
  sum += log_jacobian(theta);
  if (period_known()) {
    const double free = point[kRsumFrac];
    sum += std::log(2.0 / 3.0 * theta[kRsumFrac]) - 0.5 * free * free - 0.5 * std::log(kTwoPi);
  }
  return sum;
}

Latent ChainCoordinates::latent(const Prior& prior, const ChainPoint& point) const {
  Latent z{};
  prior.latent_from_theta(theta(point), z);
  if (period_known()) z[kRsumFrac] = point[kRsumFrac];
  return z;
}

}  // namespace penumbra
