// A survey bank from real light curves and catalogues, as its description (a TOML file) names them. The description of
// the project's own bank, data/banks/surveys.toml, shows every key.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bank/light_curve_file.h"
#include "sim/survey_bank.h"

namespace penumbra {

struct BuiltBank {
  SurveyBank bank;
  std::vector<SourceFiles::Checksum> inputs;
  std::string report;  // what was measured, for people
};

// folders: where the files of the description are looked for. Keys that nobody asked for are the caller's to refuse, by
// description.finish(). UserError: what read_light_curves, measure_* and SurveyBank::load throw; a channel twice; a
// channel or the parallaxes neither measured here nor in the `base` bank.
BuiltBank build_bank(const Config& description, const std::vector<std::filesystem::path>& folders,
                     const Holdout& holdout);

// Writes the file; it appears when it is complete. attributes: of the file, besides format and checksums.
void write_bank(const std::filesystem::path& file, const BuiltBank& built,
                const std::vector<std::pair<std::string, std::string>>& attributes);

}  // namespace penumbra
