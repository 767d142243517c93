#include "app/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/provenance.h"

namespace penumbra {

void Settings::attach(CLI::App& verb) {
  verb.add_option("--config", config_, "TOML file with settings")->type_name("FILE.toml");
  attach_set_and_data(verb);
  shortcut(verb, "--seed", "seed", "seed of every random number [1]", false);
  shortcut(verb, "--device", "device", "auto, cpu or cuda [auto]", true);
  shortcut(verb, "--threads", "threads", "CPU threads, 0 for all cores [0]", false);
}

void Settings::attach_file(CLI::App& verb, const std::string& name, const std::string& help) {
  verb.add_option(name, config_, help)->required()->type_name("FILE.toml");
  attach_set_and_data(verb);
}

void Settings::attach_set_and_data(CLI::App& verb) {
  verb.add_option("--set", sets_, "one setting, over the file's; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  verb.add_option("--data", data_,
                  "folder of the tables (default: $PENUMBRA_DATA, or data/ beside the program's folder)")
      ->type_name("DIR");
}

void Settings::shortcut(CLI::App& verb, const std::string& option, const std::string& key, const std::string& help,
                        bool text) {
  verb.add_option_function<std::string>(
          option,
          [this, key, text](const std::string& value) {
            shortcuts_.push_back([key, value, text](Config& config) {
              text ? config.set_text(key, value) : config.set(key + "=" + value);
            });
          },
          help)
      ->type_name(text ? "TEXT" : "NUMBER");
}

Config Settings::read(const std::filesystem::path& base) const {
  const std::filesystem::path file = config_.empty() ? base : std::filesystem::path(config_);
  Config config = file.empty() ? Config::parse("", "settings") : Config::load(file);
  for (const std::string& set : sets_) config.set(set);
  for (const auto& apply : shortcuts_) apply(config);
  return config;
}

std::filesystem::path Settings::data_folder() const {
  std::filesystem::path folder = data_.empty() ? default_data_folder() : std::filesystem::path(data_);
  if (!std::filesystem::is_directory(folder)) {
    throw UserError(
        fmt::format("{}: no such folder; the tables are made by `make setup`, or named with --data DIR or "
                    "$PENUMBRA_DATA",
                    folder.string()));
  }
  return folder;
}

std::filesystem::path preset_file(const std::string& preset, const std::filesystem::path& data) {
  if (preset.find_first_of("./") != std::string::npos) return preset;
  const std::filesystem::path folder = data / "presets";
  std::filesystem::path file = folder / (preset + ".toml");
  if (std::filesystem::exists(file)) return file;
  std::vector<std::string> known;
  if (std::filesystem::is_directory(folder)) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) known.push_back(entry.path().stem().string());
  }
  std::sort(known.begin(), known.end());
  throw UserError(
      fmt::format("--preset {}: no such preset; allowed: {}, or a TOML file", preset, fmt::join(known, ", ")));
}

void add_held_out_shortcuts(CLI::App& verb, Settings& settings) {
  settings.shortcut(verb, "--checkpoint", "checkpoint", "trained network [<data>/checkpoints/compact.h5]", true);
  settings.shortcut(verb, "--dust-map", "prior.dust_map",
                    "where the checkpoint's dust map is now, if it has one and was moved", true);
  settings.shortcut(verb, "--systems", "systems", "held-out systems [1000]", false);
  settings.shortcut(verb, "--samples", "samples", "posterior samples of each [1000]", false);
}

void write_provenance(Hdf5Writer& file, const std::string& format, const Config& config, std::uint64_t seed,
                      const std::string& device) {
  file.text_attribute("/", "format", format);
  file.text_attribute("/", "created_by", "penumbra " + program_version());
  file.text_attribute("/", "commit", program_commit());
  file.text_attribute("/", "config", config.resolved());
  file.text_attribute("/", "config_sha256", config.sha256());
  file.number_attribute("/", "seed", static_cast<double>(seed));
  file.text_attribute("/", "device", device);
}

}  // namespace penumbra
