// What every backend checks first.
#pragma once

#include "kernels/simulate.h"

namespace penumbra {

// std::invalid_argument, naming the array whose size is wrong.
void check_sizes(const SimulateInput& input, const SimulateOutput& output);

}  // namespace penumbra
