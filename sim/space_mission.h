// Sampling and noise of the space missions, from their published schedules and noise curves.
#pragma once

#include <array>
#include <cmath>

#include "base/random.h"
#include "sim/observation.h"

namespace penumbra {

inline constexpr int kMaxEpochs = 2000;  // of a simulated light curve: L of the paper

// Phase in [0, 1) of a time counted in periods.
inline double fold_phase(double cycles) {
  const double phase = cycles - std::floor(cycles);
  return phase < 1.0 ? phase : 0.0;  // a tiny negative number rounds up to 1
}

// Equally spaced exposures in blocks (sectors, quarters, campaigns), each with one pause halfway.
struct BlockSchedule {
  static constexpr int kMaxBlocks = 17;
  std::array<double, kMaxBlocks> start_day{};
  int block_count = 0;
  double exposure_day = 0.0;
  double pause_day = 0.0;
  int exposures_per_block = 0;  // slots in time
  double kept = 1.0;            // share of the slots with a good exposure
};

// TESS: sectors of 27.4 days, in a row or two years apart, in one of the missions' exposure times; the schedule's
// `kept` is `coverage`, good exposures over those that 27.4 days have room for.
BlockSchedule draw_tess_schedule(double coverage, RandomStream& random);

// Kepler in long cadence, or K2: 29.4 minutes. Sets the relative error of one exposure at magnitude kp.
BlockSchedule draw_kepler_schedule(double kp, RandomStream& random, double& sigma);

// Relative error of an exposure of TESS, quoted by a pipeline that reaches the photon noise: Stassun et al. (2018, AJ
// 156, 102), a fit to Sullivan et al. (2015, ApJ 809, 77).
double tess_noise(double tmag, double exposure_day);

// Relative error of a 29.4-minute exposure of Kepler: Jenkins et al. (2010, ApJL 713, L120), lower envelope.
double kepler_noise(double kp);

// Folds one slot from each of kMaxEpochs equal stretches of the schedule (or of all, where they are fewer) on the
// period, the epoch being random. sigma: error of one exposure. Fills phase (unsorted), sigma and exposure_day.
void observe_blocks(const BlockSchedule& schedule, double period_day, double sigma, RandomStream& random,
                    LightCurve& out);

}  // namespace penumbra
