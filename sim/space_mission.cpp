#include "sim/space_mission.h"

#include <algorithm>
#include <cmath>

namespace penumbra {
namespace {

constexpr double kSectorDay = 27.4;         // from the beginning of one to that of the next
constexpr double kLongestSectorDay = 26.9;  // first to last exposure
constexpr double kKept = 0.99;              // good exposures of those outside the pause
constexpr double kLongCadenceDay = 1765.46 / 86400.0;

}  // namespace

BlockSchedule draw_tess_schedule(double coverage, RandomStream& random) {
  constexpr std::array<double, 4> kExposureSeconds{120.0, 200.0, 600.0, 1800.0};
  BlockSchedule schedule;
  schedule.exposure_day = kExposureSeconds[static_cast<std::size_t>(random.below(4))] / 86400.0;
  // One or two sectors for most of the sky, up to a year of them at the ecliptic poles.
  schedule.block_count = std::min(13, 1 + static_cast<int>(-1.5 * std::log(random.uniform())));
  double start = 0.0;
  for (int s = 0; s < schedule.block_count; ++s) {
    schedule.start_day[static_cast<std::size_t>(s)] = start;
    start += random.uniform() < 0.6 ? kSectorDay : (26 + random.below(3)) * kSectorDay;
  }
  // The pause halfway, for data transfer and scattered light: .7 to 6 d in 21 sectors, 1.5 d in the median.
  const double good_day = coverage * kSectorDay / kKept;
  schedule.kept = kKept;
  schedule.pause_day =
      std::clamp(1.5 * std::exp(0.65 * random.normal()), 0.2, std::max(0.2, kLongestSectorDay - good_day));
  schedule.exposures_per_block = static_cast<int>(good_day / schedule.exposure_day);
  return schedule;
}

// Original mission: 1 to 17 quarters of 93 days. K2: one or two campaigns of up to 80 days, pointing drift and thruster
// firings, which leave gaps and a floor that no photon count sets; quoted errors of its pipelines spread over two
// decades (1e-3 for the bright HD 23642). The floors' ranges are a stand-in for a measurement.
BlockSchedule draw_kepler_schedule(double kp, RandomStream& random, double& sigma) {
  BlockSchedule schedule;
  schedule.exposure_day = kLongCadenceDay;
  schedule.pause_day = 1.0;
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
    for (int i = 0; i < schedule.block_count; ++i) schedule.start_day[static_cast<std::size_t>(i)] = 93.0 * i;
    schedule.kept = 0.85 + 0.13 * random.uniform();
    log_floor = -5.0 + 1.5 * random.uniform();
  }
  sigma = std::hypot(kepler_noise(kp), std::pow(10.0, log_floor)) * std::pow(10.0, 0.1 * random.normal());
  return schedule;
}

double tess_noise(double tmag, double exposure_day) {
  const double t = std::max(tmag, 4.97756051);  // flat above: systematics
  const double log_ppm =
      3.29685004771 +
      t * (0.850021465753 +
           t * (-0.285041632435 + t * (0.0395908321369 + t * (-0.0022308015894 + t * 4.73508403525e-5))));
  return 1e-6 * std::exp(log_ppm) / std::sqrt(exposure_day * 24.0);
}

double kepler_noise(double kp) {
  const double electrons = 3.46e8 * std::pow(10.0, 0.4 * (12.0 - kp));
  const double background = 7e6 * std::pow(std::max(1.0, kp / 14.0), 4);
  return std::sqrt(electrons + background) / electrons;
}

void observe_blocks(const BlockSchedule& schedule, double period_day, double sigma, RandomStream& random,
                    LightCurve& out) {
  const double slots = static_cast<double>(schedule.block_count) * schedule.exposures_per_block;
  const double exposures = std::max(1.0, slots * schedule.kept);
  const int n = static_cast<int>(std::min(exposures, static_cast<double>(kMaxEpochs)));
  const double epoch_day = random.uniform() * period_day;
  out.phase.resize(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const auto slot = static_cast<long>((i + random.uniform()) * slots / n);
    const long within = slot % schedule.exposures_per_block;
    double time_day = schedule.start_day[static_cast<std::size_t>(slot / schedule.exposures_per_block)] +
                      static_cast<double>(within) * schedule.exposure_day;
    if (2 * within >= schedule.exposures_per_block) time_day += schedule.pause_day;
    out.phase[static_cast<std::size_t>(i)] = fold_phase((time_day + epoch_day) / period_day);
  }
  out.sigma.assign(out.phase.size(), sigma * std::sqrt(n / exposures));
  out.exposure_day = schedule.exposure_day;
}

}  // namespace penumbra
