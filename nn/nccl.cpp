#include "nn/nccl.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace penumbra {
namespace {

// Of nccl.h.
constexpr int kSuccess = 0, kInProgress = 7, kFloat32 = 7, kFloat64 = 8, kSum = 0;

}  // namespace

std::optional<NcclFunctions> find_nccl() {
  NcclFunctions found{};
  const auto look_up = [](const char* name, auto& function) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(RTLD_DEFAULT, name));
    return function != nullptr;
  };
  const bool all = look_up("ncclGetUniqueId", found.get_unique_id) && look_up("ncclCommInitRank", found.init_rank) &&
                   look_up("ncclAllReduce", found.all_reduce) &&
                   look_up("ncclCommGetAsyncError", found.get_async_error) && look_up("ncclCommAbort", found.abort) &&
                   look_up("ncclGetErrorString", found.error_text);
  return all ? std::optional(found) : std::nullopt;
}

std::unique_ptr<Nccl> Nccl::join(const std::optional<NcclFunctions>& functions, int rank, int size,
                                 const HostSum& sum_on_host) {
  const auto all = [&](bool well) {
    at::Tensor count = at::full({1}, well ? 1.0 : 0.0, at::kDouble);
    sum_on_host(count);
    return count.item<double>() == static_cast<double>(size);
  };
  // The first process says where it is to be met.
  NcclFunctions::Id id;
  const bool met = functions && (rank > 0 || functions->get_unique_id(&id) == kSuccess);
  if (!all(met)) return nullptr;
  at::Tensor said = at::zeros({static_cast<std::int64_t>(id.bytes.size())}, at::kDouble);  // of the others: nothing
  for (std::size_t i = 0; i < id.bytes.size(); ++i) said.data_ptr<double>()[i] = id.bytes[i];
  sum_on_host(said);
  for (std::size_t i = 0; i < id.bytes.size(); ++i) id.bytes[i] = static_cast<char>(said.data_ptr<double>()[i]);

  NcclFunctions::Communicator communicator = nullptr;
  const bool joined = functions->init_rank(&communicator, size, id, rank) == kSuccess;
  std::unique_ptr<Nccl> nccl;
  if (joined) nccl.reset(new Nccl(*functions, communicator));
  if (!all(joined)) return nullptr;
  return nccl;
}

// Nothing is lost: each sum has been waited for. The orderly end would wait for processes that may be gone.
Nccl::~Nccl() { functions_.abort(communicator_); }

void Nccl::sum(at::Tensor& tensor, std::chrono::seconds patience) const {
  if (!tensor.is_contiguous() || (tensor.scalar_type() != at::kFloat && tensor.scalar_type() != at::kDouble)) {
    throw std::logic_error("NCCL sums contiguous floats and doubles here");
  }
  const int type = tensor.scalar_type() == at::kFloat ? kFloat32 : kFloat64;
  const auto check = [&](int result) {
    if (result != kSuccess && result != kInProgress)
      throw std::runtime_error(fmt::format("NCCL: {}", functions_.error_text(result)));
  };
  // In the stream where LibTorch made the tensor.
  const c10::Stream stream = c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device());
  check(functions_.all_reduce(tensor.data_ptr(), tensor.data_ptr(), static_cast<std::size_t>(tensor.numel()), type,
                              kSum, communicator_, stream.native_handle()));
  const auto last = std::chrono::steady_clock::now() + patience;
  while (!stream.query()) {
    int result = kSuccess;
    check(functions_.get_async_error(communicator_, &result));
    check(result);
    if (std::chrono::steady_clock::now() > last) throw std::runtime_error("NCCL: no answer");
    std::this_thread::yield();
  }
}

}  // namespace penumbra
