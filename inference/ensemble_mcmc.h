// Affine-invariant ensemble sampler: walkers propose for each other, so that no step size or covariance is tuned.
//
// Two moves, at random: the stretch move (Goodman and Weare 2010, CAMCoS 5, 65) and differential evolution (ter Braak
// 2006, Statistics and Computing 16, 239; Nelson et al. 2014, ApJS 210, 11). Each half of the ensemble moves given the
// other (Foreman-Mackey et al. 2013, PASP 125, 306), as one batch of densities.
//
// The start need not be near the answer: the likelihood's power rises from one at which the starting points are
// typical to 1, walkers being resampled by their weights at each rise (sequential Monte Carlo; Del Moral, Doucet and
// Jasra 2006, JRSS B 68, 411). That leaves no walker behind in a mode that does not count. From then on the second half
// of the chain is kept, until it is long enough or the budget is spent.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "sim/prior.h"

namespace penumbra {

// A point in two systems of coordinates. The moves take turns between them: what is curved in one may be flat in the
// other, and a walker that is slow in one is not in both.
struct EnsemblePoint {
  std::array<Latent, 2> at{};
  std::array<double, 2> log_prior{-INFINITY, -INFINITY};  // of the density over each
  double log_likelihood = -INFINITY;
};
// Completes points of which at[system] is given; densities may be -inf, never NaN.
using BatchDensity = std::function<void(std::size_t system, std::span<EnsemblePoint> points)>;

struct EnsembleOptions {
  int walkers = 64;                              // even, more than twice the dimension
  std::int64_t budget = 300'000;                 // densities evaluated, at most (one generation more)
  double effective_size = 1000.0, r_hat = 1.05;  // stops when both are reached
  // After each generation: densities evaluated so far, and R-hat (infinite before there is one).
  std::function<void(std::int64_t, double)> progress;
};

struct EnsembleChain {
  int walkers = 0;
  std::vector<EnsemblePoint> draws;  // [generation][walker], kept ones
  double r_hat = INFINITY;  // split R-hat, each walker two chains; the worst coordinate of both systems (as the next)
  double autocorrelation_time = INFINITY;  // generations
  double effective_size = 0.0;             // draws over the autocorrelation time
  double acceptance = 0.0;                 // of the proposals of the kept draws
  std::int64_t evaluations = 0;
  bool converged = false;
};

// Split R-hat (Gelman et al. 2013, Bayesian Data Analysis, section 11.4) of x[generation][walker], at least 4
// generations.
double split_r_hat(std::span<const double> x, int walkers);

// Integrated autocorrelation time of x[generation][walker] in generations: the walkers' autocovariances averaged,
// summed up to five times the time itself (Sokal's window).
double autocorrelation_time(std::span<const double> x, int walkers);

// start: at least `walkers` points in coordinates 0 with a finite density, in random order. Throws
// std::invalid_argument otherwise.
EnsembleChain sample_ensemble(const BatchDensity& density, std::span<const Latent> start,
                              const EnsembleOptions& options, RandomStream& random);

}  // namespace penumbra
