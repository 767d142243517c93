// Posteriors under a prior of independent parameters: what the hierarchical prior's structure tells of a binary whose
// light is known.
//
// Each of the 16 parameters has the marginal distribution that the hierarchical prior gives it, and knows of no other:
// no stellar tracks tie temperatures and radii to masses and age, none but the geometry of the light curves rules out
// lobes that overflow.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "inference/chain_coordinates.h"
#include "inference/ensemble_mcmc.h"
#include "inference/likelihood.h"
#include "sim/prior.h"

namespace penumbra {

// A distribution as a monotone map from a unit normal z to y = x or ln x: straight between quantiles of a sample, and
// on beyond them.
class MarginalMap {
 public:
  // At least 1000 values, all positive where logarithmic.
  MarginalMap(std::vector<double> values, bool logarithmic);
  double value(double z) const;
  double normal(double x) const;       // z of that value
  double log_density(double x) const;  // ln of the density of x

 private:
  static std::size_t piece_of(const std::vector<double>& edges, double value);
  double slope(std::size_t piece) const { return (y_[piece + 1] - y_[piece]) / (z_[piece + 1] - z_[piece]); }  // dy/dz

  bool logarithmic_;
  std::vector<double> z_, y_;
};

class IndependentPrior {
 public:
  // Marginals of 16 * draws draws of the hierarchical prior.
  IndependentPrior(const Prior& prior, std::uint64_t seed, std::size_t draws, int threads);

  // theta of z ~ N(0, I). Where the period is known (not NaN), rsumfrac follows from it, as in the hierarchical prior.
  Theta theta(const Latent& z, double period_day) const;
  // Completes a chain's point of which at[system] is given, but for its likelihood (log_rest), and returns its theta.
  // System 0 is z, 1 ChainCoordinates, whose luminosities and free coordinate keep their z; log_start is of N(0, I)
  // over z in either.
  Theta complete(std::size_t system, const ChainCoordinates& coordinates, EnsemblePoint& point) const;
  // z of theta.
  Latent latent(const Theta& theta) const;
  // ln p(ln P | all other parameters), by Kepler's third law (Prior::log_period_density).
  double log_period_density(const Theta& theta) const;

 private:
  std::vector<MarginalMap> marginal_;
};

struct PriorPosterior {
  std::vector<Theta> theta;  // draws, as many as were asked for at most
  double r_hat = INFINITY, effective_size = 0.0;
  std::int64_t evaluations = 0;
  bool converged = false;
};

struct IndependentRun {
  std::int64_t budget;  // densities evaluated, at most
  std::size_t draws;    // wanted
  int threads;          // 0: all cores
  std::string name;     // for the progress line and errors
};

// The posterior of an observation under the independent prior, by the ensemble of inference/ensemble_mcmc.h. exact: of
// the same observation; its likelihood is read, not its prior. near: draws of the posterior under the hierarchical
// prior. The chains start there: the same likelihood lets this posterior have those modes and go on beyond them. One
// that lies elsewhere would be missed.
PriorPosterior sample_under_independent_prior(const IndependentPrior& prior, const ExactPosterior& exact,
                                              const ChainCoordinates& coordinates, const std::vector<Theta>& near,
                                              const IndependentRun& run, RandomStream random);

// Share of draws that the hierarchical prior allows, luminosities apart: no light curve or photometry reads those, so
// an independent prior leaves them off the tracks in any case.
double possible_share(const Prior& prior, const std::vector<Theta>& draws);

}  // namespace penumbra
