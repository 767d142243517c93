// Importance weights of samples of one density for another, and whether they can be trusted.
//
// Pareto-smoothed importance sampling: Vehtari, Simpson, Gelman, Yao and Gabry (2024, JMLR 25, 72). The largest weights
// are fitted by a generalised Pareto distribution (Zhang and Stephens 2009, Technometrics 51, 316) and replaced by its
// quantiles. Its shape k says how heavy their tail is: beyond .7 no practical number of samples is enough.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "inference/posterior_record.h"

namespace penumbra {

inline constexpr double kLargestParetoK = 0.7;

// P(X > x) = (1 + k x / sigma)^(-1/k), x > 0.
struct GeneralizedPareto {
  double k, sigma;
  double quantile(double probability) const;
};

// Fit to ascending values > 0, with the weak prior on k of Vehtari et al. (ten observations at .5). k is infinite where
// there are fewer than five values or they span more than a double holds.
GeneralizedPareto fit_generalized_pareto(std::span<const double> ascending);

struct ImportanceWeights {
  std::vector<double> weight;  // [S], of sum 1, smoothed where k-hat < 1; empty sum (every weight zero): all zero
  double pareto_k;
  double effective_size;  // 1 / sum of weight^2
  double efficiency;      // effective_size over the number of samples drawn
  double log_evidence;    // ln of the mean weight before normalising
  double log_evidence_error;
};

// log_ratio[S]: ln(target / proposal) of each sample, unnormalised; -inf: no weight. drawn >= S: how many samples the
// proposal gave in all, those left out having no weight. NaN and +inf throw std::invalid_argument.
ImportanceWeights importance_weights(std::span<const double> log_ratio, std::size_t drawn);

// The weights of samples whose exact and proposed log densities these are, and what they tell, as facts of a posterior:
// importance_effective_size, importance_efficiency, pareto_k.
ImportanceWeights weigh_samples(std::span<const double> log_density, std::span<const double> log_q, std::size_t drawn,
                                PosteriorFacts& facts);

// Draws as many samples again by those weights, of which some are positive. Names the method, and warns where the
// weights have failed; `instead`: what to do then.
template <class Samples>
void draw_by_weights(const ImportanceWeights& weights, const std::string& instead, RandomStream& random,
                     Samples& samples, PosteriorFacts& facts);

// Indices of `count` samples in proportion to their weights, by systematic resampling, in random order.
std::vector<std::size_t> resample(std::span<const double> weight, std::size_t count, RandomStream& random);

void name_weighted(const ImportanceWeights& weights, const std::string& instead, PosteriorFacts& facts);

template <class Samples>
void draw_by_weights(const ImportanceWeights& weights, const std::string& instead, RandomStream& random,
                     Samples& samples, PosteriorFacts& facts) {
  samples = samples.at(resample(weights.weight, samples.z.size(), random));
  name_weighted(weights, instead, facts);
}

}  // namespace penumbra
