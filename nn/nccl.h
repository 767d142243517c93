// Sums of tensors between GPUs by NCCL, through the C interface of the library that libtorch_cuda.so brings along. It
// is looked up at run time, so that the program is built without NCCL and CUDA. c10d's own ProcessGroupNCCL needs the
// headers of both, and by default ends the program where another process is lost. Includes ATen: for nn/*.cpp and their
// tests only.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace penumbra {

// What is used of nccl.h, which has kept it since version 2.4. Results: 0 is success, 7 in progress.
struct NcclFunctions {
  using Communicator = void*;
  struct Id {
    std::array<char, 128> bytes{};
  };
  int (*get_unique_id)(Id* id);
  int (*init_rank)(Communicator* communicator, int size, Id id, int rank);
  int (*all_reduce)(const void* from, void* to, std::size_t count, int type, int operation, Communicator communicator,
                    void* stream);
  int (*get_async_error)(Communicator communicator, int* result);
  int (*abort)(Communicator communicator);
  const char* (*error_text)(int result);
};
// Nothing where libtorch_cuda.so has not been opened (nn/device.h) or came without NCCL.
std::optional<NcclFunctions> find_nccl();

class Nccl {
 public:
  // Replaces a tensor on the CPU by its sum over the processes.
  using HostSum = std::function<void(at::Tensor&)>;

  // To be called by all processes at once, each with a GPU of its own. Null in all of them if one has no NCCL or does
  // not reach the others by it, as two processes that share a GPU do not.
  static std::unique_ptr<Nccl> join(const std::optional<NcclFunctions>& functions, int rank, int size,
                                    const HostSum& sum_on_host);
  ~Nccl();
  Nccl(const Nccl&) = delete;
  Nccl& operator=(const Nccl&) = delete;

  // Replaces a contiguous tensor of floats or doubles on the GPU by its sum over the processes, and waits for it.
  // std::runtime_error: NCCL failed, or another process did not come within `patience`.
  void sum(at::Tensor& tensor, std::chrono::seconds patience) const;

 private:
  Nccl(const NcclFunctions& functions, NcclFunctions::Communicator communicator)
      : functions_(functions), communicator_(communicator) {}
  NcclFunctions functions_;
  NcclFunctions::Communicator communicator_;
};

}  // namespace penumbra
