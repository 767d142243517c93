// Posterior by tempered ensembles, then plain Metropolis chains: no step size or covariance is given.
//
// 1. Populations of walkers start from draws of densities that are wider than the posterior: of the prior, and of
//    whatever else is at hand, for each finds modes that another misses. From such a density s the walkers come to the
//    posterior p through s^(1-b) p^b, whose power b rises from 0 to 1; at each rise walkers are resampled by their
//    weights within their population and move (sequential Monte Carlo; Del Moral, Doucet and Jasra 2006, JRSS B 68,
//    411). That is where chains start: a few moves at each power do not make it the posterior.
// 2. Some walkers of each population start chains. Their proposals are made of an archive of points, at first all
//    walkers, and of a mixture of normals in coordinates that straighten the archive (curved_mixture.h). Half are steps
//    by the difference of two of the archive's points in those coordinates (differential evolution with an archive: ter
//    Braak and Vrugt 2008, Statistics and Computing 18, 435); the other half are independent draws of the mixture,
//    which go anywhere in the archive's part of the posterior at once. In a round neither archive nor mixture changes,
//    so that every walker is a Metropolis-Hastings chain of its own, and R-hat means what it says: that the chains
//    agree, not that a mode which no walker met is not there. The first round that passes ends the work, and its draws
//    alone are kept; otherwise they renew most of the archive for the next, which is twice as long.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "sim/prior.h"

namespace penumbra {

// A point in two systems of coordinates. The moves take turns between them: what is curved in one may be flat in the
// other, and a walker that is slow in one is not in both.
struct EnsemblePoint {
  std::array<Latent, 2> at{};
  // The posterior's density over each system in two parts: the density that the walkers start from, and the rest.
  std::array<double, 2> log_start{-INFINITY, -INFINITY};
  double log_rest = -INFINITY;
  double log_density(std::size_t system) const { return log_start[system] + log_rest; }
};
// Completes points of which at[system] is given; densities may be -inf, never NaN.
using BatchDensity = std::function<void(std::size_t system, std::span<EnsemblePoint> points)>;

struct EnsembleStart {
  BatchDensity density;  // the posterior's, divided into that of the start and the rest
  // Independent draws of the start, complete and of finite density; as many as its populations' walkers, or more, of
  // which the first rise of the power keeps the best.
  std::vector<EnsemblePoint> points;
};

struct EnsembleOptions {
  int populations = 4, walkers = 128;            // even numbers; of all starts together; walkers of a population
  int chains = 64;                               // a multiple of the populations
  std::int64_t budget = 600'000;                 // densities evaluated, at most (one generation more)
  double effective_size = 1000.0, r_hat = 1.05;  // stops when both are reached
  // Coordinates that the likelihood does not read, unit normal and the same in both systems: each proposal draws them
  // anew, so that they cost nothing.
  std::vector<std::size_t> unread;
  // Coordinates whose sign alone some proposals change, in both systems: modes that mirror each other.
  std::vector<std::size_t> mirrored;
  // After each generation: densities evaluated so far, the power, and R-hat (infinite before there is one).
  std::function<void(std::int64_t, double, double)> progress;
};

struct EnsembleChain {
  int walkers = 0;  // chains
  // [generation][walker] of the last round. Only log_density() of them counts: a walker that has not moved yet is still
  // divided as its start was.
  std::vector<EnsemblePoint> draws;
  double r_hat = INFINITY;  // split R-hat, each walker two chains; the worst coordinate of both systems (as the next)
  double autocorrelation_time = INFINITY;  // generations
  double effective_size = 0.0;             // draws over the autocorrelation time
  double acceptance = 0.0;                 // of the round's proposals
  int temperatures = 0;                    // of all starts
  std::int64_t evaluations = 0;
  bool converged = false;
};

// Indices of the coordinates that are not among the unread ones.
std::vector<std::size_t> read_coordinates(const std::vector<std::size_t>& unread);

// Indices of `count` of the draws, or of all, in random order: as many of each walker, at equal distances along it.
// (Along the generations a distance that shares a factor with the number of walkers would meet few of them.)
std::vector<std::size_t> thinned(const EnsembleChain& chain, std::size_t count, RandomStream& random);

// Split R-hat (Gelman et al. 2013, Bayesian Data Analysis, section 11.4) of x[generation][walker], at least 4
// generations.
double split_r_hat(std::span<const double> x, int walkers);

// Integrated autocorrelation time of x[generation][walker] in generations: the walkers' autocovariances averaged,
// summed up to five times the time itself (Sokal's window).
double autocorrelation_time(std::span<const double> x, int walkers);

// `count` draws of N(0, I) in the first system that have a density. Fewer where a thousand times as many tries do not
// give them.
std::vector<EnsemblePoint> draw_start(const BatchDensity& density, std::size_t count, RandomStream& random);

// From complete points near the posterior, those that have a density: they start as draws of a mixture fitted to them
// in the second system's coordinates. None where fewer than `least` have one or they span fewer dimensions. threads: 0:
// all cores.
std::optional<EnsembleStart> start_near(const BatchDensity& density, std::vector<EnsemblePoint> points,
                                        const std::vector<std::size_t>& unread, std::size_t least, int threads,
                                        RandomStream& random);

// starts: at least one, each of as many of the populations; the chains read the first one's density. Throws
// std::invalid_argument where populations or points do not fit. A budget that ends before the power is 1 leaves the
// walkers as they are, which are no posterior.
EnsembleChain sample_ensemble(const std::vector<EnsembleStart>& starts, const EnsembleOptions& options,
                              RandomStream& random);

}  // namespace penumbra
