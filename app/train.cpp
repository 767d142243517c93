// penumbra train: a network from systems that are simulated while it trains.
#include "nn/train.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "app/options.h"
#include "app/train_spectra.h"
#include "app/verbs.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "kernels/device.h"
#include "nn/binary_source.h"
#include "nn/checkpoint.h"
#include "nn/distributed.h"
#include "nn/features.h"
#include "nn/simulation_set.h"
#include "nn/targets.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// Each training step takes the memory that the last one gave back. glibc would return large blocks to the kernel and
// have every page cleared again: a third of the time of a small network for spectra.
void keep_freed_memory() {
  constexpr int kNever = 2'000'000'000;  // bytes
  mallopt(M_MMAP_THRESHOLD, kNever);
  mallopt(M_TRIM_THRESHOLD, kNever);
}

struct Arguments {
  Settings settings;
  std::string preset = "compact";
  bool resume = false;
};

// A training set on disk in place of the simulator.
TrainReport train_on_file(const fs::path& file, Preset preset, TrainOptions options) {
  if (preset.for_binaries() || preset.kind == "spectrum") {
    throw UserError(
        fmt::format("{}: network.kind = \"{}\" reads what the program simulates itself; expected "
                    "\"vector\" or \"series\" (--preset vector, --preset series)",
                    file.string(), preset.kind));
  }
  const SimulationSet set = SimulationSet::load(file, preset.kind == "series");
  // At most a tenth is kept for validation.
  const std::size_t validation =
      std::min(static_cast<std::size_t>(preset.train.validation_systems), std::max<std::size_t>(1, set.size() / 10));
  preset.train.validation_systems = static_cast<std::int64_t>(validation);
  if (preset.train.epochs > 0) {
    preset.train.systems = preset.train.epochs * static_cast<std::int64_t>(set.size() - validation);
  }
  options.provenance.prior = file.filename().string();
  options.provenance.simulation =
      set.coordinates().to_toml() + fmt::format("\n[simulations]\nfile = \"{}\"\nsha256 = \"{}\"\ncount = {}\n",
                                                file.filename().string(), sha256_of_file(file), set.size());
  return train(preset, set.coordinates().layout(), set.source(options.seed, validation), options);
}

TrainReport train_on_the_fly(const fs::path& data, const SimulationSettings& settings, const std::string& simulate_on,
                             const Preset& preset, TrainOptions options) {
  if (!preset.for_binaries()) {
    throw UserError(
        fmt::format("network.kind = \"{}\" needs simulations of your own: --simulations FILE.h5", preset.kind));
  }
  if (preset.train.epochs > 0) {
    throw UserError(
        fmt::format("train.epochs = {}: new systems are simulated as long as it trains; expected 0, or "
                    "--simulations FILE.h5",
                    preset.train.epochs));
  }
  options.provenance.prior = describe_prior(settings.prior, settings.dust);
  const LoadedSimulator simulator(data, settings);
  const Targets targets = Targets::make(preset.targets, simulator->prior());
  options.provenance.simulation = to_toml(settings) + targets.to_toml();
  const SystemSource source = binary_source(*simulator, preset, targets);
  MakeDeviceSource on_device;
  if (simulate_on != "cpu") {
    on_device = [&](int systems, int slots) -> std::unique_ptr<DeviceSource> {
      if (!cuda_device_available()) return nullptr;  // built without CUDA, beside a LibTorch that has it
      return device_binary_source(*simulator, preset, targets, systems, slots);
    };
  }
  return train(preset, data_layout(feature_layout(preset)), source, options, on_device);
}

void run_train(const Arguments& arguments) {
  const fs::path data = arguments.settings.data_folder();
  const Config config = arguments.settings.read(preset_file(arguments.preset, data));
  const RunSettings run = read_run_settings(config);
  const Preset preset = read_preset(config);
  const fs::path simulations = config.text("simulations", "");
  // A set on disk and spectra have their own priors: prior.* and simulation.* are then unknown keys.
  std::optional<SimulationSettings> settings;
  std::string simulate_on;
  std::optional<SpectraSettings> spectra;
  if (simulations.empty() && preset.kind == "spectrum") {
    spectra = read_spectra_settings(config, data);
  } else if (simulations.empty()) {
    settings = read_simulation_settings(config);
    simulate_on = config.choice("simulate_on", "auto", {"auto", "cpu"});
  }
  TrainOptions options;
  options.folder = config.text("out", "runs/" + fs::path(arguments.preset).stem().string());
  options.seed = run.seed;
  options.device = run.device;
  options.torch_threads = run.threads;
  options.simulation_threads = run.threads;
  options.stop_after_minutes = config.number("stop_after_minutes", options.stop_after_minutes, {0.0});
  options.checkpoint_seconds = config.number("checkpoint_seconds", options.checkpoint_seconds, kPositive);
  options.weights = config.text("weights", "");
  config.finish();
  options.resume = arguments.resume;
  options.provenance.commit = program_commit();

  keep_freed_memory();
  const TrainReport report = spectra    ? train_on_spectra(data, *spectra, preset, options)
                             : settings ? train_on_the_fly(data, *settings, simulate_on, preset, options)
                                        : train_on_file(simulations, preset, options);
  if (worker_place().rank > 0) return;  // the first process speaks for all
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
  arguments->settings.shortcut(*verb, "--weights", "weights",
                               "trained network to begin with, of the same [network] and [flow] but for targets and "
                               "joint_hidden, which it may lack; else random weights",
                               true);
  arguments->settings.shortcut(*verb, "--dust-map", "prior.dust_map", kDustMapHelp, true);
  arguments->settings.shortcut(*verb, "--stop-after-minutes", "stop_after_minutes",
                               "save and leave after this long, to be resumed; 0 for never [0]", false);
  arguments->settings.shortcut(*verb, "--simulations", "simulations",
                               "HDF5 file with /theta [N][P] and /x [N][...] of any simulator, to train on instead",
                               true);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, out, simulations, simulate_on, weights, stop_after_minutes, "
      "checkpoint_seconds, "
      "and the tables "
      "of a\n"
      "preset: network.*, flow.*, train.* (data/presets/*.toml explain them), prior.name (paper or field),\n"
      "prior.dust_map and the prior's numbers, simulation.azimuths, polar, lens_radial, lens_arc, "
      "out_of_eclipse_phases, eclipse_phases, reflection\n"
      "(none, wilson or horvat), light_travel_time, albedo_convective, albedo_radiative, albedo_radiative_from_k.\n"
      "simulate_on: auto, on the GPU if the network trains there, or cpu.\n"
      "--config FILE.toml takes the place of --preset.\n"
      "Under torchrun --no-python, mpirun or srun the processes share every batch; only the first one writes and "
      "speaks. On\n"
      "several machines --out must be a folder that all see.\n"
      "The presets spectra-compact and spectra-paper infer a star's labels from its APOGEE spectrum; their keys are "
      "spectra.emulator\n"
      "(the weights of a spectral emulator, HDF5 or The Payne's .npz) and spectra.noise (a folder of apStar and "
      "apVisit "
      "files).\n"
      "With --simulations the presets are vector (x is numbers) and series (x is [T] or [C][T]). The file may also "
      "hold\n"
      "/parameters (P names) and /bounds [P][2] (the prior's limits, which no sample then leaves). A tenth at most is "
      "kept\n"
      "for validation; train.epochs and train.patience say when it ends. Then: penumbra infer --x OBSERVED.h5.");
  verb->callback([arguments] { run_train(*arguments); });
}

}  // namespace penumbra
