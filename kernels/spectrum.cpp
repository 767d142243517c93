#include <stdexcept>

#include "kernels/spectrum_check.h"

namespace penumbra {

void check_sizes(std::span<const Labels> labels, std::span<const float> flux) {
  if (flux.size() != labels.size() * kPixelCount) {
    throw std::invalid_argument("DeviceEmulator: flux is not [B][pixels]");
  }
}

}  // namespace penumbra
