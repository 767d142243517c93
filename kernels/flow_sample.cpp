#include "kernels/flow_sample.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>

#include "base/parallel.h"
#include "kernels/flow_sample_check.h"
#include "kernels/flow_sample_lanes.h"
#include "kernels/flow_step.h"

namespace penumbra {
namespace {

void require(bool met, const std::string& what) {
  if (!met) throw std::invalid_argument("flow: " + what);
}

std::size_t size(int n) { return static_cast<std::size_t>(n); }

void check_block(const FlowBlock& block, int dimensions, int context) {
  const std::size_t d = size(dimensions), h = size(block.hidden), c = size(context), o = d * size(block.outputs);
  require(block.hidden >= 1, "a block without units");
  require(block.in.size() == h * d && block.in_context.size() == h * c && block.in_bias.size() == h,
          "a block's first layer is not [H][D], [H][C], [H]");
  require(block.middle.size() == h * h && block.middle_bias.size() == h, "a block's second layer is not [H][H], [H]");
  require(block.out.size() == o * h && block.out_context.size() == o * c && block.out_bias.size() == o,
          "a block's outputs are not [D O][H], [D O][C], [D O]");
  std::vector<int> sorted = block.order;
  std::sort(sorted.begin(), sorted.end());
  bool permutes = sorted.size() == d;
  for (std::size_t i = 0; permutes && i < d; ++i) permutes = sorted[i] == static_cast<int>(i);
  require(permutes, "a block's order is not a permutation of its inputs");
}

void end_at_four(std::vector<float>& values) { values.resize((values.size() + 3) / 4 * 4); }

// value(row, column) in the groups that dense() of flow_step.h reads.
template <class Value>
void append_rows(std::vector<float>& to, int rows, int columns, const Value& value) {
  for (int first = 0; first < rows;) {
    const int left = rows - first, group = left >= 8 ? 8 : left >= 4 ? 4 : 2;
    for (int v = 0; v < columns; ++v) {
      for (int i = 0; i < group; ++i) to.push_back(value(first + i, v));
    }
    first += group;
  }
  end_at_four(to);
}

class Packer {
 public:
  Packer(PackedFlow& flow, const FlowBlock& block) : flow_(flow), block_(block) {}

  void pack() {
    for (int d = 0; d < flow_.dimensions; ++d) pack_step(d);
    std::vector<int> source(size(flow_.dimensions));
    for (int d = 0; d < flow_.dimensions; ++d) source[size(block_.order[size(d)])] = d;
    flow_.source.insert(flow_.source.end(), source.begin(), source.end());
    flow_.units = std::max(flow_.units, static_cast<int>(unit_.size()));
  }

 private:
  void pack_step(int d) {
    const int hidden = block_.hidden, dimensions = flow_.dimensions;
    const auto first_of = [&](int degree) { return (degree * hidden + dimensions - 1) / dimensions; };
    const int first = static_cast<int>(unit_.size());
    for (int u = first_of(d); u < first_of(d + 1); ++u) unit_.push_back(u);
    unit_.resize(size(even(static_cast<int>(unit_.size()))), kNone);
    const int known = static_cast<int>(unit_.size()), units = known - first;
    flow_.steps.push_back(
        {static_cast<int>(flow_.weights.size()), static_cast<int>(flow_.context_bias.size()), first, units});

    const auto entry = [](const std::vector<float>& matrix, int row, int columns, int column) {
      return row == kNone || column == kNone ? 0.0f : matrix[size(row) * size(columns) + size(column)];
    };
    const auto unit = [&](int i) { return unit_[size(i)]; };
    const auto output = [&](int i) { return i < block_.outputs ? d * block_.outputs + i : kNone; };
    const int outputs = even(block_.outputs);
    append_rows(flow_.weights, units, d,
                [&](int i, int v) { return entry(block_.in, unit(first + i), dimensions, v); });
    append_rows(flow_.weights, units, known,
                [&](int i, int v) { return entry(block_.middle, unit(first + i), hidden, unit(v)); });
    for (int i = first; i < known; ++i) flow_.weights.push_back(entry(block_.middle_bias, unit(i), 1, 0));
    end_at_four(flow_.weights);
    append_rows(flow_.weights, outputs, known,
                [&](int i, int v) { return entry(block_.out, output(i), hidden, unit(v)); });

    const auto term = [&](const std::vector<float>& matrix, const std::vector<float>& bias, int row) {
      flow_.context_bias.push_back(entry(bias, row, 1, 0));
      for (int c = 0; c < flow_.context; ++c) flow_.context_weight.push_back(entry(matrix, row, flow_.context, c));
    };
    for (int i = first; i < known; ++i) term(block_.in_context, block_.in_bias, unit(i));
    for (int i = 0; i < outputs; ++i) term(block_.out_context, block_.out_bias, output(i));
    while (flow_.context_bias.size() % 4 != 0) term(block_.out_context, block_.out_bias, kNone);
  }

  static constexpr int kNone = -1;  // a row of zeros
  PackedFlow& flow_;
  const FlowBlock& block_;
  std::vector<int> unit_;  // which unit of the block each row is
};

}  // namespace

FlowView PackedFlow::view() const {
  return {dimensions, stages,      components,   log_scale_limit, units,
          terms,      step_floats, steps.data(), source.data(),   weights.data()};
}

PackedFlow pack_flow(int dimensions, int context, double log_scale_limit, std::span<const FlowBlock> blocks) {
  require(dimensions >= 1 && context >= 0 && !blocks.empty(), "no dimensions or no blocks");
  require(blocks.back().outputs >= 3 && blocks.back().outputs % 3 == 0, "the last block's outputs are no mixture");
  PackedFlow flow;
  flow.dimensions = dimensions;
  flow.stages = static_cast<int>(blocks.size());
  flow.components = blocks.back().outputs / 3;
  flow.context = context;
  flow.log_scale_limit = static_cast<float>(log_scale_limit);
  for (std::size_t i = blocks.size(); i-- > 0;) {
    require(i + 1 == blocks.size() || blocks[i].outputs == 2, "a block before the last without shift and scale");
    check_block(blocks[i], dimensions, context);
    Packer(flow, blocks[i]).pack();
  }
  flow.terms = static_cast<int>(flow.context_bias.size());
  flow.steps.push_back({static_cast<int>(flow.weights.size()), flow.terms, 0, 0});
  for (std::size_t n = 0; n + 1 < flow.steps.size(); ++n) {
    const FlowStep &step = flow.steps[n], &next = flow.steps[n + 1];
    flow.step_floats = std::max(flow.step_floats, next.weights - step.weights + next.terms - step.terms);
  }
  return flow;
}

void check_sizes(const PackedFlow& flow, const FlowRequest& request, const FlowSamples& out) {
  require(request.systems >= 0 && request.samples >= 0, "a negative number of systems or samples");
  const std::size_t rows = size(request.systems) * size(request.samples);
  require(request.terms.size() == size(request.systems) * size(flow.terms), "terms are not [B][terms]");
  require(out.z.size() == rows * size(flow.dimensions), "z is not [B][S][D]");
  require(out.log_q.size() == rows, "log_q is not [B][S]");
}

void sample_flow(const PackedFlow& flow, const FlowRequest& request, const FlowSamples& out, int threads) {
  check_sizes(flow, request, out);
  const FlowWork work{.flow = flow.view(),
                      .terms = request.terms.data(),
                      .systems = request.systems,
                      .samples = request.samples,
                      .seed = request.seed,
                      .first_system = request.first_system,
                      .shared_noise = request.shared_noise,
                      .z = out.z.data(),
                      .log_q = out.log_q.data()};
  const FlowLanes lanes = flow_lanes();
  // A thread takes some milliseconds' worth of tiles at a time.
  constexpr std::uint64_t kTiles = 16;
  const std::uint64_t tiles = static_cast<std::uint64_t>(request.systems) *
                              static_cast<std::uint64_t>((request.samples + lanes.tile - 1) / lanes.tile);
  parallel_for((tiles + kTiles - 1) / kTiles, threads, [&](std::uint64_t i) {
    constexpr std::size_t kAlignment = 64;
    std::vector<std::byte> memory(lanes.column_bytes(work.flow) + kAlignment);
    void* column = memory.data();
    std::size_t space = memory.size();
    std::align(kAlignment, space - kAlignment, column, space);
    for (std::uint64_t tile = i * kTiles; tile < std::min(tiles, (i + 1) * kTiles); ++tile) {
      lanes.sample_tile(work, tile, column);
    }
  });
}

}  // namespace penumbra
