#include "nn/binary_source.h"

#include "kernels/device_simulator.h"
#include "nn/features.h"

namespace penumbra {
namespace {

class BinariesOnDevice : public DeviceSource {
 public:
  BinariesOnDevice(const Simulator& simulator, const FeatureRecipe& recipe, int systems, int slots)
      : simulator_(simulator.view(), recipe, systems, slots) {}

  void start(int slot, std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) override {
    simulator_.start(slot, seed, first, count, feature_row(rows, 0), rows.target(0));
  }
  void wait(int slot) override { simulator_.wait(slot); }

 private:
  DeviceSimulator simulator_;
};

}  // namespace

FeatureRecipe feature_recipe(const Preset& preset, const Targets& targets) {
  FeatureRecipe recipe{feature_layout(preset), targets.view(), {}, preset.train.drop_share};
  for (const Modality modality : preset.train.drop) recipe.left_out.set(static_cast<int>(modality));
  return recipe;
}

SystemSource binary_source(const Simulator& simulator, const Preset& preset, const Targets& targets) {
  return [&simulator, &targets, features = feature_layout(preset), train = preset.train](
             std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    thread_local Simulation simulation;
    for (int b = 0; b < count; ++b) {
      const std::uint64_t index = first + static_cast<std::uint64_t>(b);
      simulator.simulate(seed, index, simulation);
      RandomStream dropping(seed, index, Stage::kDropping), free_coordinate(seed, index, Stage::kFreeCoordinate);
      leave_out(train.drop, simulation.observation);
      if (train.drop_share > 0.0) drop_at_random(train.drop_share, dropping, simulation.observation);
      pack_features(simulation.observation, features, feature_row(rows, b));
      targets.pack(simulation.draw, simulation.observation, free_coordinate, rows.target(b));
    }
  };
}

std::unique_ptr<DeviceSource> device_binary_source(const Simulator& simulator, const Preset& preset,
                                                   const Targets& targets, int systems, int slots) {
  return std::make_unique<BinariesOnDevice>(simulator, feature_recipe(preset, targets), systems, slots);
}

}  // namespace penumbra
