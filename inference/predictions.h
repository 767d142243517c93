// What posterior draws predict for an observed binary: clean light curves at its epochs, and its SED.
#pragma once

#include "inference/posterior_file.h"
#include "sim/simulate.h"

namespace penumbra {

// Of the first `wanted` samples. A sample whose system cannot be rendered has no place in the prior: it is removed.
Predictions predict(const Simulator& simulator, const Observation& observation, PosteriorSamples& samples,
                    std::size_t wanted);

}  // namespace penumbra
