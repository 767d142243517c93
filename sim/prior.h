// The hierarchical prior of the paper, section 2.1 (Table 1): draws, density, and the map to a unit normal.
//
// Every conditional of the prior goes through its own CDF to a unit normal, so that theta <-> z in R^16 is one to one
// and the prior, before the soft barriers and the rejections of section 2.4, is z ~ N(0, I):
//   z[0..4]   Msum, q, u_age, [Fe/H], rsumfrac: Phi^-1(CDF)
//   z[5..6]   (r cos omega, r sin omega) with r = sqrt(-2 ln(1 - CDF(log10 e))): Box-Muller, so omega is periodic
//   z[7]      cos i, uniform up to its geometric limit given rsumfrac, e and omega
//   z[8..13]  Teff1, Teff2, log L1, log L2, R1, R2: offset from the track, uniform in +-5%
//   z[14..15] distance, then E(B-V) given distance
// A network trained in z can only answer with systems inside the prior's support.
#pragma once

#include <cstdint>
#include <string>

#include "sim/prior_view.h"

namespace penumbra {

// `field` changes the metallicity.
struct PriorSpec : PriorNumbers {
  std::string name = "paper";
};

// "paper" or "field"; anything else throws UserError naming both.
PriorSpec named_prior(const std::string& name);

class Prior {
 public:
  // The views' owners must outlive the prior. Throws UserError where the spec is not a distribution.
  Prior(PriorSpec spec, TrackView tracks, DustView dust);

  // One accepted draw: tries z ~ N(0, I) of stream (seed, index) until one passes. Throws std::runtime_error after
  // kMaxPriorTries. Without allocation; safe to call from many threads.
  PriorDraw draw(std::uint64_t seed, std::uint64_t index) const;

  // theta(z); kOk or the first reason to reject (soft barriers excluded: they are in log_density and in draw). theta is
  // complete unless the status is kOutsideTracks or kInvalidInput.
  Status theta_from_latent(const Latent& z, Theta& theta) const;
  // The same for a binary whose period is known: rsumfrac = (R1 + R2) / a(Msum, P) by Kepler's third law, and
  // z[kRsumFrac] is not read. A period has no error worth the name, so the posterior of all 16 parameters given it lies
  // on a surface that a flow of 16 dimensions could only thicken; the other 15 coordinates have an ordinary density.
  // NaN: the period is not known, and this is theta(z).
  Status theta_from_latent(const Latent& z, double period_day, Theta& theta) const;
  // z(theta), the inverse map; kOutsideTracks / kInvalidInput where theta is outside the support. The rejections of
  // section 2.4 are not tested here.
  Status latent_from_theta(const Theta& theta, Latent& z) const;

  // z[kEccentricity] and z[kOmega] of an eccentricity and an omega / rad; kInvalidInput outside the support.
  Status latent_from_eccentricity(double eccentricity, double omega, Latent& z) const;

  // ln of the soft barriers' factor (section 2.1.2), <= 0.
  double log_barrier(const Theta& theta) const;
  // z[kRsumFrac] of rsumfrac, and ln p(rsumfrac), no other condition.
  double z_from_rsumfrac(double rsumfrac) const;
  double log_rsumfrac_density(double rsumfrac) const;
  // ln p(ln P | all other coordinates of z) at theta, which fixes P: what the likelihood of a known period is. Kepler's
  // third law at given masses and radii, rsumfrac ~ P^(-2/3), takes the density of rsumfrac there.
  double log_period_density(const Theta& theta) const;
  // Unnormalised ln p(theta): -inf outside the support. In theta coordinates, Jacobian included.
  double log_density(const Theta& theta) const;
  // ln |d theta / d z| at z, where theta = theta(z).
  double log_jacobian(const Latent& z, const Theta& theta) const;
  // ln |d(e, omega) / d(z[kEccentricity], z[kOmega])| there, a factor of it.
  double log_eccentricity_jacobian(const Latent& z, double eccentricity) const;

  const PriorSpec& spec() const { return spec_; }
  PriorView view() const;  // valid while this object and the owners of tracks and dust live

 private:
  double log10_eccentricity_density(double log10_e) const;

  PriorSpec spec_;
  TrackView tracks_;
  DustView dust_;
  double loge_below_, loge_inside_, loge_above_;  // probabilities of the untruncated normal
  QuantileTable log_msum_, logit_q_, logit_age_, feh_, logit_rsum_;
};

}  // namespace penumbra
