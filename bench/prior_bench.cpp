// Time of one accepted draw of the prior and of one look-up in the stellar-evolution tables, on one core. Items a
// second are accepted draws and stars. Needs the data tables (tools/setup.sh tables).
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/data_folder.h"
#include "sim/prior.h"
#include "sim/tracks.h"

namespace penumbra {
namespace {

const TrackGrid& tracks() {
  static const TrackGrid grid = TrackGrid::load(data_folder() / "tables" / "tracks.h5");
  return grid;
}

void prior_draw(benchmark::State& state) {
  const DustPrior dust = DustPrior::analytic();
  const Prior prior(PriorSpec{}, tracks().view(), dust.view());
  std::uint64_t index = 0;
  for (auto _ : state) benchmark::DoNotOptimize(prior.draw(1, index++));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(prior_draw)->Unit(benchmark::kMicrosecond);

// The primaries of prior draws: stars inside the grid, spread as the forward model asks for them.
void track_lookup(benchmark::State& state) {
  const TrackView view = tracks().view();
  const DustPrior dust = DustPrior::analytic();
  const Prior prior(PriorSpec{}, view, dust.view());
  std::vector<Theta> thetas;
  for (std::uint64_t index = 0; index < 4096; ++index) thetas.push_back(prior.draw(1, index).theta);
  std::size_t next = 0;
  for (auto _ : state) {
    const Theta& theta = thetas[next++ % thetas.size()];
    StellarState star;
    if (!interpolate_star(view, theta[kMsum] / (1.0 + theta[kQ]), theta[kLogAge], theta[kFeh], star))
      state.SkipWithError("a drawn star is outside the tracks");
    benchmark::DoNotOptimize(star);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(track_lookup)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace penumbra
