// Where a result comes from: every file that the program writes carries these facts.
#pragma once

#include <string>

namespace penumbra {

std::string program_version();  // "0.1.0"
std::string
program_commit();       // of the sources that were built; "-dirty" when edited since; "unknown" outside a git checkout
std::string utc_now();  // ISO 8601, seconds: the moment of writing

}  // namespace penumbra
