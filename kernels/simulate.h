// Light curves and SEDs of many systems at once on a GPU: sim/phase_curve.h, one block of threads a system.
#pragma once

#include <span>
#include <string>

#include "sim/light_curve.h"

namespace penumbra {

// B systems, K light-curve bands, S SED bands. Fluxes are as render_phase_curve and render_sed give them.
struct SimulateInput {
  std::span<const System> systems;        // [B]
  int curve_band_count = 0;               // K >= 1
  std::span<const StarBand> curve_bands;  // [B][2 stars][K]
  int sed_band_count = 0;                 // S, may be 0
  std::span<const StarBand> sed_bands;    // [B][2 stars][S]
  std::span<const int> epoch_start;  // [B * K + 1]: where each light curve's epochs begin in `phase`, ascending from 0
  std::span<const double> phase;     // epochs of all light curves
  std::span<const double> exposure;  // [B][K] exposure length in periods
  Resolution resolution;             // without heat_maps
  Effects effects;
  // Share of a third star in the light, as in light_curve.h; empty: none.
  std::span<const double> curve_third_light = {};  // [B][K]
  std::span<const double> sed_third_light = {};    // [B][S]
};

struct SimulateOutput {
  std::span<double> flux;    // like `phase`
  std::span<double> sed;     // [B][S]
  std::span<Status> status;  // [B]; where it is not kOk, the system's fluxes are not written
};

// Throws std::invalid_argument where sizes disagree or a curve outgrows a block's shared memory (some 25 bands),
// EnvironmentError where there is no device or it fails.
void simulate_on_device(const SimulateInput& input, const SimulateOutput& output);

}  // namespace penumbra
