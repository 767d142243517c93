// The MCMC's second coordinates, beside z: those in which what the data fix is flat.
//
// Light curves and photometry fix R/a, the inclination, temperatures and R^2 / d^2 to a thousandth, while masses, age
// and metallicity stay as free as the prior leaves them. In z (sim/prior.h) these thin sheets are as curved as the
// stellar tracks are, since radii and temperatures count from the tracks: walkers could only crawl. Here, in logarithms
// of the quantities themselves, the sheets are flat, and what is curved is the prior's band about the tracks, 5% thick
// (which is flat in z):
//   ln Msum, q, log age, [Fe/H], ln rsumfrac, sqrt(e) cos omega, sqrt(e) sin omega, cos i, ln Teff1, ln Teff2, log L1,
//   log L2, ln R1, ln R2, ln d, E(B-V)
// (sqrt(e): Eastman, Gaudi and Agol 2013, PASP 125, 83). Where the period is known, rsumfrac follows from it and the
// fifth coordinate is the free unit normal number z[rsumfrac] itself.
#pragma once

#include <array>
#include <cmath>

#include "sim/prior.h"

namespace penumbra {

using ChainPoint = std::array<double, kParameterCount>;

class ChainCoordinates {
 public:
  explicit ChainCoordinates(double period_day) : period_day_(period_day) {}  // NaN: not known

  ChainPoint point(const Theta& theta, const Latent& z) const;
  // Any point has a theta, perhaps outside the prior's support.
  Theta theta(const ChainPoint& point) const;
  // ln |d theta / d point| of the coordinates that are functions of theta; the 15 without rsumfrac, or all.
  double log_jacobian(const Theta& theta) const;

  // ln of the prior's density (inference/likelihood.h) over this point, whose theta is given; -inf outside the support.
  double log_prior(const Prior& prior, const ChainPoint& point, const Theta& theta) const;
  // z of a point inside the support.
  Latent latent(const Prior& prior, const ChainPoint& point) const;

 private:
  bool period_known() const { return !std::isnan(period_day_); }
  double period_day_;
};

}  // namespace penumbra
