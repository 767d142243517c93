// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/simulate.h"
#include "kernels/simulate_check.h"

namespace penumbra {

void simulate_on_device(const SimulateInput& input, const SimulateOutput& output) {
  check_sizes(input, output);
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}

}  // namespace penumbra
