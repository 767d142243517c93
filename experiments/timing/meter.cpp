#include "experiments/timing/meter.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace penumbra {
namespace {

// NaN: cannot be read (the counters are root's alone on most machines).
double read_number(const std::filesystem::path& file) {
  std::ifstream stream(file);
  double value = NAN;
  return stream >> value ? value : NAN;
}

bool is_package(const std::string& name) {
  const std::string prefix = "intel-rapl:";
  return name.starts_with(prefix) && name.size() > prefix.size() &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(prefix.size()), name.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

PackageEnergy::PackageEnergy(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!is_package(entry.path().filename().string())) continue;
    counters_.push_back({entry.path() / "energy_uj", read_number(entry.path() / "energy_uj"),
                         read_number(entry.path() / "max_energy_range_uj")});
  }
}

double PackageEnergy::joules_since_start() const {
  if (counters_.empty()) return NAN;
  double sum = 0.0;
  for (const Counter& counter : counters_) {
    const double now = read_number(counter.file);
    sum += now >= counter.start_uj ? now - counter.start_uj : now - counter.start_uj + counter.range_uj;
  }
  return 1e-6 * sum;
}

}  // namespace penumbra
