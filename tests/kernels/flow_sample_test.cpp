#include "kernels/flow_sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "kernels/flow_sample_body.h"
#include "kernels/flow_sample_lanes.h"
#include "tests/kernels/flow_reference.h"

namespace penumbra {
namespace {

// The paper's flow; the shipped one's; degrees with no, one, two and three units; one dimension; one block.
constexpr FlowShape kPaper{16, 32, 128, 16, 4}, kCompact{15, 32, 192, 10, 8}, kRagged{16, 5, 40, 3, 3},
    kFewUnits{7, 3, 5, 2, 1}, kOneDimension{1, 2, 6, 2, 2}, kOneBlock{5, 4, 33, 1, 5};

struct Case {
  FlowShape shape;
  std::vector<FlowBlock> blocks;
  PackedFlow flow;
  std::vector<float> context, terms;

  Case(const FlowShape& s, int systems, std::uint64_t seed)
      : shape(s),
        blocks(random_blocks(s, seed)),
        flow(pack_flow(s.dimensions, s.context, kLogScaleLimit, blocks)),
        context(random_context(systems, s.context, seed + 1)),
        terms(flow_terms(flow, context)) {}
};

struct Drawn {
  std::vector<float> z, log_q;
  Drawn(int systems, int samples, int dimensions)
      : z(static_cast<std::size_t>(systems * samples * dimensions)),
        log_q(static_cast<std::size_t>(systems * samples)) {}
};

constexpr std::uint64_t kSeed = 0x123456789abcdefULL, kFirst = 77;

Drawn draw(const Case& c, int systems, int samples, int threads = 1) {
  Drawn drawn(systems, samples, c.shape.dimensions);
  sample_flow(c.flow, {c.terms, systems, samples, kSeed, kFirst}, {drawn.z, drawn.log_q}, threads);
  return drawn;
}

FlowWork work_of(const Case& c, int systems, int samples, Drawn& drawn) {
  return {c.flow.view(), c.terms.data(), systems, samples, kSeed, kFirst, false, drawn.z.data(), drawn.log_q.data()};
}

// Every stride-th sample against the naive inverse. A uniform number within 1e-5 of where another component would be
// chosen may go either way: such samples are left out, and are few.
void expect_reference(const Case& c, int systems, int samples, const Drawn& drawn, int stride) {
  const ReferenceFlow reference(c.shape, c.blocks);
  int compared = 0, ambiguous = 0;
  for (int row = 0; row < systems * samples; row += stride) {
    const int b = row / samples, s = row % samples;
    const ReferenceSample expected =
        reference.sample(c.context.data() + b * c.shape.context, kSeed, kFirst + static_cast<std::uint64_t>(b),
                         static_cast<std::uint32_t>(s));
    ++compared;
    if (expected.margin < 1e-5) {
      ++ambiguous;
      continue;
    }
    for (int d = 0; d < c.shape.dimensions; ++d) {
      const double z = expected.z[static_cast<std::size_t>(d)];
      ASSERT_NEAR(double{drawn.z[static_cast<std::size_t>(row * c.shape.dimensions + d)]}, z,
                  1e-4 * std::max(1.0, std::fabs(z)))
          << "system " << b << ", sample " << s << ", dimension " << d;
    }
    ASSERT_NEAR(double{drawn.log_q[static_cast<std::size_t>(row)]}, expected.log_q, 1e-3)
        << "system " << b << ", sample " << s;
  }
  EXPECT_LE(ambiguous, 1 + compared / 100);
}

TEST(FlowSample, IsTheNaiveInverse) {
  std::uint64_t seed = 100;
  for (const FlowShape& shape : {kPaper, kCompact, kRagged, kFewUnits, kOneDimension, kOneBlock}) {
    const Case c(shape, 3, ++seed);
    expect_reference(c, 3, 70, draw(c, 3, 70), 5);
  }
}

TEST(FlowSample, IsTheNaiveInverseAtRaggedSizes) {
  for (const int systems : {1, 7, 33, 1000}) {
    const Case c(kRagged, systems, 200);
    for (const int samples : {1, 31})
      expect_reference(c, systems, samples, draw(c, systems, samples), 1 + systems / 20);
  }
  const Case c(kRagged, 7, 200);
  expect_reference(c, 7, 10000, draw(c, 7, 10000), 97);
}

TEST(FlowSample, EveryInstructionSetGivesTheSame) {
  for (const FlowShape& shape : {kCompact, kRagged}) {
    const Case c(shape, 2, 300);
    std::vector<FlowLanes> levels{lanes_baseline::flow_lanes()};
#if defined(__x86_64__)
    if (machine_has_v3()) levels.push_back(lanes_v3::flow_lanes());
    if (machine_has_v4()) levels.push_back(lanes_v4::flow_lanes());
#endif
    for (const FlowLanes& lanes : levels) {
      Drawn drawn(2, 37, shape.dimensions);
      const FlowWork work = work_of(c, 2, 37, drawn);
      struct alignas(64) Line {
        char bytes[64];
      };
      std::vector<Line> column(lanes.column_bytes(work.flow) / 64 + 1);
      const int tiles = 2 * ((37 + lanes.tile - 1) / lanes.tile);
      for (int i = 0; i < tiles; ++i) lanes.sample_tile(work, static_cast<std::uint64_t>(i), column.data());
      expect_reference(c, 2, 37, drawn, 3);
    }
  }
}

// The kernel's body; HostBlock's shared memory is as large as the launch says, and each piece is guarded.
TEST(FlowSample, KernelBodyIsTheNaiveInverse) {
  std::uint64_t seed = 400;
  for (const FlowShape& shape : {kPaper, kCompact, kRagged, kFewUnits, kOneDimension, kOneBlock}) {
    const Case c(shape, 3, ++seed);
    for (const int samples : {1, 31, 70}) {
      constexpr int kTile = 32;
      Drawn drawn(3, samples, shape.dimensions);
      const FlowWork work = work_of(c, 3, samples, drawn);
      for (int index = 0; index < 3 * flow_tiles(samples, kTile); ++index) {
        HostBlock block(flow_sample_shared_bytes(work.flow, kTile));
        flow_sample_body(block, work, kTile, index);
        EXPECT_EQ(block.bytes_left(), 0u);
      }
      expect_reference(c, 3, samples, drawn, 11);
    }
  }
}

TEST(FlowSample, NeitherBatchNorThreadsChangeADraw) {
  const Case c(kRagged, 33, 500);
  const Drawn all = draw(c, 33, 100);
  const Drawn threaded = draw(c, 33, 100, 3);
  EXPECT_EQ(all.z, threaded.z);
  EXPECT_EQ(all.log_q, threaded.log_q);
  const std::size_t dims = static_cast<std::size_t>(kRagged.dimensions);
  for (const int b : {0, 6, 32}) {
    for (const int samples : {1, 17, 100}) {
      std::vector<float> z(static_cast<std::size_t>(samples) * dims), log_q(static_cast<std::size_t>(samples));
      const std::size_t terms = static_cast<std::size_t>(c.flow.terms);
      sample_flow(c.flow,
                  {std::span(c.terms).subspan(static_cast<std::size_t>(b) * terms, terms), 1, samples, kSeed,
                   kFirst + static_cast<std::uint64_t>(b)},
                  {z, log_q}, 1);
      const auto row = static_cast<std::size_t>(b) * 100;
      EXPECT_TRUE(std::equal(z.begin(), z.end(), all.z.begin() + static_cast<std::ptrdiff_t>(row * dims)));
      EXPECT_TRUE(std::equal(log_q.begin(), log_q.end(), all.log_q.begin() + static_cast<std::ptrdiff_t>(row)));
    }
  }
}

// Every system has the noise that the first one has by itself.
TEST(FlowSample, NoiseCanBeShared) {
  constexpr int kSystems = 3, kSamples = 40;
  const Case c(kRagged, kSystems, 500);
  Drawn shared(kSystems, kSamples, kRagged.dimensions), one(1, kSamples, kRagged.dimensions);
  sample_flow(c.flow, {c.terms, kSystems, kSamples, kSeed, kFirst, /*shared_noise=*/true}, {shared.z, shared.log_q}, 2);
  const auto terms = static_cast<std::size_t>(c.flow.terms);
  for (std::size_t b = 0; b < kSystems; ++b) {
    sample_flow(c.flow, {std::span(c.terms).subspan(b * terms, terms), 1, kSamples, kSeed, kFirst}, {one.z, one.log_q},
                1);
    EXPECT_TRUE(std::ranges::equal(one.z, std::span(shared.z).subspan(b * one.z.size(), one.z.size())));
    EXPECT_TRUE(std::ranges::equal(one.log_q, std::span(shared.log_q).subspan(b * kSamples, kSamples)));
  }
}

// Against the C library on the words of RandomStream: the noise of sample 0, dimensions 0 and 1, is the first four.
TEST(FlowNoise, IsBoxMullerOnPhilox) {
  for (std::uint64_t system = 0; system < 1000; ++system) {
    RandomStream words(kSeed, system << 30, Stage::kPosterior);
    const FlowNoise<float> noise(kSeed, system << 30, 0, 0);
    double u[4];
    for (double& value : u) value = (words.next_u32() + 0.5) / 4294967296.0;
    const double radius = std::sqrt(-2.0 * std::log(u[0]));
    EXPECT_NEAR(double{noise.normal[0]}, radius * std::cos(2.0 * M_PI * u[1]), 3e-6);
    EXPECT_NEAR(double{noise.normal[1]}, radius * std::sin(2.0 * M_PI * u[1]), 3e-6);
    EXPECT_NEAR(double{noise.uniform[0]}, u[2], 1e-7);
    EXPECT_NEAR(double{noise.uniform[1]}, u[3], 1e-7);
  }
}

TEST(FlowNoise, IsNormalAndUniformAndIndependent) {
  constexpr int kCount = 100000;
  double sum[4][4] = {}, mean[4] = {}, fourth = 0.0;
  for (int s = 0; s < kCount; ++s) {
    const FlowNoise<float> a(3, 5, static_cast<std::uint32_t>(s), 0), b(3, 5, static_cast<std::uint32_t>(s), 1);
    const double v[4] = {double{a.normal[0]}, double{a.normal[1]}, double{b.normal[0]},
                         std::sqrt(12.0) * (double{a.uniform[0]} - 0.5)};
    for (int i = 0; i < 4; ++i) {
      mean[i] += v[i] / kCount;
      for (int j = 0; j < 4; ++j) sum[i][j] += v[i] * v[j] / kCount;
    }
    fourth += v[0] * v[0] * v[0] * v[0] / kCount;
  }
  const double tolerance = 5.0 / std::sqrt(kCount);
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(mean[i], 0.0, tolerance);
    for (int j = 0; j < 4; ++j) EXPECT_NEAR(sum[i][j], i == j ? 1.0 : 0.0, 1.5 * tolerance);
  }
  EXPECT_NEAR(fourth, 3.0, 10.0 * tolerance);
}

TEST(FloatLanes, AgreeWithTheCLibrary) {
  for (double x = -86.9; x < 87.0; x += 0.0137) {
    const double exact = std::exp(double{static_cast<float>(x)});
    EXPECT_NEAR(double{exponential(static_cast<float>(x))} / exact, 1.0, 3e-7) << x;
    EXPECT_NEAR(double{logarithm(static_cast<float>(exact))}, std::log(double{static_cast<float>(exact)}),
                2e-7 * (1.0 + std::fabs(x)));
    EXPECT_NEAR(double{soft_limit(static_cast<float>(x), 3.0f)}, 3.0 * std::tanh(double{static_cast<float>(x)} / 3.0),
                1e-6)
        << x;
  }
  EXPECT_EQ(soft_limit(std::numeric_limits<float>::infinity(), 3.0f), 3.0f);
  EXPECT_EQ(soft_limit(-std::numeric_limits<float>::infinity(), 3.0f), -3.0f);
  for (double x = 0.0; x <= 1.0; x += 0.00037) {
    float sine, cosine;
    sine_cosine_of_turn(static_cast<float>(x), sine, cosine);
    EXPECT_NEAR(double{sine}, std::sin(2.0 * M_PI * double{static_cast<float>(x)}), 4e-7) << x;
    EXPECT_NEAR(double{cosine}, std::cos(2.0 * M_PI * double{static_cast<float>(x)}), 4e-7) << x;
  }
}

TEST(FlowSample, NaNIsNotLost) {
  Case c(kRagged, 2, 600);
  c.terms[0] = std::numeric_limits<float>::quiet_NaN();  // of the first unit of system 0
  const Drawn drawn = draw(c, 2, 40);
  for (std::size_t s = 0; s < 40; ++s) {
    EXPECT_TRUE(std::isnan(drawn.log_q[s]));
    EXPECT_TRUE(std::isfinite(drawn.log_q[40 + s]));
  }
}

TEST(FlowSample, RefusesSizesThatDisagree) {
  const Case c(kRagged, 2, 700);
  Drawn drawn(2, 10, kRagged.dimensions);
  const auto run = [&](const FlowRequest& request) { sample_flow(c.flow, request, {drawn.z, drawn.log_q}, 1); };
  EXPECT_NO_THROW(run({c.terms, 2, 10, 1, 0}));
  EXPECT_THROW(run({c.terms, 3, 10, 1, 0}), std::invalid_argument);
  EXPECT_THROW(run({c.terms, 2, 11, 1, 0}), std::invalid_argument);
  EXPECT_THROW(run({c.terms, -2, -10, 1, 0}), std::invalid_argument);
  std::vector<FlowBlock> blocks = c.blocks;
  blocks[1].middle.pop_back();
  EXPECT_THROW(pack_flow(kRagged.dimensions, kRagged.context, kLogScaleLimit, blocks), std::invalid_argument);
  blocks = c.blocks;
  blocks[0].order[0] = blocks[0].order[1];
  EXPECT_THROW(pack_flow(kRagged.dimensions, kRagged.context, kLogScaleLimit, blocks), std::invalid_argument);
  blocks = c.blocks;
  std::swap(blocks[0], blocks[2]);
  EXPECT_THROW(pack_flow(kRagged.dimensions, kRagged.context, kLogScaleLimit, blocks), std::invalid_argument);
}

}  // namespace
}  // namespace penumbra
