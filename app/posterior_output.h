// What infer writes beside the posterior itself, whatever it is of: where to, and where it comes from.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/config.h"
#include "base/run_settings.h"
#include "nn/posterior.h"

namespace penumbra {

// Facts that every posterior of a run carries.
std::vector<std::pair<std::string, std::string>> posterior_provenance(const Config& config, const RunSettings& run,
                                                                      const std::filesystem::path& checkpoint,
                                                                      const NeuralPosterior& posterior,
                                                                      const std::string& prior);

// <folder>/<name of the object file>.nc of each. UserError: two objects would write one file.
std::vector<std::filesystem::path> output_files(const std::vector<std::string>& objects,
                                                const std::filesystem::path& folder);

// UserError where it cannot be made.
void create_output_folder(const std::filesystem::path& folder);

}  // namespace penumbra
