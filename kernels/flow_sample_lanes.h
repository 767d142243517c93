// The arithmetic of kernels/flow_step.h on SIMD lanes. flow_sample_lanes.cpp is compiled once for each generation of
// x86-64 (kernels/CMakeLists.txt), because vector types are lowered before functions are inlined: PN_CLONES would come
// too late.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/flow_step.h"

namespace penumbra {

// One tile is `tile` samples of one system (or what is left of them), number `index` of all tiles in the order of the
// systems; `column` is column_bytes of memory at a multiple of 64 bytes.
struct FlowLanes {
  int tile;
  std::size_t (*column_bytes)(const FlowView& flow);
  void (*sample_tile)(const FlowWork& work, std::uint64_t index, void* column);
};

namespace lanes_baseline {
FlowLanes flow_lanes();
}
#if defined(__x86_64__)
namespace lanes_v3 {
FlowLanes flow_lanes();
}
namespace lanes_v4 {
FlowLanes flow_lanes();
}
#endif

#if defined(__x86_64__)
// Clang before 17 does not know the levels by name. What else they ask for comes with these.
inline bool machine_has_v3() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
}
inline bool machine_has_v4() {
  return machine_has_v3() && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd");
}
#endif

// The best that this machine has.
inline FlowLanes flow_lanes() {
#if defined(__x86_64__)
  if (machine_has_v4()) return lanes_v4::flow_lanes();
  if (machine_has_v3()) return lanes_v3::flow_lanes();
#endif
  return lanes_baseline::flow_lanes();
}

}  // namespace penumbra
