#include "nn/distributed.h"

#define USE_C10D_GLOO  // as LibTorch is built
#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "base/error.h"
#include "nn/nccl.h"

namespace penumbra {
namespace {

constexpr std::chrono::minutes kPatience{10};
constexpr int kFirstPort = 29500;  // torch's own

// job: what tells jobs apart that share a machine; MPICH has no such variable of its own.
struct Launcher {
  const char *rank, *size, *local_rank, *local_size, *job;
};
constexpr std::array kLaunchers{
    Launcher{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "SLURM_JOB_ID"},
    Launcher{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE",
             "PMIX_NAMESPACE"},
    Launcher{"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS", "SLURM_JOB_ID"},
    // Not SLURM_NTASKS, which a batch script has too. The fourth reads "2(x3)", or "2" on one machine.
    Launcher{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE", "SLURM_JOB_ID"},
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The number that a variable begins with.
std::optional<int> number(const char* name) {
  const std::string text = variable(name);
  if (text.empty()) return std::nullopt;
  char* end = nullptr;
  const long value = std::strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || value < 0 || value > 1'000'000) {
    throw UserError(fmt::format("environment: {} = {}: expected a number >= 0", name, text));
  }
  return static_cast<int>(value);
}

// Jobs on one machine need different ports: as far from the first as the last three digits of the job's name say.
int port_of(const std::string& job) {
  int offset = 0;
  for (const char c : job) {
    if (c >= '0' && c <= '9') offset = (10 * offset + (c - '0')) % 1000;
  }
  return kFirstPort + offset;
}

// "gpu[003-006,010],login" -> "gpu003"
std::string first_machine(const std::string& list) {
  const std::size_t bracket = list.find_first_of("[,");
  if (bracket == std::string::npos || list[bracket] == ',') return list.substr(0, bracket);
  const std::size_t end = list.find_first_of("-,]", bracket);
  return list.substr(0, bracket) + list.substr(bracket + 1, end - bracket - 1);
}

}  // namespace

WorkerPlace worker_place() {
  WorkerPlace place;
  // Rather one that says where on its machine a process is: srun --mpi=pmi2 sets PMI_RANK and PMI_SIZE too, and no
  // more.
  const auto several = [](const Launcher& l) { return number(l.size).value_or(1) > 1; };
  const auto several_placed = [&](const Launcher& l) { return several(l) && number(l.local_rank); };
  auto launcher = std::ranges::find_if(kLaunchers, several_placed);
  if (launcher == kLaunchers.end()) launcher = std::ranges::find_if(kLaunchers, several);
  if (launcher == kLaunchers.end()) return place;
  place.size = *number(launcher->size);
  const std::optional<int> rank = number(launcher->rank);
  if (!rank || *rank >= place.size) {
    throw UserError(fmt::format("environment: {} = {} with {} = {}: expected a number from 0 to {}", launcher->rank,
                                variable(launcher->rank), launcher->size, place.size, place.size - 1));
  }
  place.rank = *rank;
  place.local_rank = number(launcher->local_rank).value_or(place.rank);
  place.local_size = number(launcher->local_size).value_or(place.size);

  place.served = variable("TORCHELASTIC_USE_AGENT_STORE") == "True";
  place.port = number("MASTER_PORT").value_or(port_of(variable(launcher->job)));
  if (place.port < 1 || place.port > 65535) {
    throw UserError(fmt::format("environment: MASTER_PORT = {}: expected a port from 1 to 65535", place.port));
  }
  place.address = variable("MASTER_ADDR");
  if (place.address.empty()) place.address = first_machine(variable("SLURM_STEP_NODELIST"));
  if (place.address.empty()) {
    if (place.local_size < place.size) {
      throw UserError(
          fmt::format("environment: MASTER_ADDR is not set: expected the machine of process 0, as the {} "
                      "processes run on several",
                      place.size));
    }
    place.address = "127.0.0.1";
  }
  return place;
}

void take_own_gpu(const WorkerPlace& place) {
  if (place.local_size == 1) return;
  std::vector<std::string> visible;
  std::istringstream list(variable("CUDA_VISIBLE_DEVICES"));
  for (std::string device; std::getline(list, device, ',');) visible.push_back(device);
  const auto local = static_cast<std::size_t>(place.local_rank);
  setenv("CUDA_VISIBLE_DEVICES",
         visible.empty() ? std::to_string(local).c_str() : visible[local % visible.size()].c_str(), /*overwrite=*/1);
}

struct Workers::Group {
  c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
  bool asked_for_nccl = false;
  std::unique_ptr<Nccl> nccl;
};

Workers::Workers(const WorkerPlace& place) : place_(place) {
  if (place.size == 1) return;
  std::signal(SIGPIPE, SIG_IGN);  // Gloo expects EPIPE where another process is gone; the signal would end this one
  try {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(place.port);
    options.isServer = place.rank == 0 && !place.served;
    options.timeout = kPatience;
    const auto store =
        c10::make_intrusive<c10d::PrefixStore>("penumbra", c10::make_intrusive<c10d::TCPStore>(place.address, options));
    auto gloo = c10d::ProcessGroupGloo::Options::create(kPatience);
    const std::string interface = variable("GLOO_SOCKET_IFNAME");
    const bool one_machine = place.local_size == place.size;
    gloo->devices.push_back(!interface.empty() ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                            : one_machine      ? c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1")
                                               : c10d::ProcessGroupGloo::createDefaultDevice());
    group_ = std::make_unique<Group>(
        Group{c10::make_intrusive<c10d::ProcessGroupGloo>(store, place.rank, place.size, std::move(gloo)), false, {}});
  } catch (const std::exception& error) {
    throw UserError(fmt::format("process {} of {} does not find the others at {}:{}: {}", place.rank, place.size,
                                place.address, place.port, error.what()));
  }
}

Workers::~Workers() = default;

void Workers::sum(at::Tensor& tensor) {
  if (!group_) return;
  const auto or_lost = [&](const auto& work) {
    try {
      work();
    } catch (const std::exception& error) {
      const std::string reason = error.what();
      throw WorkerLost(fmt::format("process {} of {} has lost another: {}", place_.rank, place_.size,
                                   reason.substr(0, reason.find('\n'))));
    }
  };
  const auto sum_on_host = [&](at::Tensor& host) {
    or_lost([&] {
      std::vector<at::Tensor> one{host};
      group_->gloo->allreduce(one)->wait();
    });
  };
  if (tensor.is_cuda() && !group_->asked_for_nccl) {
    group_->asked_for_nccl = true;
    group_->nccl = Nccl::join(find_nccl(), place_.rank, place_.size, sum_on_host);
    if (!group_->nccl && first())
      fmt::print(stderr, "gradients are summed on the CPUs: no NCCL between all processes\n");
  }
  if (tensor.is_cuda() && group_->nccl) {
    // Gloo notices at once when a process is gone, which NCCL would wait for.
    at::Tensor present = at::ones({1});
    sum_on_host(present);
    or_lost([&] { group_->nccl->sum(tensor, kPatience); });
    return;
  }
  at::Tensor host = tensor.to(at::kCPU);
  sum_on_host(host);
  if (!host.is_same(tensor)) tensor.copy_(host);
}

}  // namespace penumbra
