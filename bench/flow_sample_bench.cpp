// Samples of the paper's flow: D = 16, 16 blocks of 128 units, a mixture of 4, random weights; per thread. Checked
// against the naive inverse in double precision before anything is timed. items_per_second is samples a second.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "tests/kernels/flow_reference.h"

namespace {

using namespace penumbra;

constexpr FlowShape kPaper{16, 144, 128, 16, 4};

struct Flow {
  std::vector<FlowBlock> blocks = random_blocks(kPaper, 1);
  PackedFlow packed = pack_flow(kPaper.dimensions, kPaper.context, kLogScaleLimit, blocks);
  std::vector<float> context = random_context(1, kPaper.context, 2), terms = flow_terms(packed, context);
};

bool correct(const Flow& flow) {
  constexpr int kSamples = 8;
  std::vector<float> z(kSamples * kPaper.dimensions), log_q(kSamples);
  sample_flow(flow.packed, {flow.terms, 1, kSamples, 3, 4}, {z, log_q}, 1);
  const ReferenceFlow reference(kPaper, flow.blocks);
  for (int s = 0; s < kSamples; ++s) {
    const ReferenceSample expected = reference.sample(flow.context.data(), 3, 4, static_cast<std::uint32_t>(s));
    if (!(std::fabs(log_q[static_cast<std::size_t>(s)] - expected.log_q) < 1e-3)) return false;
    for (int d = 0; d < kPaper.dimensions; ++d) {
      const double x = expected.z[static_cast<std::size_t>(d)];
      const double error = z[static_cast<std::size_t>(s * kPaper.dimensions + d)] - x;
      if (!(std::fabs(error) < 1e-4 * (1.0 + std::fabs(x)))) return false;
    }
  }
  return true;
}

// Systems, samples of each.
void BM_SampleFlow(benchmark::State& state) {
  const Flow flow;
  if (!correct(flow)) {
    state.SkipWithError("samples differ from the naive inverse");
    return;
  }
  const int systems = static_cast<int>(state.range(0)), samples = static_cast<int>(state.range(1));
  const auto rows = static_cast<std::size_t>(systems) * static_cast<std::size_t>(samples);
  std::vector<float> terms, z(rows * kPaper.dimensions), log_q(rows);
  for (int b = 0; b < systems; ++b) terms.insert(terms.end(), flow.terms.begin(), flow.terms.end());
  for (auto _ : state) {
    sample_flow(flow.packed, {terms, systems, samples, 1, 0}, {z, log_q}, 1);
    benchmark::DoNotOptimize(z.data());
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows));
}
BENCHMARK(BM_SampleFlow)->Args({1, 1000})->Args({1, 10000})->Args({100, 100})->Unit(benchmark::kMillisecond);

}  // namespace
