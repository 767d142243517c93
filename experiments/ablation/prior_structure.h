// The prior ablation: what is lost where the hierarchical prior is replaced by one of independent parameters that has
// the same 16 marginal distributions. No network, no data.
//
// The paper states the reason for its prior (section 1: independent parameters spend training on systems that cannot
// exist, and leave them in the posterior) and shows no experiment on it; this is one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sim/prior.h"

namespace penumbra {

struct ImpossibleShare {
  std::string_view reason;
  double share;  // of independent draws to which this reason applies, alone or with others
};

struct PriorStructure {
  // ln p_hierarchical(theta) - sum of ln p_i(theta_i), its mean over the hierarchical prior: the Kullback-Leibler
  // divergence of the independent prior from it, in nats (the total correlation of the 16 parameters).
  double information_nats;
  // The standard error of the mean ln p over the draws; that of the marginals is an order below.
  double information_error_nats;
  std::vector<ImpossibleShare> impossible;  // the last two: any but the tracks; any at all
};

// `draws` independent draws; a parameter of each comes from a hierarchical draw of its own. Uses 16 * draws of those.
PriorStructure measure_prior_structure(const Prior& prior, std::uint64_t seed, std::size_t draws, int threads);

// Differential entropy of a sample of a continuous distribution, in nats, from spacings of sqrt N order statistics
// (Vasicek 1976), shorter ones at the ends. At least 100 values, distinct up to rare ties.
double spacing_entropy(std::vector<double> values);

}  // namespace penumbra
