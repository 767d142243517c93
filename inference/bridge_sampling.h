// ln of the evidence from draws of the posterior: bridge sampling (Meng and Wong 1996, Statistica Sinica 6, 831).
//
// The draws and a mixture that is fitted to them (curved_mixture.h) meet in the middle: unlike importance sampling from
// the mixture, neither its tails nor the posterior's matter. Half of the chains fit it, the other half are bridged to
// it.
#pragma once

#include <vector>

#include "base/random.h"
#include "inference/ensemble_mcmc.h"

namespace penumbra {

struct LogEvidence {
  double value = NAN;
  double error = NAN;  // Fruehwirth-Schnatter 2004 (Econometrics Journal 7, 143), with the chain's effective size
};

// ln of the integral of exp(log_density(0)). unread: as in EnsembleOptions. `proposals`: draws of the
// mixture, each of which costs a density. NaN where the chain has no effective size or spans fewer dimensions.
LogEvidence bridge_evidence(const BatchDensity& density, const EnsembleChain& chain,
                            const std::vector<std::size_t>& unread, std::size_t proposals, RandomStream& random);

}  // namespace penumbra
