// The tables of the build that a benchmark belongs to: <build>/bin/../data.
#pragma once

#include <filesystem>

namespace penumbra {

inline std::filesystem::path data_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "data";
}

}  // namespace penumbra
