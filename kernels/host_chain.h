// The training chain (kernels/training_chain.h) on the host: each kernel's body, with the shared memory that its launch
// states, for one block after the other.
#pragma once

#include <vector>

#include "kernels/training_chain.h"

namespace penumbra {

template <class T>
using HostArray = std::vector<T>;

struct HostLaunch {
  template <class Body>
  static void run(int blocks, std::size_t shared, Body&& body) {
    for (int i = 0; i < blocks; ++i) {
      HostBlock block(shared);
      body(block, i);
    }
  }
  void operator()(const SystemWork& work, int batch) const {
    run(batch, system_shared_bytes(1), [&](HostBlock& block, int i) { system_body(block, work, i); });
  }
  void operator()(const ScheduleWork& work, int batch) const {
    run(batch, schedule_shared_bytes(work.surveys), [&](HostBlock& block, int i) { schedule_body(block, work, i); });
  }
  void operator()(const StartsWork& work, int) const {
    run(1, starts_shared_bytes(), [&](HostBlock& block, int) { starts_body(block, work); });
  }
  void operator()(const PackWork& work, int batch) const {
    run(batch, 0, [&](HostBlock& block, int i) { pack_body(block, work, i); });
  }
  void operator()(const SimulateView& work, int batch) const {
    run(batch, simulate_shared_bytes(work.resolution, work.curve_band_count, work.sed_band_count, 1),
        [&](HostBlock& block, int i) { simulate_body(block, work, i); });
  }
  void operator()(const ObserveWork& work, int batch) const {
    run(batch, observe_shared_bytes(), [&](HostBlock& block, int i) { observe_body(block, work, i); });
  }
  void operator()(const FeatureWork& work, int batch) const {
    run(batch, features_shared_bytes(work.recipe.layout),
        [&](HostBlock& block, int i) { features_body(block, work, i); });
  }
};

}  // namespace penumbra
