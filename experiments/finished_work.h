// What a long run has finished, kept so that an interrupted one goes on with the rest.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace penumbra {

using WorkFacts = std::vector<std::pair<std::string, std::string>>;  // name, value

// Makes `folder`, and empties it unless what it holds is of this very program file and these facts (of the
// configuration, the checkpoint, the input): its file `made_by` tells.
void keep_finished_work(const std::filesystem::path& folder, const WorkFacts& facts);

// A fact for each file of a folder, in alphabetical order; of no folder, none.
WorkFacts facts_of_files(const std::filesystem::path& folder);

}  // namespace penumbra
