// penumbra info: the program, its devices, its tables and checkpoints.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "app/options.h"
#include "app/verbs.h"
#include "base/hdf5_file.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "nn/checkpoint.h"
#include "nn/device.h"
#include "nn/features.h"
#include "nn/network_table.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  Settings settings;
  std::string preset;
  std::vector<std::string> files;
};

std::vector<fs::path> hdf5_files(const fs::path& folder) {
  std::vector<fs::path> files;
  if (!fs::is_directory(folder)) return files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".h5") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The attributes of any of the program's files. Text of several lines is indented below its name.
void print_file(const fs::path& file) {
  fmt::print("{}\n  sha256: {}\n", file.string(), sha256_of_file(file));
  for (auto [name, value] : Hdf5Reader(file).attributes("/")) {
    for (std::size_t at = value.find('\n'); at != std::string::npos; at = value.find('\n', at + 1)) {
      value.replace(at, 1, "\n    ");
    }
    fmt::print("  {}: {}\n", name, value);
  }
}

void print_checkpoint(const fs::path& file) {
  const CheckpointInfo info = read_checkpoint(file).info;
  fmt::print("{}\n  sha256: {}\n", file.string(), sha256_of_file(file));
  fmt::print("  prior {}, {} weights, {} systems in {}, seed {}, commit {}\n  validation loss {:.4f}{}\n",
             info.provenance.prior, info.progress.weights, info.progress.systems, duration_text(info.progress.seconds),
             info.seed, info.provenance.commit, info.progress.best_validation_loss,
             info.has_training_state ? "; holds training state" : "");
  if (const std::string& first = info.provenance.started_from; !first.empty()) {
    fmt::print("  began with the weights of a checkpoint of sha256 {}\n", first);
  }
  if (!info.width_calibration.empty()) fmt::print("  widths calibrated on {}\n", info.width_calibration);
}

// As the paper's Table 3, from the network as it is built.
void print_network(const Preset& preset, const DataLayout& layout) {
  std::int64_t all = 0, flow = 0;
  fmt::print("{:<28} {:>12} {:>10}\n", "layer", "output", "weights");
  for (const LayerRow& row : network_table(preset, layout)) {
    fmt::print("{:<28} {:>12} {:>10}\n", row.layer, fmt::format("{}", fmt::join(row.output, " x ")), row.weights);
    all += row.weights;
    if (row.layer.starts_with("flow.")) flow += row.weights;
  }
  fmt::print("{:<28} {:>12} {:>10}\n{:<28} {:>12} {:>10}\n", "the flow", "", flow, "all", "", all);
}

std::string cuda_text() {
  try {
    return describe_device(resolve_device("cuda"));
  } catch (const UserError& error) {
    return fmt::format("none ({})", error.what());
  }
}

void print_preset(const Arguments& arguments) {
  const fs::path file = preset_file(arguments.preset, arguments.settings.data_folder());
  const Config config = arguments.settings.read(file);
  read_run_settings(config);
  const Preset preset = read_preset(config);
  if (!preset.for_binaries()) {
    throw UserError(
        fmt::format("{}: network.kind = \"{}\": its layers depend on the simulations; expected "
                    "--checkpoint FILE.h5 of a trained one",
                    file.string(), preset.kind));
  }
  config.finish();
  print_network(preset, data_layout(feature_layout(preset)));
}

void run_info(const Arguments& arguments) {
  if (!arguments.preset.empty()) return print_preset(arguments);
  const Config config = arguments.settings.read();
  read_run_settings(config);
  const fs::path checkpoint = config.text("checkpoint", "");
  config.finish();
  if (!checkpoint.empty()) {
    const CheckpointInfo info = read_checkpoint(checkpoint).info;
    const Preset preset = read_preset(Config::parse(info.preset, checkpoint.string()));
    return print_network(preset, preset.for_binaries() ? data_layout(feature_layout(preset)) : info.layout);
  }
  for (const std::string& file : arguments.files) print_file(file);
  if (!arguments.files.empty()) return;

  fmt::print("penumbra {}\ncommit: {}\n", program_version(), program_commit());
  fmt::print("CPU: {} threads\nCUDA: {}\n", std::thread::hardware_concurrency(), cuda_text());
  const fs::path data = arguments.settings.data_folder();
  fmt::print("data: {}\n", fs::weakly_canonical(data).string());
  for (const char* folder : {"tables", "banks"}) {
    fmt::print("\n{}:\n", folder);
    for (const fs::path& file : hdf5_files(data / folder)) print_file(file);
  }
  fmt::print("\ncheckpoints:\n");
  for (const fs::path& file : hdf5_files(data / "checkpoints")) print_checkpoint(file);
}

}  // namespace

void add_info(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("info", "version, devices, tables and checkpoints with where they come from");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("files", arguments->files,
                   "tell of these files only: tables, checkpoints, simulations or posteriors")
      ->type_name("FILE");
  verb->add_option("--preset", arguments->preset,
                   "a preset's network, layer by layer: name of a preset in <data>/presets, or a TOML file");
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--checkpoint", "checkpoint", "a trained network, layer by layer", true);
  verb->footer(
      "Keys of --config and --set: checkpoint, and with --preset network.*, flow.*, train.*; seed, device and threads\n"
      "change nothing that is told.");
  verb->callback([arguments] { run_info(*arguments); });
}

}  // namespace penumbra
