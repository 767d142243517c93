// From an observed binary to its posterior: features, samples of the trained flow, the prior's map from z to theta,
// predictions of the first draws, and the checks of inference/diagnostics.h.
#pragma once

#include <cstdint>

#include "inference/diagnostics.h"
#include "inference/posterior_file.h"
#include "nn/posterior.h"
#include "sim/simulate.h"

namespace penumbra {

struct InferenceOptions {
  int samples = 10000;
  int predictions = 100;  // draws whose light curves and SED are predicted
  std::uint64_t seed = 1;
};

struct Inference {
  PosteriorRecord record;
  Diagnostics diagnostics;
};

// The random stream follows from the seed and the object's name, so that neither the order nor the number of objects
// changes an answer. Samples that the prior rejects are replaced. UserError when (nearly) all of them are rejected.
Inference infer_object(const Simulator& simulator, const NeuralPosterior& posterior, const Object& object,
                       const InferenceOptions& options);

}  // namespace penumbra
