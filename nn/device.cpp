#include "nn/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/error.h"

namespace penumbra {
namespace {

// Opens LibTorch's CUDA half, whose static initialisers register its kernels. Empty on success, else the reason.
std::string open_cuda_libraries() {
  if (dlopen("libcuda.so.1", RTLD_NOW) == nullptr) return "no NVIDIA driver (libcuda.so.1)";
  std::vector<std::filesystem::path> candidates;
  if (const char* folder = std::getenv("PENUMBRA_TORCH_LIB")) {
    candidates.push_back(std::filesystem::path(folder) / "libtorch_cuda.so");
  }
  Dl_info cpu_library{};
  if (dladdr(reinterpret_cast<const void*>(&at::globalContext), &cpu_library) != 0) {
    candidates.push_back(std::filesystem::path(cpu_library.dli_fname).parent_path() / "libtorch_cuda.so");
  }
  candidates.emplace_back("libtorch_cuda.so");
  std::string reasons;
  for (const auto& candidate : candidates) {
    if (dlopen(candidate.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr) return "";
    reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", dlerror());
  }
  return reasons;
}

// Once a program: LibTorch remembers whether it has CUDA from the first time it is asked.
const std::string& cuda_failure() {
  static const std::string reason = [] {
    const std::string problem = open_cuda_libraries();
    if (!problem.empty()) return problem;
    if (!at::hasCUDA()) return std::string("LibTorch finds no usable GPU");
    // The encoder's convolutions may use TF32. The flow's matrix products may not: a posterior can be 1000 times
    // narrower than the prior, and TF32 keeps 10 bits.
    at::globalContext().setAllowTF32CuDNN(true);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setDeterministicCuDNN(true);  // a resumed run repeats the same numbers
    return std::string();
  }();
  return reason;
}

}  // namespace

std::string resolve_device(const std::string& request) {
  if (request == "cpu") return "cpu";
  if (request != "cuda" && request != "auto") {
    throw UserError(fmt::format("device = {}: expected auto, cpu or cuda", request));
  }
  if (cuda_failure().empty()) return "cuda";
  if (request == "cuda") throw UserError(fmt::format("device = cuda: {}", cuda_failure()));
  return "cpu";
}

void restart_with_sleeping_threads(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/1);
  execv("/proc/self/exe", argv);  // returns only where it fails: then the threads spin, which is slow, not wrong
}

void set_torch_threads(int threads) {
  at::set_num_threads(threads > 0 ? threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

std::string describe_device(const std::string& device) {
  return fmt::format("{}, LibTorch {}, {} threads", device, TORCH_VERSION, at::get_num_threads());
}

}  // namespace penumbra
