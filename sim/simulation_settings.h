// The prior and the forward model as settings: tables [prior] and [simulation] of a preset, a checkpoint or a command
// line, and the simulator that they make.
#pragma once

#include <filesystem>
#include <string>

#include "base/config.h"
#include "sim/simulate.h"

namespace penumbra {

// $PENUMBRA_DATA, or data/ beside the program's folder: where the tables are.
std::filesystem::path default_data_folder();

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
