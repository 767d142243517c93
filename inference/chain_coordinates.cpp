#include "inference/chain_coordinates.h"

#include <cmath>

#include "sim/constants.h"
#include "sim/system.h"

namespace penumbra {
namespace {

constexpr std::array kLogarithmic{kMsum, kTeff1, kTeff2, kRadius1, kRadius2, kDistance};
constexpr std::array kUnread{kLogL1, kLogL2};
const double kLn10 = std::log(10.0);

}  // namespace

ChainPoint ChainCoordinates::point(const Theta& theta, const Latent& z) const {
  ChainPoint out = theta;
  for (const Parameter p : kLogarithmic) out[p] = std::log(theta[p]);
  for (const Parameter p : kUnread) out[p] = z[p];
  out[kRsumFrac] = period_known() ? z[kRsumFrac] : std::log(theta[kRsumFrac]);
  out[kEccentricity] = theta[kEccentricity] * std::cos(theta[kOmega]);
  out[kOmega] = theta[kEccentricity] * std::sin(theta[kOmega]);
  return out;
}

Theta ChainCoordinates::theta(const ChainPoint& point) const {
  Theta out = point;
  for (const Parameter p : kLogarithmic) out[p] = std::exp(point[p]);
  out[kRsumFrac] = period_known() ? (out[kRadius1] + out[kRadius2]) / sma_from_period_rsun(period_day_, out[kMsum])
                                  : std::exp(point[kRsumFrac]);
  const double x = point[kEccentricity], y = point[kOmega], angle = std::atan2(y, x);
  out[kEccentricity] = std::hypot(x, y);
  out[kOmega] = angle < 0.0 ? angle + kTwoPi : angle;
  StellarState star[2];
  const bool on_tracks = stars_on_tracks(prior_.view().tracks, out, star);
  for (std::size_t k = 0; k < kUnread.size(); ++k) {
    const double offset = 1.0 + prior_.spec().track_tolerance * std::erf(point[kUnread[k]] / kSqrt2);
    out[kUnread[k]] = on_tracks ? star[k].log_l + std::log10(offset) : NAN;
  }
  return out;
}

// d exp(u) / du = exp(u); |d(x, y) / d(e, omega)| = e with x, y = e (cos, sin) omega.
double ChainCoordinates::log_volume(const Theta& theta) const {
  double sum = -std::log(theta[kEccentricity]);
  for (const Parameter p : kLogarithmic) sum += std::log(theta[p]);
  return period_known() ? sum : sum + std::log(theta[kRsumFrac]);
}

// log L is the track's + log10 of (1 + tolerance erf(z / sqrt 2)).
double ChainCoordinates::log_jacobian(const ChainPoint& point, const Theta& theta) const {
  const double tolerance = prior_.spec().track_tolerance;
  double sum = log_volume(theta);
  for (const Parameter p : kUnread) {
    const double z = point[p];
    sum += std::log(2.0 * tolerance / kLn10) - 0.5 * z * z - 0.5 * std::log(kTwoPi) -
           std::log1p(tolerance * std::erf(z / kSqrt2));
  }
  return sum;
}

// Over theta the prior has the density Prior::log_density. With a known period, p(theta', ln P) is that density, taken
// at the rsumfrac that P implies, times |d rsumfrac / d ln P| = 2/3 rsumfrac; the free coordinate is a unit normal.
double ChainCoordinates::log_prior(const ChainPoint& point, const Theta& theta) const {
  double sum = prior_.log_density(theta);
  if (!std::isfinite(sum)) return -INFINITY;
  sum += log_jacobian(point, theta);
  if (period_known()) {
    const double free = point[kRsumFrac];
    sum += std::log(2.0 / 3.0 * theta[kRsumFrac]) - 0.5 * free * free - 0.5 * std::log(kTwoPi);
  }
  return sum;
}

Latent ChainCoordinates::latent(const ChainPoint& point, const Theta& theta) const {
  Latent z{};
  prior_.latent_from_theta(theta, z);
  for (const std::size_t p : unread()) z[p] = point[p];
  return z;
}

std::vector<std::size_t> ChainCoordinates::unread() const {
  std::vector<std::size_t> out(kUnread.begin(), kUnread.end());
  if (period_known()) out.push_back(kRsumFrac);
  return out;
}

}  // namespace penumbra
