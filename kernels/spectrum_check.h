// What every backend checks first.
#pragma once

#include <span>

#include "spectra/emulator.h"

namespace penumbra {

// std::invalid_argument where flux is not [B][kPixelCount].
void check_sizes(std::span<const Labels> labels, std::span<const float> flux);

}  // namespace penumbra
