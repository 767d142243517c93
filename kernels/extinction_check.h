// What every backend checks first.
#pragma once

#include <span>

#include "kernels/extinction.h"

namespace penumbra {

// std::invalid_argument, naming the array whose size is wrong.
void check_sizes(const ExtinctionInput& input, std::span<double> factor);

}  // namespace penumbra
