// The exact posterior as inference/ensemble_mcmc.h samples it: its density in both systems of coordinates, where
// walkers start, and the way back to samples.
//
// Walkers start from the prior, which is safe but may lose a narrow mode on the way, and from the network's samples,
// which know the modes that the network was taught.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "inference/chain_coordinates.h"
#include "inference/ensemble_mcmc.h"
#include "inference/likelihood.h"
#include "inference/posterior_file.h"

namespace penumbra {

class ChainProblem {
 public:
  // simulator and posterior must outlive it. threads: 0: all cores; they change no number.
  ChainProblem(const Simulator& simulator, const Observation& observation, const ExactPosterior& posterior,
               int threads);

  // Completes points of which at[system] is given: system 0 is z, 1 ChainCoordinates. Interrupted when the user asks to
  // stop. log_start is of N(0, I) over z; soft barriers and a known period's density are part of the rest.
  void density(std::size_t system, std::span<EnsemblePoint> points) const;

  // `count` draws of N(0, I), where the prior and the forward model have an answer; fewer where hardly any has.
  EnsembleStart start_from_prior(std::size_t count, RandomStream& random) const;
  // start_near of samples z[S]. Its density reads this object.
  std::optional<EnsembleStart> start_from_samples(std::span<const Latent> z, std::size_t least,
                                                  RandomStream& random) const;

  // At most `count` draws (thinned).
  PosteriorSamples samples(const EnsembleChain& chain, std::size_t count, RandomStream& random) const;

  const ChainCoordinates& coordinates() const { return coordinates_; }

 private:
  BatchDensity batch_density() const;

  const Prior& prior_;
  const ExactPosterior& posterior_;
  ChainCoordinates coordinates_;
  int threads_;
};

}  // namespace penumbra
