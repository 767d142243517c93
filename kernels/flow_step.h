// The arithmetic of kernels/flow_sample.h for one column of samples: kParts `Real`s side by side, each one float (on
// the device, where a thread owns a column) or a vector of them (on the host). Columns share nothing, so no step waits
// for another column.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/random.h"
#include "kernels/float_lanes.h"
#include "kernels/flow_sample.h"
#include "sim/lanes.h"

namespace penumbra {

// Everything that a launch needs, as plain pointers.
struct FlowWork {
  FlowView flow;
  const float* terms;
  int systems, samples;
  std::uint64_t seed, first_system;
  bool shared_noise;
  float* z;
  float* log_q;

  PN_INLINE std::uint64_t noise_of(int system) const {
    return first_system + (shared_noise ? 0 : static_cast<std::uint64_t>(system));
  }
};

// What a column keeps: rows of kParts Reals, `stride` Reals apart.
struct FlowRows {
  int first, second, x, y, output, log_q, count;
  PN_INLINE explicit FlowRows(const FlowView& flow)
      : first(0),
        second(flow.units),
        x(2 * flow.units),
        y(x + flow.dimensions),
        output(y + flow.dimensions),
        log_q(output + even(flow.outputs(0))),
        count(log_q + 1) {}
};

template <class Real>
struct FlowColumn {
  Real* data;
  int stride;
  PN_INLINE Real& operator()(int row, int part) const { return data[row * stride + part]; }
};

// The numbers of a group of rows for one column of their matrix.
template <int kRows>
struct alignas(kRows < 4 ? 8 : 16) RowGroup {
  float row[kRows];
};

// out(i, part, bias[i] + sum over v < count of weight[i][v] in(v, part)) for the rows of one group.
template <int kRows, int kParts, class Real, class In, class Out>
PN_INLINE void dense_group(const float* weights, const float* bias, int count, In&& in, Out&& out) {
  const auto* const columns = reinterpret_cast<const RowGroup<kRows>*>(weights);
  Real sum[kRows][kParts];
  PN_UNROLL(8)
  for (int i = 0; i < kRows; ++i)
    for (int part = 0; part < kParts; ++part) sum[i][part] = Real{} + bias[i];
  for (int v = 0; v < count; ++v) {
    const RowGroup<kRows> weight = columns[v];
    Real value[kParts];
    for (int part = 0; part < kParts; ++part) value[part] = in(v, part);
    PN_UNROLL(8)
    for (int i = 0; i < kRows; ++i)
      for (int part = 0; part < kParts; ++part) sum[i][part] += weight.row[i] * value[part];
  }
  PN_UNROLL(8)
  for (int i = 0; i < kRows; ++i)
    for (int part = 0; part < kParts; ++part) out(i, part, sum[i][part]);
}

// The same for any even number of rows.
template <int kParts, class Real, class In, class Out>
PN_INLINE void dense(const float* weights, const float* bias, int rows, int count, In&& in, Out&& out) {
  const auto group = [&](int first) {
    return [&out, first](int i, int part, Real value) { out(first + i, part, value); };
  };
  int i = 0;
  for (; i + 8 <= rows; i += 8) dense_group<8, kParts, Real>(weights + i * count, bias + i, count, in, group(i));
  if (i + 4 <= rows) {
    dense_group<4, kParts, Real>(weights + i * count, bias + i, count, in, group(i));
    i += 4;
  }
  if (i < rows) dense_group<2, kParts, Real>(weights + i * count, bias + i, count, in, group(i));
}

// Normal and uniform numbers of dimensions 2 pair and 2 pair + 1 for samples sample, sample + 1, .. of one system, one
// in each lane: one group of four words of Philox each. Box-Muller.
template <class Real>
struct FlowNoise {
  Real normal[2], uniform[2];

  PN_INLINE FlowNoise(std::uint64_t seed, std::uint64_t system, std::uint32_t sample, std::uint32_t pair) {
    constexpr int kCount = Lanes<Real>::kCount;
    float number[4][kCount];
    for (int lane = 0; lane < kCount; ++lane) {
      const std::uint32_t stage = static_cast<std::uint32_t>(Stage::kPosterior) + (pair << 16);
      const std::uint32_t counter[4] = {sample + static_cast<std::uint32_t>(lane), stage,
                                        static_cast<std::uint32_t>(system), static_cast<std::uint32_t>(system >> 32)};
      std::uint32_t word[4];
      philox(counter, static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32), word);
      // In (0, 1]; small ones have all 32 bits, so that normal numbers reach 6.8.
      for (int i = 0; i < 4; ++i) {
        number[i][lane] = static_cast<float>(static_cast<std::int32_t>(word[i] >> 8)) * 0x1p-24f +
                          (static_cast<float>(static_cast<std::int32_t>(word[i] & 255u)) + 0.5f) * 0x1p-32f;
      }
    }
    const Real square = -2.0f * logarithm(Lanes<Real>::from(number[0]));
    const Real radius = Lanes<Real>::root(square);
    sine_cosine_of_turn(Lanes<Real>::from(number[1]), normal[1], normal[0]);
    normal[0] *= radius;
    normal[1] *= radius;
    uniform[0] = Lanes<Real>::from(number[2]);
    uniform[1] = Lanes<Real>::from(number[3]);
  }
};

// Base noise: normal numbers in the column's y, uniform ones in its x.
template <int kParts, class Real>
PN_INLINE void start_column(const FlowWork& work, int system, int first_sample, const FlowColumn<Real>& column) {
  const FlowRows rows(work.flow);
  for (int part = 0; part < kParts; ++part) {
    const auto sample = static_cast<std::uint32_t>(first_sample + part * Lanes<Real>::kCount);
    for (int d = 0; d < work.flow.dimensions; d += 2) {
      const FlowNoise<Real> noise(work.seed, work.noise_of(system), sample, static_cast<std::uint32_t>(d / 2));
      for (int i = 0; i < 2 && d + i < work.flow.dimensions; ++i) {
        column(rows.y + d + i, part) = noise.normal[i];
        column(rows.x + d + i, part) = noise.uniform[i];
      }
    }
    column(rows.log_q, part) = Real{};
  }
}

// x = mean + deviation y of a component that the uniform number chooses, and ln of the mixture's density there.
// Outputs: logits, means, raw log deviations, of each `components`.
template <class Real>
PN_INLINE Real sample_mixture(const FlowView& flow, const FlowColumn<Real>& column, int output, int part, Real normal,
                              Real uniform, Real& log_q) {
  const int components = flow.components, means = output + components, deviations = means + components;
  Real top = column(output, part);
  for (int k = 1; k < components; ++k) top = larger(top, column(output + k, part));
  Real total = Real{};
  for (int k = 0; k < components; ++k) {
    column(deviations + k, part) = soft_limit(column(deviations + k, part), flow.log_scale_limit);
    total += exponential(column(output + k, part) - top);
  }
  Real mean = column(means, part), log_deviation = column(deviations, part), sum = Real{};
  for (int k = 0; k < components; ++k) {
    const auto beyond = uniform * total > sum;
    mean = beyond ? column(means + k, part) : mean;
    log_deviation = beyond ? column(deviations + k, part) : log_deviation;
    sum += exponential(column(output + k, part) - top);
  }
  const Real x = mean + exponential(log_deviation) * normal;
  Real densest{};
  for (int k = 0; k < components; ++k) {
    const Real u = (x - column(means + k, part)) * exponential(-column(deviations + k, part));
    const Real term = column(output + k, part) - top - column(deviations + k, part) - 0.5f * u * u;
    column(output + k, part) = term;
    densest = k == 0 ? term : larger(densest, term);
  }
  Real density{};
  for (int k = 0; k < components; ++k) density += exponential(column(output + k, part) - densest);
  constexpr float kHalfLogTwoPi = 0.918938533f;
  log_q += densest + logarithm(density) - logarithm(total) - kHalfLogTwoPi;
  return x;
}

// Step d of a stage: from x_0 .. x_{d-1} to x_d. `weights` and `terms` are those of the step.
template <int kParts, class Real>
PN_INLINE void advance_column(const FlowView& flow, int stage, int d, const float* weights, const float* terms,
                              const FlowColumn<Real>& column) {
  const FlowRows rows(flow);
  const FlowStep step = flow.steps[stage * flow.dimensions + d];
  const int known = step.first_unit + step.units, outputs = even(flow.outputs(stage));
  const float* const middle = weights + whole_fours(step.units * d);
  const float* const middle_bias = middle + whole_fours(step.units * known);
  const float* const out = middle_bias + whole_fours(step.units);
  dense<kParts, Real>(
      weights, terms, step.units, d, [&](int v, int part) { return column(rows.x + v, part); },
      [&](int i, int part, Real value) { column(rows.first + step.first_unit + i, part) = rectified(value); });
  dense<kParts, Real>(
      middle, middle_bias, step.units, known, [&](int v, int part) { return column(rows.first + v, part); },
      [&](int i, int part, Real value) { column(rows.second + step.first_unit + i, part) = rectified(value); });
  dense<kParts, Real>(
      out, terms + step.units, outputs, known, [&](int v, int part) { return column(rows.second + v, part); },
      [&](int i, int part, Real value) { column(rows.output + i, part) = value; });
  for (int part = 0; part < kParts; ++part) {
    if (stage == 0) {
      column(rows.x + d, part) = sample_mixture(flow, column, rows.output, part, column(rows.y + d, part),
                                                column(rows.x + d, part), column(rows.log_q, part));
    } else {
      const Real log_scale = soft_limit(column(rows.output + 1, part), flow.log_scale_limit);
      column(rows.x + d, part) = column(rows.output, part) + column(rows.y + d, part) * exponential(log_scale);
      column(rows.log_q, part) -= log_scale;
    }
  }
}

// What a stage makes of its inputs is what the next one, or the caller, is given.
template <int kParts, class Real>
PN_INLINE void finish_stage(const FlowView& flow, int stage, const FlowColumn<Real>& column) {
  const FlowRows rows(flow);
  for (int d = 0; d < flow.dimensions; ++d) {
    const int source = flow.source[stage * flow.dimensions + d];
    for (int part = 0; part < kParts; ++part) column(rows.y + d, part) = column(rows.x + source, part);
  }
}

}  // namespace penumbra
