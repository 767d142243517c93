// Time of cadence and noise for one system, on one core: epochs, quoted errors, scatter, photometry and parallax. Over
// stars of 8 to 20 mag as they come, and for stars that all six channels observe, the dearest. `epochs` is their mean
// number. Needs the survey bank. Work that allocates after warm-up is an error.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <new>
#include <vector>

#include "bench/data_folder.h"
#include "sim/survey.h"

namespace {
thread_local long allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace penumbra {
namespace {

const Surveys& bank() {
  static const Surveys surveys = Surveys::load(data_folder() / "banks" / "surveys.h5");
  return surveys;
}

// One system of the stream; returns its number of epochs.
std::size_t observe(double magnitude, std::uint64_t draw, Observation& out) {
  Apparent apparent;
  apparent.magnitude.fill(magnitude);
  System system{};
  system.distance_pc = 400.0;
  std::array<double, kSedBandCount> sed_jy;
  sed_jy.fill(0.01);
  RandomStream schedule_random(1, draw, Stage::kSchedule), noise_random(1, draw, Stage::kNoise);
  bank().schedule(apparent, 2.3, schedule_random, out);
  std::size_t epochs = 0;
  for (LightCurve& curve : out.light_curves) {
    curve.flux.assign(curve.phase.size(), 1.0);
    epochs += curve.phase.size();
  }
  bank().observe(system, apparent, sed_jy.data(), noise_random, out);
  return epochs;
}

struct Star {
  double magnitude;
  std::uint64_t draw;
};

std::vector<Star> choose(bool all_channels) {
  constexpr std::uint64_t kStars = 4096;
  std::vector<Star> stars;
  Observation out;
  for (std::uint64_t draw = 0; draw < kStars; ++draw) {
    const Star star{all_channels ? 14.0 : 8.0 + 12.0 * static_cast<double>(draw) / kStars, draw};
    observe(star.magnitude, draw, out);  // warm-up too
    bool all = true;
    for (const LightCurve& curve : out.light_curves) all = all && !curve.empty();
    if (all || !all_channels) stars.push_back(star);
  }
  return stars;
}

void cadence_and_noise(benchmark::State& state, bool all_channels) {
  const std::vector<Star> stars = choose(all_channels);
  Observation out;
  for (LightCurve& curve : out.light_curves) {
    for (auto* values : {&curve.phase, &curve.flux, &curve.sigma}) values->reserve(kMaxEpochs);
  }
  std::size_t next = 0, epochs = 0;
  long allocated = 0;
  for (auto _ : state) {
    const Star& star = stars[next++ % stars.size()];
    const long before = allocations;
    epochs += observe(star.magnitude, star.draw, out);
    allocated += allocations - before;
  }
  if (allocated > 0) state.SkipWithError("it allocates after warm-up");
  state.counters["epochs"] = benchmark::Counter(static_cast<double>(epochs), benchmark::Counter::kAvgIterations);
}
BENCHMARK_CAPTURE(cadence_and_noise, as_they_come, false)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(cadence_and_noise, all_channels, true)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penumbra
