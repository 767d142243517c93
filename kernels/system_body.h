// The body of the kernel that begins a system: one block draws it, expands its stars in every passband, seen through
// the dust, and renders its SED. A draw whose forward model fails is replaced as in Simulator::simulate.
#pragma once

#include <cstdint>

#include "kernels/block.h"
#include "kernels/expand_band.h"
#include "sim/phase_curve.h"
#include "sim/simulator_view.h"

namespace penumbra {

// Four warps: an SED is twelve discs and eclipses, one warp each.
inline constexpr int kSystemThreads = 128;
inline constexpr int kSystemGroups = kSystemThreads / kWarpSize;

struct SystemWork {
  SimulatorView simulator;
  const GaussTable* gauss;
  std::uint64_t seed, first;
  PriorDraw* draws;       // [B]
  System* systems;        // [B]
  StarBand* curve_bands;  // [B][2][kChannelCount], as SimulateView takes them
  double* period_day;     // [B]
  double* distance_pc;    // [B]
  double* sed_jy;         // [B][kSedBandCount]
  Apparent* apparent;     // [B]
  // [B]; where it is not kOk no attempt gave a system: its magnitudes and fluxes are NaN, so that nothing after it
  // succeeds.
  Status* status;
  int* attempt;  // [B] of the draw, from 0; kMaxAttempts where the prior gives none
};

// What the threads of a block tell each other.
struct SystemState {
  Binary binary;
  StarNode node[2];
  StarBand band[2 * kPassbandCount];            // [star][passband]
  BandIntensity intensity[2 * kPassbandCount];  // of these
  const BandIntensity* stars[2];
  double parts[kSedParts * kPassbandCount];
  double sed_jy[kPassbandCount];
};

inline std::size_t system_shared_bytes(int groups) {
  return shared_bytes(sizeof(SystemState), 1) + shared_bytes(sizeof(GroupWork), static_cast<std::size_t>(groups));
}

// kOk, or why the draw or its forward model fails; then state is complete but for the SED.
template <class Block>
PN_INLINE Status make_system(Block& block, const SystemWork& work, int index, GroupWork* group_work,
                             SystemState& state) {
  const SimulatorView& simulator = work.simulator;
  const int drawn = block.largest(1, [&](int) {
    const std::uint64_t draw = draw_of_attempt(work.first + static_cast<std::uint64_t>(index), work.attempt[index]);
    if (accepted_draw(simulator.prior, work.seed, draw, work.draws[index])) return 1;
    work.attempt[index] = kMaxAttempts;  // another draw would fare no better
    return 0;
  });
  if (drawn == 0) return Status::kOutsideTracks;
  block.for_each(
      1, [&](int) { work.systems[index] = derive_system(work.draws[index].theta.data(), simulator.options.albedo); });
  const System& system = work.systems[index];
  int worst = block.largest(2, [&](int star) {
    return static_cast<int>(find_star_node(simulator.atmosphere, system.star[star], system.feh,
                                           /*tabulated_limb=*/true, state.node[star]));
  });
  if (worst != static_cast<int>(Status::kOk)) return static_cast<Status>(worst);
  worst = block.largest(2 * kPassbandCount, [&](int i) {
    const int star = i / kPassbandCount;
    const Status status =
        expand_reddened_band(simulator.atmosphere, simulator.extinction, system, star, state.node[star],
                             static_cast<Passband>(i % kPassbandCount), state.band[i]);
    if (status != Status::kOk) return static_cast<int>(status);
    return static_cast<int>(valid_bands(state.band + i, 1) ? Status::kOk : Status::kInvalidInput);
  });
  if (worst != static_cast<int>(Status::kOk)) return static_cast<Status>(worst);
  block.for_each(2 * kPassbandCount, [&](int i) { state.intensity[i] = make_band_intensity(state.band[i]); });
  return build_binary(block, system, simulator.options.effects, *work.gauss, group_work, state.binary);
}

template <class Block>
PN_INLINE void system_body(Block& block, const SystemWork& work, int index) {
  SystemState& state = *block.template shared<SystemState>(1);
  GroupWork* const group_work = block.template shared<GroupWork>(block.group_count());
  block.for_each(kPassbandCount, [&](int k) { state.sed_jy[k] = NAN; });
  block.for_each(2, [&](int star) { state.stars[star] = state.intensity + star * kPassbandCount; });
  const Status status = make_system(block, work, index, group_work, state);
  const SimulatorView& simulator = work.simulator;
  const bool ok = status == Status::kOk;
  block.for_each(1, [&](int) {
    work.period_day[index] = ok ? work.systems[index].period_day : 1.0;
    work.distance_pc[index] = ok ? work.systems[index].distance_pc : 1.0;
    work.status[index] = status;
  });
  block.for_each(2 * kChannelCount, [&](int i) {
    const int star = i / kChannelCount, passband = simulator.surveys.availability.channel[i % kChannelCount].passband;
    StarBand band = state.band[star * kPassbandCount + passband];
    if (!ok) band.log_intensity = NAN;
    work.curve_bands[static_cast<long>(index) * 2 * kChannelCount + i] = band;
  });
  const auto hand_on_fluxes = [&] {
    block.for_each(kPassbandCount, [&](int k) {
      work.apparent[index].magnitude[k] = apparent_magnitude(state.sed_jy[k], simulator.zero_point_jy[k]);
      if (k < kSedBandCount) work.sed_jy[static_cast<long>(index) * kSedBandCount + k] = state.sed_jy[k];
    });
  };
  hand_on_fluxes();
  if (!ok) return;
  build_sed(block, state.binary, state.stars, kPassbandCount, nullptr, simulator.options.resolution, *work.gauss,
            group_work, state.parts, state.sed_jy);
  hand_on_fluxes();
}

}  // namespace penumbra
