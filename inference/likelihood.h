// The exact likelihood of an observation: what sim/survey.h's noise makes of the forward model's prediction.
//
// Given which data exist and the errors that they quote, all data are independent and Gaussian:
//   light curves  flux_t ~ N(A m_t, (f sigma_t)^2), m the model averaged over the exposure. Per channel two unknowns
//   are
//                 integrated out: the level A, with a flat density (1 where 1 is the data's median flux), since a light
//                 curve is divided by the median of its own noisy flux and the network never sees the level; and the
//                 true scatter over the quoted error f, with the law that simulations draw it from.
//   photometry    flux_k ~ N(model_k, sigma_k^2), of the bands that exist
//   parallax      ~ N(1000 / distance, sigma^2)
// What quoted errors and missing data say by themselves about how bright the star is (a network may learn a little from
// them, since simulations choose them by magnitude) is left out: for a real star that would be the catalogue's habit,
// not its light.
//
// The posterior's density is over z, the prior's unit normal coordinates (sim/prior.h):
//   ln p(z, x) = ln N(z; 0, I) + ln(soft barriers) + ln p(x | theta(z)),   -inf where the prior rejects theta.
// It is the prior before rejections, so evidences carry the prior's acceptance rate, one constant for all objects.
//
// A known period P replaces the coordinate of rsumfrac. Then theta = theta(z', P) where z' are the other 15, and
//   p(z', ln P) = N(z'; 0, I) p(ln P | z'),   p(ln P | z') = p(rsumfrac) rsumfrac |d ln rsumfrac / d ln P|
// (Prior::log_period_density). The network still answers in 16 coordinates: it was taught an independent unit normal
// number for the one that is not read (nn/features.h). Multiplying the density by N(z_rsumfrac; 0, 1) makes both sides
// densities of the same 16 numbers; the factor integrates to 1, so neither the posterior of the other 15 nor the
// evidence p(x, ln P) depends on it, however well the network has learned its part.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "inference/best_fit.h"
#include "inference/posterior_record.h"
#include "sim/simulate.h"

namespace penumbra {

// ln of the likelihood of a light curve of `points` valid points: chi^2 and inverse variance of the best level as
// fit_scale gives them, log_sigma_sum = sum of ln sigma_t. Both integrals of the header's top; the level's in closed
// form, the factor's by the trapezoid rule (relative error below 1e-9).
double log_curve_likelihood(const ScaledFit& fit, std::size_t points, double log_sigma_sum, const ScatterLaw& law);

// One point of the posterior.
struct PosteriorPoint {
  Theta theta{};
  double log_prior = -INFINITY;       // ln N(z; 0, I) + ln(barriers), + ln p(ln P | z') where the period is known
  double log_likelihood = -INFINITY;  // -inf: outside the support, or no model there
  double log_density() const { return log_prior + log_likelihood; }
};

class ExactPosterior {
 public:
  // The simulator must outlive it; the observation is copied without the points that carry no information (as
  // pack_features does: no finite flux, no positive error). threads: of evaluate, 0: all cores; they change no number.
  ExactPosterior(const Simulator& simulator, const Observation& observation, int threads);

  // out[S] at z[S], as one batch. Interrupted is thrown when the user asks to stop.
  void evaluate(std::span<const Latent> z, std::span<PosteriorPoint> out) const;
  PosteriorPoint evaluate(const Latent& z) const;

  // The prior's part of the density at a z inside the support.
  double log_prior(const Latent& z, const Theta& theta) const;

  // ln p(x | theta) alone; -inf where the forward model has no answer.
  double log_likelihood(const Theta& theta) const;

 private:
  const Simulator& simulator_;
  Observation observation_;
  int threads_;
  std::array<double, kChannelCount> log_sigma_sum_{}, median_sigma_{};
};

}  // namespace penumbra
