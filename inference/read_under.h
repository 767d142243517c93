// A posterior as it is under another prior than it was made under: its samples drawn again by the ratio of the priors'
// densities (inference/reweight.h).
#pragma once

#include <cstdint>
#include <string>

#include "inference/posterior_file.h"
#include "sim/prior.h"

namespace penumbra {

struct OtherPrior {
  const Prior* prior;
  std::string name, network_prior_name;  // describe_prior
};

// Fewer effective samples than these, in number or as a share of the samples, are warned about.
inline constexpr double kFewEffectiveSamples = 100.0, kFewEffectiveShare = 0.01;

// Draws record.samples, at least one, again; tells in record.reweighting how many speak, and warns of few. The random
// stream follows from the seed and the object's name. OutsidePrior where the other prior allows no sample.
void read_under(const OtherPrior& other, const Prior& network_prior, std::uint64_t seed, PosteriorRecord& record);

}  // namespace penumbra
