// What the main functions of experiments share: usage, errors and exit codes, and files that say where they come from.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/config.h"
#include "inference/held_out.h"

namespace penumbra {

struct ExperimentResult {
  std::vector<std::pair<std::filesystem::path, std::string>> files;  // name below the output folder, content
  std::vector<std::pair<std::string, std::string>> provenance;       // name, value
  bool of_binaries = true;
};

// main(): `experiment_<name> CONFIG.toml OUT [--KEY TEXT ...]`. Reads CONFIG, with keys of text changed, does `work`
// and writes what it returns, with provenance.toml (commit, date, configuration and the facts of the result) and,
// for binaries, parameters.csv (name, unit, tex, description of the 16 parameters, for figures), all or nothing. Tables
// that are small go to OUT and are committed; others go to OUT/work. Exit codes as the program's: 1 a failure, 2 the
// user's mistake, 130 interrupted.
int experiment_main(int argc, char** argv, const std::function<ExperimentResult(const Config& config)>& work);

// Held-out systems as a config names them (inference/held_out.h), with the tables beside the program.
HeldOut held_out_systems(const Config& config);

}  // namespace penumbra
