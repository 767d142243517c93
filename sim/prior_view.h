// One draw of the prior, the same function on the host and on the device. What the coordinates z are, and the
// densities, are in prior.h.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "base/host_device.h"
#include "base/random.h"
#include "sim/constants.h"
#include "sim/dust.h"
#include "sim/elementary.h"
#include "sim/parameters.h"
#include "sim/quantile_table.h"
#include "sim/roche.h"
#include "sim/special_functions.h"
#include "sim/status.h"
#include "sim/system.h"
#include "sim/tracks.h"

namespace penumbra {

// Table 1. The defaults are the paper's.
struct PriorNumbers {
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
  double barrier_steepness = 200.0;  // see log_barrier
};

using Latent = std::array<double, kParameterCount>;

struct PriorDraw {
  Theta theta;
  Latent z;
  std::array<int, static_cast<int>(Status::kStatusCount)> rejected{};  // by reason, before this acceptance
};

// Tries of one draw before it counts as impossible.
inline constexpr int kMaxPriorTries = 100'000;

// What a draw reads. Prior owns the tables of the conditionals.
struct PriorView {
  PriorNumbers spec;
  double loge_below, loge_inside, loge_above;  // probabilities of the untruncated normal of log10 e
  QuantileView log_msum, logit_q, logit_age, feh, logit_rsum;
  TrackView tracks;
  DustView dust;
};

PN_HD inline double logistic(double y) { return 1.0 / (1.0 + std::exp(-y)); }

// ln(1 + e^x) without overflow.
PN_HD inline double softplus(double x) { return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

// sin(omega), which a device takes without a stack.
PN_HD inline double sin_omega(const Theta& theta) {
  double sine, cosine;
  sine_cosine(theta[kOmega], sine, cosine);
  return sine;
}

// Section 2.4 (ii) to (iv), and the paper's code's rule against luminous giants: kOk or the first that applies.
PN_HD inline Status rejection(const Theta& theta) {
  constexpr double kMaxLogG = 5.0, kMinTeff = 3500.0;
  constexpr double kGiantLogG = 3.5, kGiantLogL = 2.69897000433601880479;  // log10(500)
  const double m1 = theta[kMsum] / (1.0 + theta[kQ]);
  const double logg1 = logg_cgs(m1, theta[kRadius1]), logg2 = logg_cgs(theta[kMsum] - m1, theta[kRadius2]);
  const double periastron = (theta[kRadius1] + theta[kRadius2]) / theta[kRsumFrac] * (1.0 - theta[kEccentricity]);
  if (!(logg1 <= kMaxLogG && logg2 <= kMaxLogG)) return Status::kGravityTooHigh;
  if (!(theta[kTeff1] >= kMinTeff && theta[kTeff2] >= kMinTeff)) return Status::kTooCool;
  if (!(theta[kRadius1] < roche_lobe_radius(theta[kQ]) * periastron &&
        theta[kRadius2] < roche_lobe_radius(1.0 / theta[kQ]) * periastron)) {
    return Status::kRocheOverflow;
  }
  if ((logg1 < kGiantLogG && theta[kLogL1] > kGiantLogL) || (logg2 < kGiantLogG && theta[kLogL2] > kGiantLogL)) {
    return Status::kLuminousGiant;
  }
  return Status::kOk;
}

// log10 e at radius r of the plane (z5, z6): 1 - CDF = exp(-r^2 / 2).
PN_HD inline double log10_eccentricity_quantile(const PriorView& prior, double radius) {
  const double upper = std::exp(-0.5 * radius * radius), lower = -std::expm1(-0.5 * radius * radius);
  const double z = lower < 0.5 ? normal_quantile(prior.loge_below + lower * prior.loge_inside)
                               : -normal_quantile(prior.loge_above + upper * prior.loge_inside);
  return prior.spec.loge_mean + prior.spec.loge_sigma * z;
}

// The paper, section 2.1.1: primary eclipses need cos i <= (R1 + R2)/a (1 + e sin omega) / (1 - e^2).
PN_HD inline double cos_i_limit(const PriorNumbers& spec, const Theta& theta) {
  const double e = theta[kEccentricity];
  const double limit = theta[kRsumFrac] * (1.0 + e * sin_omega(theta)) / (1.0 - e * e);
  return limit < spec.cos_i_max ? limit : spec.cos_i_max;
}

// Section 2.1.2, log p = -k ln(1 + exp(x - xmax)), leaves the unit of x and the constant k open; with x = rsumfrac
// itself it would not be flat inside (0, 1) at all. Here k = 1 and x is barrier_steepness times ln(rsumfrac), so that a
// boundary is as sharp for wide binaries as for close ones: the factor is 1 / (1 + (rsumfrac / max)^steepness), and 1/2
// on the boundary.
PN_HD inline double log_barrier(const PriorNumbers& spec, const Theta& theta) {
  const double e = theta[kEccentricity], q = theta[kQ];
  // Eclipses at both conjunctions.
  const double least = theta[kCosI] * (1.0 - e * e) / (1.0 + std::abs(e * sin_omega(theta)));
  // Detached at periastron.
  const double most = (roche_lobe_radius(q) + roche_lobe_radius(1.0 / q)) * (1.0 - e);
  return -softplus(spec.barrier_steepness * std::log(least / theta[kRsumFrac])) -
         softplus(spec.barrier_steepness * std::log(theta[kRsumFrac] / most));
}

// The two stars on the tracks; false where one is outside the grid.
PN_HD inline bool stars_on_tracks(const TrackView& tracks, const Theta& theta, StellarState star[2]) {
  const double m1 = theta[kMsum] / (1.0 + theta[kQ]);
  return interpolate_star(tracks, m1, theta[kLogAge], theta[kFeh], star[0]) &&
         interpolate_star(tracks, theta[kMsum] - m1, theta[kLogAge], theta[kFeh], star[1]);
}

// theta(z) as Prior::theta_from_latent says; a period that is NaN is not known.
PN_HD inline Status theta_from_latent(const PriorView& prior, const Latent& z, double period_day, Theta& theta) {
  const PriorNumbers& spec = prior.spec;
  for (int p = 0; p < kParameterCount; ++p) {
    if (!std::isfinite(z[p])) return Status::kInvalidInput;
  }
  theta[kMsum] = std::exp(quantile_value(prior.log_msum, z[kMsum]));
  theta[kQ] = logistic(quantile_value(prior.logit_q, z[kQ]));
  theta[kLogAge] =
      spec.log_age_min + (spec.log_age_max - spec.log_age_min) * logistic(quantile_value(prior.logit_age, z[kLogAge]));
  theta[kFeh] = quantile_value(prior.feh, z[kFeh]);
  StellarState star[2];
  if (!stars_on_tracks(prior.tracks, theta, star)) return Status::kOutsideTracks;

  // erf(z / sqrt 2) = 2 Phi(z) - 1 is uniform in (-1, 1). The luminosity's band is +-5% in linear L: a fraction of log
  // L itself would vanish at 1 Lsun.
  const auto offset = [&](int p) { return 1.0 + spec.track_tolerance * std::erf(z[p] / kSqrt2); };
  for (int k = 0; k < 2; ++k) {
    theta[kTeff1 + k] = star[k].teff_k * offset(kTeff1 + k);
    theta[kLogL1 + k] = star[k].log_l + std::log10(offset(kLogL1 + k));
    theta[kRadius1 + k] = star[k].radius_rsun * offset(kRadius1 + k);
  }

  if (!std::isnan(period_day)) {
    theta[kRsumFrac] = (theta[kRadius1] + theta[kRadius2]) / sma_from_period_rsun(period_day, theta[kMsum]);
    if (!(theta[kRsumFrac] > 0.0 && theta[kRsumFrac] < 1.0)) return Status::kBadGeometry;
  } else {
    theta[kRsumFrac] = logistic(quantile_value(prior.logit_rsum, z[kRsumFrac]));
  }
  theta[kEccentricity] = std::pow(10.0, log10_eccentricity_quantile(prior, std::hypot(z[kEccentricity], z[kOmega])));
  const double angle = std::atan2(z[kOmega], z[kEccentricity]);
  theta[kOmega] = angle < 0.0 ? angle + kTwoPi : angle;
  theta[kCosI] = normal_cdf(z[kCosI]) * cos_i_limit(spec, theta);
  theta[kDistance] = distance_from_z(prior.dust, z[kDistance]);
  theta[kEbv] = ebv_from_z(prior.dust, z[kDistance], z[kEbv]);
  for (int p = 0; p < kParameterCount; ++p) {
    if (!std::isfinite(theta[p])) return Status::kInvalidInput;
  }
  return rejection(theta);
}

// One try: 16 normals and one uniform of the stream, whatever becomes of it. kOk or why it is rejected, which is
// counted.
PN_HD inline Status try_draw(const PriorView& prior, RandomStream& random, PriorDraw& draw) {
  for (int p = 0; p < kParameterCount; ++p) draw.z[p] = random.normal();
  const double u = random.uniform();
  Status status = theta_from_latent(prior, draw.z, NAN, draw.theta);
  if (status == Status::kOk && std::log(u) > log_barrier(prior.spec, draw.theta)) status = Status::kSoftBarrier;
  if (status != Status::kOk) ++draw.rejected[static_cast<int>(status)];
  return status;
}

// Tries of the stream (seed, index) until one is accepted; false where none of kMaxPriorTries is.
PN_HD inline bool accepted_draw(const PriorView& prior, std::uint64_t seed, std::uint64_t index, PriorDraw& draw) {
  RandomStream random(seed, index, Stage::kPrior);
  for (int& count : draw.rejected) count = 0;
  for (int tries = 0; tries < kMaxPriorTries; ++tries) {
    if (try_draw(prior, random, draw) == Status::kOk) return true;
  }
  return false;
}

}  // namespace penumbra
