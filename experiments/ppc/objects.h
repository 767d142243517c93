// The binaries to check: real ones from object files, and simulated ones like the paper's three test systems.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "inference/object_file.h"
#include "sim/simulate.h"

namespace penumbra {

struct CheckedObject {
  std::string key;   // of files and tables
  std::string kind;  // simulated or real
  Object object;     // of simulated ones the truth takes the literature's place
};

// The first system of the stream `seed` that is like each of the three: noisy light curves; stars that nearly touch,
// and light curves that show it; an eccentric orbit. only: keys of those to look for; empty: all three.
std::vector<CheckedObject> simulated_objects(const Simulator& simulator, std::uint64_t seed,
                                             const std::vector<std::string>& only);

// Those of a folder's object files, in alphabetical order. No folder: none.
std::vector<CheckedObject> real_objects(const std::filesystem::path& folder, const std::vector<double>& zero_point_jy);

}  // namespace penumbra
