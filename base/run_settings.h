// Values of the keys that everything which computes has.
#pragma once

#include <cstdint>
#include <string>

#include "base/config.h"

namespace penumbra {

struct RunSettings {
  std::uint64_t seed;
  std::string device;  // auto | cpu | cuda
  int threads;         // 0: all cores
};

inline RunSettings read_run_settings(const Config& config) {
  RunSettings run;
  run.seed = static_cast<std::uint64_t>(config.integer("seed", 1, {0.0}));
  run.device = config.choice("device", "auto", {"auto", "cpu", "cuda"});
  run.threads = static_cast<int>(config.integer("threads", 0, {0.0, 1024.0}));
  return run;
}

}  // namespace penumbra
