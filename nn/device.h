// Where networks run. The program links LibTorch's CPU libraries only; the CUDA ones are opened when they are wanted.
#pragma once

#include <string>

namespace penumbra {

// "cpu" or "cuda". `request`: cpu; cuda (UserError where there is no usable GPU or libtorch_cuda.so is not found:
// looked for in $PENUMBRA_TORCH_LIB, beside libtorch_cpu.so, then where the loader looks); auto (cuda if it works, else
// cpu).
std::string resolve_device(const std::string& request);

// To be called first in main. LibTorch's OpenMP threads spin while they wait for each other; where other programs use
// the cores too, a spinning thread holds up the very one that it waits for, and a training step takes a hundred times
// as long. libgomp reads OMP_WAIT_POLICY once, when it is loaded: so this sets it to passive (unless the user has set
// it) and starts the same program again.
void restart_with_sleeping_threads(char** argv);

// Threads of LibTorch's own loops on the CPU; 0: all cores.
void set_torch_threads(int threads);

// For provenance records: device, its name, library version.
std::string describe_device(const std::string& device);

}  // namespace penumbra
