// Sampling and noise of the space missions, from their published schedules and noise curves.
#pragma once

#include <algorithm>
#include <cmath>

#include "base/host_device.h"
#include "base/random.h"

namespace penumbra {

inline constexpr int kMaxEpochs = 2000;  // of a simulated light curve: L of the paper

// Phase in [0, 1) of a time counted in periods.
PN_HD inline double fold_phase(double cycles) {
  const double phase = cycles - std::floor(cycles);
  return phase < 1.0 ? phase : 0.0;  // a tiny negative number rounds up to 1
}

// Equally spaced exposures in blocks (sectors, quarters, campaigns), each with one pause halfway.
struct BlockSchedule {
  static constexpr int kMaxBlocks = 17;
  double start_day[kMaxBlocks]{};
  int block_count = 0;
  double exposure_day = 0.0;
  double pause_day = 0.0;
  int exposures_per_block = 0;  // slots in time
  double kept = 1.0;            // share of the slots with a good exposure

  PN_HD double slots() const { return static_cast<double>(block_count) * exposures_per_block; }
  PN_HD double exposures() const { return std::max(1.0, slots() * kept); }  // good ones
  PN_HD int epoch_count() const { return static_cast<int>(std::min(exposures(), static_cast<double>(kMaxEpochs))); }
  // Error of an epoch, which stands for exposures() / epoch_count() exposures of error sigma.
  PN_HD double epoch_sigma(double sigma) const { return sigma * std::sqrt(epoch_count() / exposures()); }
};

// TESS: sectors of 27.4 days, in a row or two years apart, in one of the missions' exposure times; the schedule's
// `kept` is `coverage`, good exposures over those that 27.4 days have room for.
PN_HD inline void draw_tess_schedule(double coverage, RandomStream& random, BlockSchedule& schedule) {
  constexpr double kSectorDay = 27.4;         // from the beginning of one to that of the next
  constexpr double kLongestSectorDay = 26.9;  // first to last exposure
  constexpr double kKept = 0.99;              // good exposures of those outside the pause
  const int mode = random.below(4);
  schedule.exposure_day = (mode == 0 ? 120.0 : mode == 1 ? 200.0 : mode == 2 ? 600.0 : 1800.0) / 86400.0;
  // One or two sectors for most of the sky, up to a year of them at the ecliptic poles.
  schedule.block_count = std::min(13, 1 + static_cast<int>(-1.5 * std::log(random.uniform())));
  double start = 0.0;
  for (int s = 0; s < schedule.block_count; ++s) {
    schedule.start_day[s] = start;
    start += random.uniform() < 0.6 ? kSectorDay : (26 + random.below(3)) * kSectorDay;
  }
  // The pause halfway, for data transfer and scattered light: .7 to 6 d in 21 sectors, 1.5 d in the median.
  const double good_day = coverage * kSectorDay / kKept;
  schedule.kept = kKept;
  schedule.pause_day =
      std::clamp(1.5 * std::exp(0.65 * random.normal()), 0.2, std::max(0.2, kLongestSectorDay - good_day));
  schedule.exposures_per_block = std::max(1, static_cast<int>(good_day / schedule.exposure_day));
}

// Relative error of an exposure of TESS, quoted by a pipeline that reaches the photon noise: Stassun et al. (2018, AJ
// 156, 102), a fit to Sullivan et al. (2015, ApJ 809, 77).
PN_HD inline double tess_noise(double tmag, double exposure_day) {
  const double t = std::max(tmag, 4.97756051);  // flat above: systematics
  const double log_ppm =
      3.29685004771 +
      t * (0.850021465753 +
           t * (-0.285041632435 + t * (0.0395908321369 + t * (-0.0022308015894 + t * 4.73508403525e-5))));
  return 1e-6 * std::exp(log_ppm) / std::sqrt(exposure_day * 24.0);
}

// Relative error of a 29.4-minute exposure of Kepler: Jenkins et al. (2010, ApJL 713, L120), lower envelope.
PN_HD inline double kepler_noise(double kp) {
  const double electrons = 3.46e8 * std::pow(10.0, 0.4 * (12.0 - kp));
  const double background = 7e6 * std::pow(std::max(1.0, kp / 14.0), 4);
  return std::sqrt(electrons + background) / electrons;
}

// Kepler in long cadence, or K2: 29.4 minutes. Returns the relative error of one exposure at magnitude kp.
// Original mission: 1 to 17 quarters of 93 days. K2: one or two campaigns of up to 80 days, pointing drift and thruster
// firings, which leave gaps and a floor that no photon count sets; quoted errors of its pipelines spread over two
// decades (1e-3 for the bright HD 23642). The floors' ranges are a stand-in for a measurement.
PN_HD inline double draw_kepler_schedule(double kp, RandomStream& random, BlockSchedule& schedule) {
  constexpr double kLongCadenceDay = 1765.46 / 86400.0;
  schedule.exposure_day = kLongCadenceDay;
  schedule.pause_day = 1.0;
  schedule.start_day[0] = 0.0;
  double log_floor;
  if (random.uniform() < 0.5) {  // K2
    schedule.block_count = random.uniform() < 0.8 ? 1 : 2;
    const double campaign_day = 65.0 + 15.0 * random.uniform();
    schedule.exposures_per_block = static_cast<int>(campaign_day / kLongCadenceDay);
    schedule.start_day[1] = 365.25 * (2.0 + 1.5 * random.uniform());
    schedule.kept = 0.8 + 0.18 * random.uniform();
    log_floor = -4.5 + 2.0 * random.uniform();
  } else {
    schedule.block_count = 1 + random.below(17);
    schedule.exposures_per_block = static_cast<int>(90.0 / kLongCadenceDay);
    for (int i = 0; i < schedule.block_count; ++i) schedule.start_day[i] = 93.0 * i;
    schedule.kept = 0.85 + 0.13 * random.uniform();
    log_floor = -5.0 + 1.5 * random.uniform();
  }
  const double photons = kepler_noise(kp), floor = std::pow(10.0, log_floor);
  return std::hypot(photons, floor) * std::pow(10.0, 0.1 * random.normal());
}

// Phases of epochs begin .. end - 1, unsorted: one slot from each of epoch_count() equal stretches of the schedule,
// folded on the period. random: where the draws of epoch 0 begin, one uniform an epoch.
PN_HD inline void draw_block_phases(const BlockSchedule& schedule, double period_day, double epoch_day,
                                    RandomStream random, int begin, int end, double* phase) {
  const double slots = schedule.slots();
  const int n = schedule.epoch_count();
  random.skip_uniforms(begin);
  for (int i = begin; i < end; ++i) {
    const int slot = static_cast<int>((i + random.uniform()) * slots / n);
    const int within = slot % schedule.exposures_per_block;
    double time_day = schedule.start_day[slot / schedule.exposures_per_block] + within * schedule.exposure_day;
    if (2 * within >= schedule.exposures_per_block) time_day += schedule.pause_day;
    phase[i] = fold_phase((time_day + epoch_day) / period_day);
  }
}

}  // namespace penumbra
