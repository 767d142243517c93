// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/extinction.h"
#include "kernels/extinction_check.h"

namespace penumbra {

void extinguish_on_device(const ExtinctionInput& input, std::span<double> factor) {
  check_sizes(input, factor);
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}

}  // namespace penumbra
