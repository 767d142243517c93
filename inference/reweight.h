// A posterior made under one prior, read under another: samples weighted by the ratio of the priors' densities.
//
//   p_B(theta | x) ~ L(x | theta) p_B(theta) ~ p_A(theta | x) p_B(theta) / p_A(theta)
//
// The weights reach only where samples of A are: the effective sample size tells how many of them still speak. What B
// allows and A does not, no weight can bring back.
#pragma once

#include <cstddef>
#include <vector>

#include "base/random.h"
#include "sim/prior.h"

namespace penumbra {

// ln p_B(theta) - ln p_A(theta) up to a constant, one a sample; -inf where either prior excludes it. The posterior may
// be one given the period: see the source.
std::vector<double> log_prior_ratios(const Prior& made_under, const Prior& read_under,
                                     const std::vector<Theta>& samples);

// (sum w)^2 / sum w^2 (Kish 1965), 0 when all weights are.
double effective_sample_size(const std::vector<double>& log_weights);

// As many indices as weights, each as often as its share of the weight demands, rounded up or down (systematic
// resampling), in random order. Not all weights zero.
std::vector<std::size_t> resample(const std::vector<double>& log_weights, RandomStream& random);

}  // namespace penumbra
