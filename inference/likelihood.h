// The exact posterior: the prior and the likelihood of sim/likelihood.h.
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

#include <memory>
#include <span>
#include <string>

#include "inference/posterior_record.h"
#include "sim/likelihood.h"
#include "sim/simulate.h"

namespace penumbra {

class DeviceLikelihood;

// One point of the posterior.
struct PosteriorPoint {
  Theta theta{};
  double log_prior = -INFINITY;       // ln N(z; 0, I) + ln(barriers), + ln p(ln P | z') where the period is known
  double log_likelihood = -INFINITY;  // -inf: outside the support, or no model there
  double log_density() const { return log_prior + log_likelihood; }
};

class ExactPosterior {
 public:
  // The simulator must outlive it. threads: of batches, 0: all cores; they change no number. device: "cpu" or "cuda",
  // where the likelihood is then computed if this program has kernels for it (not those of heat maps) and a GPU.
  ExactPosterior(const Simulator& simulator, const Observation& observation, int threads,
                 const std::string& device = "cpu");
  ~ExactPosterior();

  // out[S] at z[S], as one batch. Interrupted is thrown when the user asks to stop.
  void evaluate(std::span<const Latent> z, std::span<PosteriorPoint> out) const;
  PosteriorPoint evaluate(const Latent& z) const;

  // The prior's part of the density at a z inside the support.
  double log_prior(const Latent& z, const Theta& theta) const;

  // ln p(x | theta) alone of each, as one batch; -inf where the forward model has no answer.
  void log_likelihood(std::span<const Theta> theta, std::span<double> out) const;

 private:
  double log_likelihood(const Theta& theta) const;

  const Simulator& simulator_;
  Observed data_;
  double period_day_;
  int threads_;
  std::unique_ptr<DeviceLikelihood> on_device_;
};

}  // namespace penumbra
