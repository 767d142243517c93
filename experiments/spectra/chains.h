// Metropolis chains of a star's posterior, to compare the network's cost and answer with: Gaussian steps of the
// covariance at the mode (spectra/spectrum_fit.h), scaled by 2.38^2 / 26 (Gelman, Roberts and Gilks 1996), from points
// spread about the mode by twice that covariance.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "spectra/spectrum_fit.h"

namespace penumbra {

struct ChainOptions {
  int chains = 8;
  int first_round = 2000;  // steps; each round is twice as long and drops what came before it
  long budget = 400'000;   // densities evaluated, at most (to the end of a step)
  double r_hat = 1.05;     // ends when the worst label's is below, and has so many effective samples
  double effective_size = 400.0;
};

struct Chains {
  std::vector<LabelLatent> draws;  // [step][chain] of the last round
  double r_hat, effective_size, acceptance;
  long evaluations;
  bool converged;
};

// ln density of points in z, -infinity outside.
using ChainDensity = std::function<std::vector<double>(std::span<const LabelLatent> z)>;
Chains run_chains(const ChainDensity& density, const LabelLatent& mode, const Eigen::MatrixXd& covariance,
                  const ChainOptions& options, RandomStream& random);

}  // namespace penumbra
