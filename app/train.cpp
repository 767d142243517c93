// penumbra train: a network from systems that are simulated while it trains.
#include "nn/train.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "app/options.h"
#include "app/verbs.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "nn/checkpoint.h"
#include "nn/device.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  Settings settings;
  std::string preset = "compact";
  bool resume = false;
};

// A name is a preset of data/presets; anything with a dot or a slash is a file.
fs::path preset_file(const std::string& preset, const fs::path& data) {
  if (preset.find_first_of("./") != std::string::npos) return preset;
  fs::path file = data / "presets" / (preset + ".toml");
  if (fs::exists(file)) return file;
  std::vector<std::string> known;
  if (fs::is_directory(data / "presets")) {
    for (const auto& entry : fs::directory_iterator(data / "presets")) known.push_back(entry.path().stem().string());
  }
  std::sort(known.begin(), known.end());
  throw UserError(
      fmt::format("--preset {}: no such preset; allowed: {}, or a TOML file", preset, fmt::join(known, ", ")));
}

void run_train(const Arguments& arguments) {
  const fs::path data = arguments.settings.data_folder();
  const Config config = arguments.settings.read(preset_file(arguments.preset, data));
  const RunSettings run = read_run_settings(config);
  const Preset preset = read_preset(config);
  const SimulationSettings settings = read_simulation_settings(config);
  TrainOptions options;
  options.folder = config.text("out", "runs/" + fs::path(arguments.preset).stem().string());
  options.seed = run.seed;
  options.device = run.device;
  options.torch_threads = run.threads;
  options.simulation_threads = run.threads;
  options.stop_after_minutes = config.number("stop_after_minutes", options.stop_after_minutes, {0.0});
  options.checkpoint_seconds = config.number("checkpoint_seconds", options.checkpoint_seconds, kPositive);
  config.finish();
  options.resume = arguments.resume;
  options.provenance = {describe_prior(settings.prior, settings.dust), to_toml(settings), program_commit()};

  const LoadedSimulator simulator(data, settings);
  const SystemSource source = [&](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    thread_local Simulation simulation;
    for (int b = 0; b < count; ++b) {
      simulator->simulate(seed, first + static_cast<std::uint64_t>(b), simulation);
      pack_features(simulation.observation, rows.layout, rows.row(b));
      RandomStream free_coordinate(seed, first + static_cast<std::uint64_t>(b), Stage::kFreeCoordinate);
      pack_target(simulation.draw.z, simulation.observation, free_coordinate, rows.target(b));
    }
  };
  const TrainReport report = train(preset, source, options);
  const fs::path checkpoint = options.folder / "checkpoint.h5";
  fmt::print("{} systems, {} steps, {} weights, {}; validation loss {:.4f} (best {:.4f}{})\n", report.systems,
             report.steps, report.weights, duration_text(report.seconds), report.validation_loss,
             report.best_validation_loss, report.best_is_average ? ", of averaged weights" : "");
  if (!report.finished) {
    fmt::print("stopped early; go on with the same command and --resume\n{}\n", checkpoint.string());
    return;
  }
  const fs::path exported = options.folder / "weights.h5";
  export_checkpoint(checkpoint, exported);
  fmt::print("training state: {}\ntrained network: {}\n", checkpoint.string(), exported.string());
}

}  // namespace

void add_train(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("train", "trains a network on simulations drawn on the fly");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("--preset", arguments->preset, "name of a preset in <data>/presets, or a TOML file [compact]");
  verb->add_flag("--resume", arguments->resume, "go on with <out>/checkpoint.h5");
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--out", "out",
                               "folder for checkpoint.h5, train.csv and weights.h5 [runs/<preset>]", true);
  arguments->settings.shortcut(*verb, "--dust-map", "prior.dust_map", kDustMapHelp, true);
  arguments->settings.shortcut(*verb, "--stop-after-minutes", "stop_after_minutes",
                               "save and leave after this long, to be resumed; 0 for never [0]", false);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, out, stop_after_minutes, checkpoint_seconds, and the tables "
      "of a\n"
      "preset: network.*, flow.*, train.* (data/presets/compact.toml explains them), prior.name (paper or field),\n"
      "prior.dust_map and the prior's numbers, simulation.azimuths, polar, lens_radial, lens_arc, "
      "out_of_eclipse_phases, eclipse_phases, reflection\n"
      "(none, wilson or horvat), light_travel_time, albedo_convective, albedo_radiative, albedo_radiative_from_k.\n"
      "--config FILE.toml takes the place of --preset.");
  verb->callback([arguments] { run_train(*arguments); });
}

}  // namespace penumbra
