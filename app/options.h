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
#include "base/run_settings.h"
#include "sim/simulation_settings.h"

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

// Shortcuts to the keys of read_held_out_settings (inference/held_out.h).
void add_held_out_shortcuts(CLI::App& verb, Settings& settings);

// A name is a preset of <data>/presets; anything with a dot or a slash is a file. UserError: no such preset.
std::filesystem::path preset_file(const std::string& preset, const std::filesystem::path& data);

// Where a file of simulations or draws comes from: format, program, commit, configuration, seed, device, as attributes.
void write_provenance(Hdf5Writer& file, const std::string& format, const Config& config, std::uint64_t seed,
                      const std::string& device);

}  // namespace penumbra
