// Training systems simulated on a GPU, straight into the arrays there that a network trains on.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/features_body.h"
#include "sim/simulator_view.h"

namespace penumbra {

// A copy of the simulator's tables in the device's memory, and memory and a stream for each of some batches that are
// made at once: a warp waits long for a survey's nights, which follow each other, so one batch alone leaves the device
// idle. A system takes 490 kB.
class DeviceSimulator {
 public:
  // Batches of at most `systems`, `slots` at once. What `simulator` views may go afterwards. std::invalid_argument
  // where the resolution is outside its bounds or asks for heat maps, EnvironmentError where there is no device or it
  // fails.
  DeviceSimulator(const SimulatorView& simulator, const FeatureRecipe& recipe, int systems, int slots);
  ~DeviceSimulator();
  DeviceSimulator(const DeviceSimulator&) = delete;
  DeviceSimulator& operator=(const DeviceSimulator&) = delete;

  // Begins to make the systems first .. first + count - 1 of the stream `seed`: of each the row that the host's
  // simulator, pack_features and Targets::pack give (nn/binary_source.h), to the last digits. row: of the first system;
  // targets: [count][kParameterCount]; both in the device's memory. Returns at once. The slot must be free: new, or
  // waited for.
  void start(int slot, std::uint64_t seed, std::uint64_t first, int count, const FeatureRow& row, float* targets);

  // Until they are there. std::runtime_error where no attempt gives a system, as Simulator::simulate, naming it;
  // EnvironmentError where the device fails.
  void wait(int slot);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace penumbra
