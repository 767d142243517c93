// What the verbs share: the options that all of them have, and how a verb's settings come together.
//
// Every setting is a key of one checked TOML table. The file of --config comes first, then --set, then the options that
// are shortcuts to keys; later ones win. --help therefore lists the same names that a config file may hold.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/hdf5_file.h"
#include "sim/simulate.h"

namespace penumbra {

class Settings {
 public:
  // Adds --config, --set, --data and the shortcuts --seed, --device and --threads to a verb.
  void attach(CLI::App& verb);
  // For a verb whose settings are a positional argument's: that, --set and --data.
  void attach_file(CLI::App& verb, const std::string& name, const std::string& help);
  // A shortcut: --<option> VALUE is the same as --set key=VALUE. text: the value is a string whatever it looks like.
  void shortcut(CLI::App& verb, const std::string& option, const std::string& key, const std::string& help, bool text);
  // The settings in force. `base`: a file to start from where --config gives none; may be empty.
  Config read(const std::filesystem::path& base = {}) const;

  const std::string& file() const { return config_; }
  std::filesystem::path data_folder() const;  // --data, $PENUMBRA_DATA, or data/ beside the program's folder

 private:
  void attach_set_and_data(CLI::App& verb);

  std::string config_, data_;
  std::vector<std::string> sets_;
  std::vector<std::function<void(Config&)>> shortcuts_;
};

// A name is a preset of <data>/presets; anything with a dot or a slash is a file. UserError: no such preset.
std::filesystem::path preset_file(const std::string& preset, const std::filesystem::path& data);

// Values of the keys that every verb that computes has.
struct RunSettings {
  std::uint64_t seed;
  std::string device;  // auto | cpu | cuda
  int threads;         // 0: all cores
};
RunSettings read_run_settings(const Config& config);

// Overwrites the numbers of a [simulation] or [resolution] table that it gives.
void read_resolution(const Config& table, Resolution& resolution);

// The numbers of [prior] over those of the prior that prior.name names.
PriorSpec read_prior(const Config& config);

// prior.dust_map: "analytic", or a Bayestar2019 file.
inline constexpr const char* kDustMapHelp =
    "analytic (Amores & Lepine 2005), or a Bayestar2019 file, as the dustmaps package downloads it [analytic]";
struct DustMap {
  std::filesystem::path file;  // empty: analytic
  std::string sha256;          // of the file
};
// UserError where the file is not the one whose SHA-256 prior.dust_map_sha256 records.
DustMap read_dust_map(const Config& config);

// The prior's name as files record it, with the dust map where there is one.
std::string describe_prior(const PriorSpec& prior, const DustMap& dust);

// The prior and the forward model as a preset names them: tables [prior] and [simulation]. Written as text into
// checkpoints and read back from there, so that inference uses exactly what training used.
struct SimulationSettings {
  PriorSpec prior;
  DustMap dust;
  SimulatorOptions options;
};
SimulationSettings read_simulation_settings(const Config& config);
std::string to_toml(const SimulationSettings& settings);
// Those of a checkpoint. `dust_map`: where its dust map may be now, if not where it was; may be empty.
SimulationSettings recorded_simulation_settings(const std::string& recorded, const std::filesystem::path& checkpoint,
                                                const std::string& dust_map);

// Where a file of simulations or draws comes from: format, program, commit, configuration, seed, device, as attributes.
void write_provenance(Hdf5Writer& file, const std::string& format, const Config& config, std::uint64_t seed,
                      const std::string& device);

// One simulator with all tables, which live as long as it does.
class LoadedSimulator {
 public:
  LoadedSimulator(const std::filesystem::path& data_folder, const SimulationSettings& settings);
  LoadedSimulator(const LoadedSimulator&) = delete;  // the simulator refers to the tables beside it
  LoadedSimulator& operator=(const LoadedSimulator&) = delete;
  const Simulator& operator*() const { return simulator_; }
  const Simulator* operator->() const { return &simulator_; }
  const Tables& tables() const { return tables_; }

 private:
  Tables tables_;
  Simulator simulator_;
};

}  // namespace penumbra
