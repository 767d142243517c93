// Several processes that train one network together, through torch's own c10d. Includes no torch itself.
// What is on GPUs is summed there by NCCL (nn/nccl.h), everything else by Gloo.
//
// Each process takes its share of every batch, and gradients are summed: N processes do what one does, to rounding.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

namespace at {
class Tensor;
}

namespace penumbra {

// This process among those that were started together.
struct WorkerPlace {
  int rank = 0, size = 1;              // of all
  int local_rank = 0, local_size = 1;  // of those on this machine
  std::string address;                 // of the machine of process 0
  int port = 0;
  bool served = false;  // the launcher itself serves that port, as torchrun does
};

// From the variables that torchrun (RANK, WORLD_SIZE, ...), Open MPI's or MPICH's mpirun (OMPI_COMM_WORLD_*, PMI_*) or
// srun (SLURM_*) sets; alone where there are none. MASTER_ADDR and MASTER_PORT go before what they say of process 0.
// UserError: variables that contradict each other, or several machines without an address.
WorkerPlace worker_place();

// To be called before the first use of a GPU: each process of a machine gets one of the GPUs that are visible to it.
void take_own_gpu(const WorkerPlace& place);

// Another process is gone, or did not answer for ten minutes.
class WorkerLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Workers {
 public:
  // Waits until all have come. UserError: they do not find each other.
  explicit Workers(const WorkerPlace& place);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Replaces the tensor by its sum over all processes, the same to the last bit in each. WorkerLost.
  void sum(at::Tensor& tensor);

  bool first() const { return place_.rank == 0; }
  const WorkerPlace& place() const { return place_; }

 private:
  struct Group;
  WorkerPlace place_;
  std::unique_ptr<Group> group_;  // none for one process
};

}  // namespace penumbra
