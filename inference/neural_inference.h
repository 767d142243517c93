// From an observed binary to its posterior: features, samples of the trained flow, the prior's map from z to theta, the
// refinement where one is asked for, predictions of the first draws, and the checks of inference/diagnostics.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "inference/diagnostics.h"
#include "inference/posterior_file.h"
#include "inference/read_under.h"
#include "inference/refine.h"
#include "nn/posterior.h"
#include "sim/simulate.h"

namespace penumbra {

struct InferenceOptions {
  int samples = 10000;
  int predictions = 100;  // draws whose light curves and SED are predicted
  std::uint64_t seed = 1;
  int threads = 0;  // of the best fit and the refinement; 0: all cores. They change no number
  RefineOptions refine;
  std::optional<OtherPrior> read_under = std::nullopt;  // another prior than the network's
};

struct Inference {
  PosteriorRecord record;
  double accepted;  // share of the network's samples inside the prior's support
  Diagnostics diagnostics;
};

// The random stream follows from the seed and the object's name, so that neither the order nor the number of objects
// changes an answer. Samples that the prior rejects are replaced. OutsidePrior when all of them are. The checks ask
// whether the object is one that the network knows, whatever prior its posterior is read under.
Inference infer_object(const Simulator& simulator, const NeuralPosterior& posterior, const Object& object,
                       const InferenceOptions& options);

}  // namespace penumbra
