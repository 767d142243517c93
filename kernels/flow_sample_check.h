// What every backend checks first.
#pragma once

#include "kernels/flow_sample.h"

namespace penumbra {

// std::invalid_argument, naming the array whose size is wrong.
void check_sizes(const PackedFlow& flow, const FlowRequest& request, const FlowSamples& out);

}  // namespace penumbra
