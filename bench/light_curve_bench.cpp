// Time of the forward model's heart for one system on one core: five bands over an orbit, 23 bands of the SED; and of
// all that one draw of the prior costs.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <vector>

#include "sim/extinction.h"
#include "sim/light_curve.h"
#include "sim/prior.h"

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

// 1,000 draws of the prior: both stars expanded in all bands, the reddened SED, four bands at 500 epochs each. Reports
// the median and the 95th percentile over draws, each draw's time the least of five. Run in the source folder.
void prior_draws(benchmark::State& state) {
  const std::filesystem::path tables = "data/tables";
  if (!std::filesystem::exists(tables / "tracks.h5")) {
    state.SkipWithError("no data/tables here: run tools/setup.sh tables, then this in the source folder");
    return;
  }
  const TrackGrid tracks = TrackGrid::load(tables / "tracks.h5");
  const Atmosphere atmosphere = Atmosphere::load(tables / "atmospheres.h5");
  const Extinction extinction = Extinction::load(tables / "passbands.h5");
  const DustPrior dust = DustPrior::analytic();
  const Prior prior(named_prior("field"), tracks.view(), dust.view());
  std::array<Passband, kPassbandCount> passbands;
  for (int k = 0; k < kPassbandCount; ++k) passbands[k] = static_cast<Passband>(k);
  std::array<double, 500> phase, flux;
  for (std::size_t t = 0; t < phase.size(); ++t) phase[t] = std::fmod(0.618034 * static_cast<double>(t), 1.0);
  std::array<StarBand, kPassbandCount> bands[2];
  std::array<double, kPassbandCount> sed;
  PhaseCurve curve;
  std::vector<double> microseconds;
  for (auto _ : state) {
    for (std::uint64_t index = 0; index < 1000; ++index) {
      const System system = derive_system(prior.draw(7, index).theta);
      double least = INFINITY;
      for (int repeat = 0; repeat < 5; ++repeat) {
        const auto start = std::chrono::steady_clock::now();
        Status status = Status::kOk;
        for (int k = 0; k < 2 && status == Status::kOk; ++k)
          status = expand_star(atmosphere.view(), system.star[k], system.feh, passbands.data(), kPassbandCount,
                               bands[k].data());
        if (status == Status::kOk)
          status = render_sed(system, bands[0].data(), bands[1].data(), kPassbandCount, {}, {}, sed.data());
        if (status == Status::kOk)
          status = render_phase_curve(system, bands[0].data(), bands[1].data(), 4, {}, {}, curve);
        if (status != Status::kOk) break;
        for (int b = 0; b < kPassbandCount; ++b)
          sed[b] *= attenuation(extinction.view(), static_cast<Passband>(b), system.ebv);
        for (int k = 0; k < 4; ++k) phase_curve_fluxes(curve, k, phase, 0.0, flux);
        benchmark::DoNotOptimize(flux);
        benchmark::DoNotOptimize(sed);
        least = std::min(least,
                         std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
      }
      if (std::isfinite(least)) microseconds.push_back(least);
    }
  }
  std::sort(microseconds.begin(), microseconds.end());
  state.counters["draws"] = static_cast<double>(microseconds.size());
  state.counters["median_us"] = microseconds[microseconds.size() / 2];
  state.counters["p95_us"] = microseconds[microseconds.size() * 95 / 100];
  state.counters["thread_bytes"] = static_cast<double>(phase_curve_memory({}, 4));
}
BENCHMARK(prior_draws)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace penumbra

BENCHMARK_MAIN();
