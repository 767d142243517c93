// What a piece of work costs: time by the clock, time of the processor in all threads, energy where the machine tells.
#pragma once

#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <vector>

namespace penumbra {

struct Cost {
  double wall_s = 0.0, cpu_s = 0.0;
  double joules = 0.0;  // of the processor packages, whoever used them; NaN: not readable
  Cost& operator+=(const Cost& other) {
    wall_s += other.wall_s;
    cpu_s += other.cpu_s;
    joules += other.joules;
    return *this;
  }
};

// Energy counters of the processor packages: intel-rapl:0, intel-rapl:1, .. (Linux; AMD's have that name too). Each
// counts micro-joules and starts again at its range.
class PackageEnergy {
 public:
  explicit PackageEnergy(const std::filesystem::path& folder = "/sys/class/powercap");
  double joules_since_start() const;  // NaN where a counter cannot be read, or there is none

 private:
  struct Counter {
    std::filesystem::path file;
    double start_uj, range_uj;
  };
  std::vector<Counter> counters_;
};

// Runs from its construction.
class Meter {
 public:
  Cost read() const {
    return {std::chrono::duration<double>(std::chrono::steady_clock::now() - wall_).count(), cpu_seconds() - cpu_,
            energy_.joules_since_start()};
  }

 private:
  static double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }
  std::chrono::steady_clock::time_point wall_ = std::chrono::steady_clock::now();
  double cpu_ = cpu_seconds();
  PackageEnergy energy_;
};

}  // namespace penumbra
