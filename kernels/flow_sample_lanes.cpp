#include "kernels/flow_sample_lanes.h"

#include <cmath>
#include <cstring>

// The loader keeps one copy of each function that several objects define, and it must not be one for a later machine.
// So everything here is inlined, or in PENUMBRA_LEVEL's namespace, or belongs to a vector type that only one level has.
#if defined(__AVX512F__)
#define PENUMBRA_LEVEL lanes_v4
#elif defined(__AVX2__)
#define PENUMBRA_LEVEL lanes_v3
#else
#define PENUMBRA_LEVEL lanes_baseline
#endif

namespace penumbra {
namespace {

// One register, and how many of them make a column: eight rows' sums and the columns' values stay in registers.
#if defined(__AVX512F__)
constexpr int kBytes = 64, kParts = 2;
#elif defined(__AVX2__)
constexpr int kBytes = 32, kParts = 1;
#else
constexpr int kBytes = 16, kParts = 1;
#endif
using Vector = float __attribute__((vector_size(kBytes)));

}  // namespace

template <>
struct Lanes<Vector> {
  static constexpr int kCount = kBytes / static_cast<int>(sizeof(float));
  using Int = std::int32_t __attribute__((vector_size(kBytes)));
  PN_INLINE static Vector from(const float* values) {
    Vector v;
    std::memcpy(&v, values, sizeof(v));
    return v;
  }
  PN_INLINE static Vector to_real(Int n) { return __builtin_convertvector(n, Vector); }
  PN_INLINE static Vector root(Vector x) {
    for (int i = 0; i < kCount; ++i) x[i] = std::sqrt(x[i]);
    return x;
  }
};

namespace PENUMBRA_LEVEL {
namespace {

constexpr int kTile = kParts * Lanes<Vector>::kCount;

std::size_t column_bytes(const FlowView& flow) {
  return sizeof(Vector) * kParts * static_cast<std::size_t>(FlowRows(flow).count);
}

void sample_tile(const FlowWork& work, std::uint64_t index, void* memory) {
  const FlowView& flow = work.flow;
  const FlowRows rows(flow);
  const FlowColumn<Vector> column{static_cast<Vector*>(memory), kParts};
  const auto tiles = static_cast<std::uint64_t>((work.samples + kTile - 1) / kTile);
  const int system = static_cast<int>(index / tiles), first = static_cast<int>(index % tiles) * kTile;
  const float* const terms = work.terms + static_cast<std::size_t>(system) * static_cast<std::size_t>(flow.terms);
  start_column<kParts>(work, system, first, column);
  for (int stage = 0; stage < flow.stages; ++stage) {
    for (int d = 0; d < flow.dimensions; ++d) {
      const FlowStep& step = flow.steps[stage * flow.dimensions + d];
      advance_column<kParts>(flow, stage, d, flow.weights + step.weights, terms + step.terms, column);
    }
    finish_stage<kParts>(flow, stage, column);
  }
  const int left = work.samples - first, count = left < kTile ? left : kTile;
  const std::size_t row =
      static_cast<std::size_t>(system) * static_cast<std::size_t>(work.samples) + static_cast<std::size_t>(first);
  const auto value = [&](int number, int sample) {
    return column(number, sample / Lanes<Vector>::kCount)[sample % Lanes<Vector>::kCount];
  };
  float* z = work.z + row * static_cast<std::size_t>(flow.dimensions);
  for (int s = 0; s < count; ++s) {
    work.log_q[row + static_cast<std::size_t>(s)] = value(rows.log_q, s);
    for (int d = 0; d < flow.dimensions; ++d) *z++ = value(rows.y + d, s);
  }
}

}  // namespace

FlowLanes flow_lanes() { return {kTile, column_bytes, sample_tile}; }

}  // namespace PENUMBRA_LEVEL
}  // namespace penumbra
