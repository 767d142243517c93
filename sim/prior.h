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

#include <array>
#include <cstdint>
#include <string>

#include "base/random.h"
#include "sim/dust.h"
#include "sim/parameters.h"
#include "sim/quantile_table.h"
#include "sim/status.h"
#include "sim/tracks.h"

namespace penumbra {

// Table 1. The defaults are the paper's; `field` changes the metallicity.
struct PriorSpec {
  std::string name = "paper";
  // Exponentially modified Gaussian, cut at 0: normal(mu, sigma) + exponential(mean K). The paper's K = 1.1 is read as
  // the mean of the exponential in Msun (as its code passes it), not as scipy's dimensionless shape.
  double msum_k = 1.1, msum_mu = 0.7, msum_sigma = 0.25;
  double q_alpha = 2.5, q_beta = 1.2;
  double age_alpha = 2.5, age_beta = 1.8, log_age_min = 6.5, log_age_max = 10.13;
  // [Fe/H]: weight * N(mean, sigma) + (1 - weight) * N(tail_mean, tail_sigma)
  double feh_mean = -1.0, feh_sigma = 0.5, feh_weight = 1.0, feh_tail_mean = -1.0, feh_tail_sigma = 0.5;
  double rsum_alpha = 1.6, rsum_beta = 4.0;
  // Truncated normal of log10 e: base 10, as the paper writes it.
  double loge_mean = -2.0, loge_sigma = 0.6, loge_min = -6.0, loge_max = -4e-6;
  double cos_i_max = 0.99999;
  double track_tolerance = 0.05;     // +-, of Teff, R and (linear) L
  double barrier_steepness = 200.0;  // see Prior::log_barrier
};

// "paper" or "field"; anything else throws UserError naming both.
PriorSpec named_prior(const std::string& name);

using Latent = std::array<double, kParameterCount>;

struct PriorDraw {
  Theta theta;
  Latent z;
  std::array<int, static_cast<int>(Status::kStatusCount)> rejected{};  // by reason, before this acceptance
};

class Prior {
 public:
  // The views' owners must outlive the prior. Throws UserError where the spec is not a distribution.
  Prior(PriorSpec spec, TrackView tracks, DustView dust);

  // One accepted draw: tries z ~ N(0, I) of stream (seed, index) until one passes. Throws std::runtime_error after
  // 100,000 tries. Without allocation; safe to call from many threads.
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

  // ln of the soft barriers' factor (section 2.1.2), <= 0.
  double log_barrier(const Theta& theta) const;
  // ln p(ln P | all other coordinates of z) at theta, which fixes P: what the likelihood of a known period is. Kepler's
  // third law at given masses and radii, rsumfrac ~ P^(-2/3), takes the density of rsumfrac there.
  double log_period_density(const Theta& theta) const;
  // Unnormalised ln p(theta): -inf outside the support. In theta coordinates, Jacobian included.
  double log_density(const Theta& theta) const;
  // ln |d theta / d z| at z, where theta = theta(z).
  double log_jacobian(const Latent& z, const Theta& theta) const;

  const PriorSpec& spec() const { return spec_; }

 private:
  double eccentricity_quantile(double radius) const;
  double log10_eccentricity_density(double log10_e) const;
  double cos_i_limit(const Theta& theta) const;

  PriorSpec spec_;
  TrackView tracks_;
  DustView dust_;
  double loge_below_, loge_inside_, loge_above_;  // probabilities of the untruncated normal
  QuantileTable log_msum_, logit_q_, logit_age_, feh_, logit_rsum_;
};

// Section 2.4 (ii) to (iv), and the paper's code's rule against luminous giants: kOk or the first that applies.
Status rejection(const Theta& theta);

}  // namespace penumbra
