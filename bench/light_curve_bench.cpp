// Time of the forward model's heart for one system on one core: five bands over an orbit, 23 bands of the SED.
#include <benchmark/benchmark.h>

#include <array>

#include "sim/light_curve.h"

namespace penumbra {
namespace {

StarBand star_band(double log_intensity, int band) {
  return {log_intensity, 5.0 - 0.1 * band, -4.0, 0.1, {{0.5, 0.2, 0.1, -0.1}}};
}

struct Example {
  System system{};
  std::array<StarBand, 23> primary, secondary;

  Example(double eccentricity, double radius_sum, double cos_i) {
    system.q = 0.7;
    system.sma_rsun = 10.0;
    system.eccentricity = eccentricity;
    system.omega_rad = 1.1;
    system.cos_i = cos_i;
    system.distance_pc = 500.0;
    system.star[0] = {1.2, 0.6 * radius_sum * system.sma_rsun, 6500.0, 4.2, 0.35};
    system.star[1] = {0.84, 0.4 * radius_sum * system.sma_rsun, 5200.0, 4.4, 0.3};
    for (int k = 0; k < 23; ++k) {
      primary[k] = star_band(20.0, k);
      secondary[k] = star_band(19.0, k);
    }
  }
};

Example example(int which) {
  switch (which) {
    case 0:
      return Example(0.0, 0.2, 0.05);  // circular, partial eclipses
    case 1:
      return Example(0.0, 0.5, 0.1);  // circular, close
    case 2:
      return Example(0.3, 0.2, 0.0);  // eccentric, total and annular eclipses
    default:
      return Example(0.3, 0.3, 0.1);  // eccentric, partial eclipses
  }
}

void render_phase_curve_5_bands(benchmark::State& state) {
  const Example e = example(static_cast<int>(state.range(0)));
  PhaseCurve curve;
  for (auto _ : state) {
    const Status status = render_phase_curve(e.system, e.primary.data(), e.secondary.data(), 5, {}, {}, curve);
    if (status != Status::kOk) state.SkipWithError("the system has no light curve");
  }
}
BENCHMARK(render_phase_curve_5_bands)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

void render_sed_23_bands(benchmark::State& state) {
  const Example e = example(static_cast<int>(state.range(0)));
  double flux[23];
  for (auto _ : state) {
    render_sed(e.system, e.primary.data(), e.secondary.data(), 23, {}, {}, flux);
    benchmark::DoNotOptimize(flux);
  }
}
BENCHMARK(render_sed_23_bands)->DenseRange(0, 3)->Unit(benchmark::kMicrosecond);

void read_phase_curve_1000_epochs(benchmark::State& state) {
  const Example e = example(0);
  PhaseCurve curve;
  render_phase_curve(e.system, e.primary.data(), e.secondary.data(), 5, {}, {}, curve);
  const double exposure = 1e-3 * static_cast<double>(state.range(0));
  for (auto _ : state) {
    double sum = 0.0;
    for (int t = 0; t < 1000; ++t) sum += phase_curve_flux(curve, 2, 0.618034 * t, exposure);
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(read_phase_curve_1000_epochs)->Arg(0)->Arg(2)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace penumbra

BENCHMARK_MAIN();
