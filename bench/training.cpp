// Training steps a second of a preset's network on one core, without the simulations: systems are simulated once and
// then trained on again and again. CPU time, the fastest step, as JSON.
// usage: training PRESET DATA BATCH STEPS
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <vector>

#include "app/options.h"
#include "nn/features.h"
#include "nn/targets.h"
#include "nn/train.h"

namespace penumbra {
namespace {

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void run(char** argv) {
  const Config config = Config::load(preset_file(argv[1], argv[2]));
  Preset preset = read_preset(config);
  preset.train.batch = std::atoll(argv[3]);
  preset.train.systems = preset.train.batch * (1 + std::atoll(argv[4]));
  preset.train.validation_systems = 1;

  const LoadedSimulator simulator(argv[2], read_simulation_settings(config));
  const FeatureLayout layout = feature_layout(preset);
  const Targets targets = Targets::make(preset.targets, simulator->prior());
  FeatureBatch systems;
  systems.resize(static_cast<int>(preset.train.batch), layout);
  Simulation simulation;
  for (int b = 0; b < systems.size; ++b) {
    const auto index = static_cast<std::uint64_t>(b);
    simulator->simulate(1, index, simulation);
    RandomStream random(1, index, Stage::kFreeCoordinate);
    pack_features(simulation.observation, layout, systems.row(b));
    targets.pack(simulation.draw, simulation.observation, random, systems.rows().target(b));
  }

  std::vector<double> starts;  // of each batch
  const DataLayout arrays = data_layout(layout);
  const SystemSource source = [&](std::uint64_t, std::uint64_t first, int count, const SystemRows& rows) {
    const auto batch = static_cast<std::uint64_t>(systems.size);
    if (first % batch == 0 && count > 1) starts.push_back(cpu_seconds());
    const SystemRows stored = systems.rows().from(static_cast<int>(first % batch));
    for (std::size_t a = 0; a < arrays.inputs.size(); ++a) {
      std::copy_n(stored.inputs[a], static_cast<std::size_t>(count) * arrays.inputs[a].size(), rows.inputs[a]);
    }
    std::copy_n(stored.targets, static_cast<std::size_t>(count) * arrays.dimensions(), rows.targets);
  };
  TrainOptions options;
  options.folder = std::filesystem::temp_directory_path() / fmt::format("penumbra_training_{}", std::clock());
  options.device = "cpu";
  options.torch_threads = options.simulation_threads = 1;
  options.quiet = true;
  options.provenance = {"bench", "bench", "bench"};
  const TrainReport report = train(preset, arrays, source, options);
  std::filesystem::remove_all(options.folder);
  double fastest = 1e300;
  for (std::size_t i = 1; i < starts.size(); ++i) fastest = std::min(fastest, starts[i] - starts[i - 1]);
  fmt::print("{{\"weights\": {}, \"batch\": {}, \"seconds_a_step\": {:.6g}}}\n", report.weights, preset.train.batch,
             fastest);
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  if (argc != 5 || std::atoi(argv[3]) < 2 || std::atoi(argv[4]) < 1) {
    fmt::print(stderr, "usage: training PRESET DATA BATCH STEPS, BATCH > 1, STEPS > 0\n");
    return 2;
  }
  penumbra::run(argv);
  return 0;
}
