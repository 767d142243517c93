// The body of the flow's sampling kernel: one block makes one tile of samples of one system, each thread one sample.
// The weights of a step come into shared memory while the step before is computed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "kernels/block.h"
#include "kernels/flow_step.h"

namespace penumbra {

// Shared memory that flow_sample_body takes for a tile of that many samples.
inline std::size_t flow_sample_shared_bytes(const FlowView& flow, int tile) {
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  return shared_bytes(sizeof(float), size(FlowRows(flow).count) * size(tile)) +
         shared_bytes(sizeof(float), 2 * size(flow.step_floats));
}

// Most threads of a block; a multiprocessor's shared memory holds fewer samples of the flows at hand.
inline constexpr int kFlowThreads = 256;

PN_HD constexpr int flow_tiles(int samples, int tile) { return (samples + tile - 1) / tile; }

// Samples a block: as many as fit, in whole warps, because blocks share the weights that they fetch; fewer where there
// would be fewer blocks than multiprocessors. std::invalid_argument where not even one warp fits.
inline int flow_tile(const FlowView& flow, int systems, int samples, int shared_limit, int multiprocessors) {
  const auto fits = [&](int tile) {
    return flow_sample_shared_bytes(flow, tile) <= static_cast<std::size_t>(shared_limit);
  };
  if (!fits(kWarpSize)) throw std::invalid_argument("flow: its units do not fit in the device's shared memory");
  int tile = kFlowThreads;
  while (!fits(tile) || (tile > kWarpSize && systems * std::int64_t{flow_tiles(samples, tile)} < multiprocessors)) {
    tile -= kWarpSize;
  }
  return tile;
}

// index: 0 .. systems * flow_tiles - 1.
template <class Block>
PN_HD void flow_sample_body(Block& block, const FlowWork& work, int tile, int index) {
  const FlowView& flow = work.flow;
  const FlowRows rows(flow);
  float* const columns = block.template shared<float>(static_cast<std::size_t>(rows.count) * tile);
  float* const buffers = block.template shared<float>(2 * static_cast<std::size_t>(flow.step_floats));
  const auto buffer = [&](int n) { return buffers + n % 2 * flow.step_floats; };
  const int tiles = flow_tiles(work.samples, tile);
  const int system = index / tiles, first = index % tiles * tile;
  const int left = work.samples - first, count = left < tile ? left : tile;
  const float* const terms = work.terms + static_cast<std::size_t>(system) * flow.terms;
  const auto column = [&](int i) { return FlowColumn<float>{columns + i, tile}; };
  // Weights first, then terms.
  const auto fetch = [&](int n) {
    const FlowStep step = flow.steps[n], next = flow.steps[n + 1];
    const int weights = next.weights - step.weights;
    block.fetch(buffer(n), flow.weights + step.weights, weights);
    block.fetch(buffer(n) + weights, terms + step.terms, next.terms - step.terms);
  };

  fetch(0);
  block.for_each(count, [&](int i) { start_column<1>(work, system, first + i, column(i)); });
  for (int stage = 0, n = 0; stage < flow.stages; ++stage) {
    for (int d = 0; d < flow.dimensions; ++d, ++n) {
      block.arrive();
      if (n + 1 < flow.stages * flow.dimensions) fetch(n + 1);
      const float* const weights = buffer(n);
      const float* const step_terms = weights + (flow.steps[n + 1].weights - flow.steps[n].weights);
      block.for_each(count, [&](int i) { advance_column<1>(flow, stage, d, weights, step_terms, column(i)); });
    }
    block.for_each(count, [&](int i) { finish_stage<1>(flow, stage, column(i)); });
  }
  const std::size_t row = static_cast<std::size_t>(system) * work.samples + first;
  block.for_each(count, [&](int i) { work.log_q[row + i] = columns[rows.log_q * tile + i]; });
  block.for_each(count * flow.dimensions, [&](int i) {
    work.z[row * flow.dimensions + i] = columns[(rows.y + i % flow.dimensions) * tile + i / flow.dimensions];
  });
}

}  // namespace penumbra
