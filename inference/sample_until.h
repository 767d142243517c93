// Samples of a network for one observation, those outside the prior's support replaced.
#pragma once

#include <cstdint>
#include <vector>

#include "base/interrupt.h"
#include "nn/posterior.h"

namespace penumbra {

struct SampleCount {
  std::size_t drawn = 0, accepted = 0;
  double accepted_share() const { return static_cast<double>(accepted) / static_cast<double>(drawn); }
};

// accept(z[D], ln q) keeps a sample, or returns false where the prior has no such object. Ends with `wanted` of them,
// or after 20 rounds of as many draws. A function of (seed, stream).
template <class Accept>
SampleCount sample_until(const NeuralPosterior& posterior, const SystemView& observation, std::size_t wanted,
                         std::uint64_t seed, std::uint64_t stream, const Accept& accept) {
  constexpr std::uint64_t kMaxRounds = 20;
  constexpr int kRoundShift = 48;  // rounds use streams that no object reaches
  SampleCount count;
  std::vector<float> z, log_q;
  for (std::uint64_t round = 0; round < kMaxRounds && count.accepted < wanted; ++round) {
    throw_if_interrupted();
    posterior.sample(observation, static_cast<int>(wanted), seed, stream + (round << kRoundShift), z, log_q);
    const std::size_t width = z.size() / wanted;
    for (std::size_t s = 0; s < wanted && count.accepted < wanted; ++s) {
      ++count.drawn;
      count.accepted += accept(&z[s * width], static_cast<double>(log_q[s])) ? 1 : 0;
    }
  }
  return count;
}

}  // namespace penumbra
