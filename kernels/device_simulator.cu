#include <string>
#include <vector>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/device_simulator.h"
#include "kernels/device_simulator_check.h"
#include "kernels/device_tables.h"
#include "kernels/enqueue.h"
#include "kernels/training_chain.h"

namespace penumbra {
namespace {

// Behind the training's own kernels, which go first.
class BackgroundStream {
 public:
  BackgroundStream() {
    int least = 0, greatest = 0;
    PENUMBRA_CHECK_CUDA(cudaDeviceGetStreamPriorityRange(&least, &greatest));
    PENUMBRA_CHECK_CUDA(cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, least));
  }
  ~BackgroundStream() { cudaStreamDestroy(stream_); }  // an error here has nobody to tell
  BackgroundStream(const BackgroundStream&) = delete;
  BackgroundStream& operator=(const BackgroundStream&) = delete;
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

struct Slot {
  BackgroundStream stream;
  ChainMemory<DeviceBuffer> arrays;
  std::uint64_t seed = 0, first = 0;
  int count = 0;
  FeatureRow row{};
  float* targets = nullptr;
};

}  // namespace

struct DeviceSimulator::Memory {
  DeviceTables tables;
  SimulatorView simulator;
  const GaussTable* gauss;
  FeatureRecipe recipe;
  std::vector<Slot> slots;

  Memory(const SimulatorView& from, const FeatureRecipe& features, int systems, int batches)
      : simulator(tables.copy(from)),
        gauss(tables.copy(&gauss_table(), 1)),
        recipe(features),
        slots(static_cast<std::size_t>(batches)) {
    for (Slot& slot : slots) slot.arrays.resize(static_cast<std::size_t>(systems));
    PENUMBRA_CHECK_CUDA(cudaStreamSynchronize(nullptr));  // the slots' streams do not wait for the copies
  }

  void run(Slot& slot) const {
    const cudaStream_t stream = slot.stream.get();
    run_chain(simulator, gauss, recipe, slot.seed, slot.first, slot.count, slot.row, slot.targets, slot.arrays,
              [stream](const auto& work, int batch) { enqueue(work, batch, stream); });
  }
};

DeviceSimulator::DeviceSimulator(const SimulatorView& simulator, const FeatureRecipe& recipe, int systems, int slots) {
  check_resolution(simulator.options.resolution);
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  memory_ = std::make_unique<Memory>(simulator, recipe, systems, slots);
}
DeviceSimulator::~DeviceSimulator() = default;

void DeviceSimulator::start(int slot_number, std::uint64_t seed, std::uint64_t first, int count, const FeatureRow& row,
                            float* targets) {
  Slot& slot = memory_->slots[static_cast<std::size_t>(slot_number)];
  slot.seed = seed;
  slot.first = first;
  slot.count = count;
  slot.row = row;
  slot.targets = targets;
  PENUMBRA_CHECK_CUDA(
      cudaMemsetAsync(slot.arrays.attempt.data(), 0, sizeof(int) * static_cast<std::size_t>(count), slot.stream.get()));
  memory_->run(slot);
}

void DeviceSimulator::wait(int slot_number) {
  Slot& slot = memory_->slots[static_cast<std::size_t>(slot_number)];
  std::vector<Status> status(static_cast<std::size_t>(slot.count));
  std::vector<int> attempt(status.size());
  while (true) {
    slot.arrays.status.download(status, slot.stream.get());
    slot.arrays.attempt.download(attempt, slot.stream.get());
    if (all_made(slot.seed, slot.first, status, attempt)) return;
    memory_->run(slot);
  }
}

}  // namespace penumbra
