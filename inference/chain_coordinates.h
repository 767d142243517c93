// The MCMC's second coordinates, beside z: those in which what the data fix is flat.
//
// Light curves and photometry fix R/a, the inclination, e cos omega, temperatures and R^2 / d^2 to a thousandth, while
// masses, age and metallicity stay as free as the prior leaves them. In z (sim/prior.h) these thin sheets are as curved
// as the stellar tracks are, since radii and temperatures count from the tracks: walkers could only crawl. Here, in
// logarithms of the quantities themselves, the sheets are flat:
//   ln Msum, q, log age, [Fe/H], ln rsumfrac, e cos omega, e sin omega, cos i, ln Teff1, ln Teff2, z[log L1], z[log
//   L2], ln R1, ln R2, ln d, E(B-V)
// The forward model does not read the luminosities (R and Teff fix the light), so they keep their own prior's
// coordinates: log L itself would tie the masses to the prior's band of 5% about the tracks. Where the period is known,
// rsumfrac follows from it and the fifth coordinate is the free unit normal number z[rsumfrac] itself.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include "sim/prior.h"

namespace penumbra {

using ChainPoint = std::array<double, kParameterCount>;

class ChainCoordinates {
 public:
  // The prior must outlive it. period_day NaN: not known.
  ChainCoordinates(const Prior& prior, double period_day) : prior_(prior), period_day_(period_day) {}

  double period_day() const { return period_day_; }

  ChainPoint point(const Theta& theta, const Latent& z) const;
  // Any point has a theta, perhaps outside the prior's support; luminosities off the tracks are NaN.
  Theta theta(const ChainPoint& point) const;
  // ln of the prior's density (inference/likelihood.h) over this point, whose theta is given; -inf outside the support.
  double log_prior(const ChainPoint& point, const Theta& theta) const;
  // z of a point inside the support.
  Latent latent(const ChainPoint& point, const Theta& theta) const;

  // ln |d theta / d point| of the coordinates that a likelihood reads.
  double log_volume(const Theta& theta) const;

  // The coordinates that no likelihood reads: unit normal numbers, the same in both systems.
  std::vector<std::size_t> unread() const;

 private:
  bool period_known() const { return !std::isnan(period_day_); }
  // ln |d theta / d point|; of the 15 without rsumfrac where the period is known.
  double log_jacobian(const ChainPoint& point, const Theta& theta) const;

  const Prior& prior_;
  double period_day_;
};

}  // namespace penumbra
