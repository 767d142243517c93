// What survey.h says, for one star: the same functions on the host and on the device.
//
// A block of threads observes a star. Where a draw decides how many follow it, one thread draws; the rest goes in
// shares, each of which skips in the stream to its own draws. A block (HostThread, kernels/block.h) has
//   for_each(count, f)      f(0) .. f(count - 1), all done when it returns
//   sort(values, count)     ascending, count <= kMaxEpochs
//   median(values, count)   element count / 2 of the sorted values; every thread gets it
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/host_device.h"
#include "base/random.h"
#include "sim/availability.h"
#include "sim/passbands.h"
#include "sim/space_mission.h"

namespace penumbra {

// Nodes of a survey bank's quantiles, at equal steps of probability from 0 to 1.
inline constexpr int kNightNodes = 257, kHourNodes = 17, kSizeNodes = 33, kGapNodes = 17, kErrorNodes = 17,
                     kTableNodes = 9;

// The paper's equation 2: relative errors outside are not believed.
inline constexpr double kSmallestRelativeError = 1e-6, kLargestRelativeError = 10.0;
PN_HD inline double believed_error(double relative) {
  if (relative < kSmallestRelativeError) return kSmallestRelativeError;
  return relative > kLargestRelativeError ? kLargestRelativeError : relative;
}

// Members of survey_bank.h's tables of the same names.
struct ErrorTableView {
  const double* magnitude = nullptr;  // [M]
  const double* value = nullptr;      // [M][Q]
  int magnitude_count = 0, quantile_count = 0;
};
struct GroundView {
  int entry_count;                                                // E
  const double *magnitude, *points;                               // [E]
  const double *usual_size, *usual_step;                          // [E] of nights, of those between them: survey.cpp
  const double *night, *hour, *night_size, *log_gap, *log_error;  // [E][nodes]
  const double* scatter_rest;                                     // [9]
  double noise_curve[3], scatter[2];
  double exposure_day;
};
struct SpaceView {
  int sector_count;
  const double *log_excess, *log_scatter, *coverage;  // [sector_count]
};
struct SedView {
  ErrorTableView log_error;  // quantile_count = 0: no bank
  double relative_error_floor, dequantisation_dex;
};
struct ParallaxView {
  int colour_count;                  // C
  const double* colour_edge;         // [C - 1]
  const ErrorTableView* log_excess;  // [C]
};
// True scatter over quoted error: mean and standard deviation of its log10.
struct ScatterLaw {
  double mean, sigma;
};
inline constexpr ScatterLaw kKeplerScatter{-0.1, 0.25};  // stand-in; K2 pipelines overestimate as well as underestimate
inline constexpr double kTessScatterBlur = 0.05;         // dex, about what is measured

struct SurveyView {
  AvailabilityView availability;
  GroundView ground[kTessChannel];
  SpaceView tess;
  SedView sed[kSedBandCount];
  ParallaxView parallax;
  ScatterLaw scatter_rest[kChannelCount];  // moments of what draw_scatter draws beside typical_scatter
  int night_words;                         // of 32 nights each, as many as the longest entry of `ground` spans
};

PN_HD inline double power_of_ten(double x) { return std::exp(x * 2.302585092994045684); }

// Inverse CDF given at equal steps of probability, linear between the nodes.
PN_HD inline double quantile_at(const double* nodes, int count, double probability) {
  const double position = probability * (count - 1);
  const int i = std::min(static_cast<int>(position), count - 2);
  const double f = position - i;
  return nodes[i] + f * (nodes[i + 1] - nodes[i]);
}

// Number of nodes that are not above x; the axis ascends.
PN_HD inline int nodes_up_to(const double* axis, int count, double x) {
  int low = 0, high = count;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (x < axis[middle]) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

PN_HD inline double error_quantile(const ErrorTableView& table, double magnitude, double probability) {
  const double* const m = table.magnitude;
  const int i = std::clamp(nodes_up_to(m, table.magnitude_count, magnitude) - 1, 0, table.magnitude_count - 2);
  const double f = std::clamp((magnitude - m[i]) / (m[i + 1] - m[i]), 0.0, 1.0);
  const double* const row = table.value + i * table.quantile_count;
  return (1.0 - f) * quantile_at(row, table.quantile_count, probability) +
         f * quantile_at(row + table.quantile_count, table.quantile_count, probability);
}

// log10 of sqrt(s0^2 + s1^2 10^(.4 (m - 15)) + s2^2 10^(.8 (m - 15))).
PN_HD inline double log_noise(const double s[3], double magnitude) {
  const double faintness = std::pow(10.0, 0.4 * (magnitude - 15.0));
  return 0.5 * std::log10(s[0] * s[0] + s[1] * s[1] * faintness + s[2] * s[2] * faintness * faintness);
}

// Typical error of a DR3 parallax, mas: pygaia 3.2 with T = 1 (Gaia Collaboration, science performance).
PN_HD inline double gaia_parallax_error_mas(double g) {
  const double z = std::pow(10.0, 0.4 * (std::fmax(g, 13.0) - 15.0));
  return 1e-3 * std::sqrt(40.0 + 800.0 * z + 30.0 * z * z);
}

// log_excess: the table of the star's colour.
PN_HD inline double parallax_error_mas(const ErrorTableView& log_excess, double g, double probability) {
  return gaia_parallax_error_mas(g) * std::pow(10.0, error_quantile(log_excess, g, probability));
}

// One entry of the bank, likely one of similar magnitude and, as in the paper, in proportion to its number of points.
PN_HD inline int draw_entry(const GroundView& survey, double magnitude, RandomStream& random) {
  const auto weight = [&](int e) {
    const double distance = survey.magnitude[e] - magnitude;
    return survey.points[e] * (std::exp(-0.5 * distance * distance) + 1e-9);
  };
  double total = 0.0;
  for (int e = 0; e < survey.entry_count; ++e) total += weight(e);
  double left = random.uniform() * total;
  int entry = 0;
  for (; entry < survey.entry_count - 1; ++entry) {
    left -= weight(entry);
    if (left < 0.0) break;
  }
  return entry;
}

// Number of a night. Where two nodes are much further apart than most, the survey did not see the star: the nights
// between them lie next to either end.
PN_HD inline int draw_night(const double* nodes, double usual_step, double probability) {
  constexpr double kRest = 4.0;  // usual steps
  const double position = probability * (kNightNodes - 1);
  const int i = std::min(static_cast<int>(position), kNightNodes - 2);
  const double f = position - i, step = nodes[i + 1] - nodes[i];
  double night = nodes[i] + f * step;
  if (step > kRest * usual_step) night = f < 0.5 ? nodes[i] + f * usual_step : nodes[i + 1] - (1.0 - f) * usual_step;
  return static_cast<int>(std::max(0.0, night));
}

// n phases, unsorted. New nights and times of night are drawn from the entry's quantiles, so day and year alias as they
// do for real, while no real epoch returns. taken: [night_words], to work in.
PN_HD inline void draw_ground_phases(const GroundView& survey, int entry, double period_day, int n,
                                     RandomStream& random, std::uint32_t* taken, double* phase) {
  constexpr int kNightTries = 20;  // to find one that is not taken: surveys come back the next night, not the same
  const double* const nights = survey.night + entry * kNightNodes;
  const double* const hours = survey.hour + entry * kHourNodes;
  const double* const sizes = survey.night_size + entry * kSizeNodes;
  const double* const gaps = survey.log_gap + entry * kGapNodes;
  const double usual_size = survey.usual_size[entry], usual_step = survey.usual_step[entry];
  const double points = survey.points[entry];
  // The longest night, when a survey perhaps stayed on the star, comes once a light curve; the others as often as they
  // do.
  const auto draw_size = [&] {
    if (random.uniform() * points < usual_size) return static_cast<int>(std::round(sizes[kSizeNodes - 1]));
    return static_cast<int>(
        std::round(std::min(quantile_at(sizes, kSizeNodes, random.uniform()), sizes[kSizeNodes - 2])));
  };
  const auto is_taken = [&](int night) { return (taken[night / 32] >> night % 32 & 1u) != 0; };
  for (int word = 0; word <= static_cast<int>(nights[kNightNodes - 1]) / 32; ++word) taken[word] = 0;
  const double epoch_day = random.uniform() * period_day;
  for (int filled = 0; filled < n;) {
    int night = draw_night(nights, usual_step, random.uniform());
    for (int k = 0; k < kNightTries && is_taken(night); ++k) night = draw_night(nights, usual_step, random.uniform());
    taken[night / 32] |= 1u << night % 32;
    double time_day = night + quantile_at(hours, kHourNodes, random.uniform());
    const int size = draw_size();
    phase[filled++] = fold_phase((time_day + epoch_day) / period_day);
    for (int k = 1; k < size && filled < n; ++k) {
      time_day += power_of_ten(quantile_at(gaps, kGapNodes, random.uniform()));
      phase[filled++] = fold_phase((time_day + epoch_day) / period_day);
    }
  }
}

// Threads share n tasks in shares(begin, end), always as many, so that all blocks compute alike.
template <class Block, class Function>
PN_INLINE void in_shares(Block& block, int n, Function&& function) {
  constexpr int kShares = 32;
  block.for_each(kShares, [&](int share) { function(n * share / kShares, n * (share + 1) / kShares); });
}

// What the threads of a block tell each other. random: the stream's next draw.
struct ScheduleState {
  RandomStream random;
  int count = 0;  // of epochs
  double exposure_day = 0.0;
  int entry = 0;
  BlockSchedule blocks{};
  double sigma = 0.0;      // of an epoch; from the ground: log10 of what its entry's errors are multiplied by
  double epoch_day = 0.0;  // of the first night
  double spread = 0.0;     // of the errors of one curve
};

// The light curve of a channel from the ground: state.count sorted phases, their errors, and exposure_day.
// phase, sigma: [kMaxEpochs].
template <class Block>
PN_INLINE void schedule_ground(Block& block, const GroundView& survey, double magnitude, double period_day,
                               ScheduleState& state, std::uint32_t* taken, double* phase, double* sigma) {
  block.for_each(1, [&](int) {
    RandomStream random = state.random;
    state.entry = draw_entry(survey, magnitude, random);
    const double points = survey.points[state.entry];
    state.count = static_cast<int>(
        std::clamp(std::round(points * (0.9 + 0.2 * random.uniform())), 1.0, static_cast<double>(kMaxEpochs)));
    state.exposure_day = survey.exposure_day;
    draw_ground_phases(survey, state.entry, period_day, state.count, random, taken, phase);
    state.sigma = log_noise(survey.noise_curve, magnitude) -
                  log_noise(survey.noise_curve, survey.magnitude[state.entry]) + 0.05 * random.normal();
    state.random = random;
  });
  block.sort(phase, state.count);
  const double* const errors = survey.log_error + state.entry * kErrorNodes;
  in_shares(block, state.count, [&](int begin, int end) {
    RandomStream random = state.random;
    random.skip_uniforms(begin);
    for (int i = begin; i < end; ++i) {
      const double log_sigma = quantile_at(errors, kErrorNodes, random.uniform()) + state.sigma;
      sigma[i] = believed_error(power_of_ten(log_sigma));
    }
  });
  block.for_each(1, [&](int) { state.random.skip_uniforms(state.count); });
}

// The same from space.
template <class Block>
PN_INLINE void schedule_space(Block& block, const SpaceView& tess, int channel, double magnitude, double period_day,
                              ScheduleState& state, double* phase, double* sigma) {
  constexpr double kTessErrorSpread = 0.024;  // of the quoted errors of a sector: 90% over 10% is 1.07 in 21 real ones
  block.for_each(1, [&](int) {
    RandomStream random = state.random;
    double error;
    if (channel == kTessChannel) {
      draw_tess_schedule(quantile_at(tess.coverage, tess.sector_count, random.uniform()), random, state.blocks);
      double excess = quantile_at(tess.log_excess, tess.sector_count, random.uniform());
      excess += 0.15 * random.normal();
      error = tess_noise(magnitude, state.blocks.exposure_day) * power_of_ten(excess);
    } else {
      error = draw_kepler_schedule(magnitude, random, state.blocks);
    }
    state.count = state.blocks.epoch_count();
    state.exposure_day = state.blocks.exposure_day;
    state.sigma = state.blocks.epoch_sigma(error);
    state.epoch_day = random.uniform() * period_day;
    state.random = random;
  });
  in_shares(block, state.count, [&](int begin, int end) {
    draw_block_phases(state.blocks, period_day, state.epoch_day, state.random, begin, end, phase);
  });
  block.sort(phase, state.count);
  block.for_each(1, [&](int) {
    RandomStream random = state.random;
    random.skip_uniforms(state.count);
    state.spread = channel == kTessChannel ? -kTessErrorSpread * std::log(random.uniform()) : 0.0;
    state.random = random;
  });
  in_shares(block, state.count, [&](int begin, int end) {
    RandomStream random = state.random;
    if (state.spread > 0.0) random.skip_normals(begin);
    for (int i = begin; i < end; ++i) {
      sigma[i] = state.spread > 0.0 ? state.sigma * std::exp(state.spread * random.normal()) : state.sigma;
    }
  });
  block.for_each(1, [&](int) {
    if (state.spread > 0.0) state.random.skip_normals(state.count);
  });
}

template <class Block>
PN_INLINE void schedule_channel(Block& block, const SurveyView& view, int channel, const Apparent& apparent,
                                double period_day, ScheduleState& state, std::uint32_t* taken, double* phase,
                                double* sigma) {
  const double magnitude = observable_magnitude(view.availability.channel[channel], apparent);
  if (channel < kTessChannel) {
    schedule_ground(block, view.ground[channel], magnitude, period_day, state, taken, phase, sigma);
  } else {
    schedule_space(block, view.tess, channel, magnitude, period_day, state, phase, sigma);
  }
}

// From the ground the scatter is regressed on how small the quoted errors are for the star's magnitude: pipelines that
// quote photon noise alone have the larger factor, the noise itself being the same. log10 of the factor without what is
// left over.
PN_HD inline double typical_scatter(const GroundView& survey, double magnitude, double median_sigma) {
  const double excess = std::clamp(std::log10(median_sigma) - log_noise(survey.noise_curve, magnitude), -1.0, 0.5);
  return survey.scatter[0] + survey.scatter[1] * excess;
}

// Law of the factor by which a channel's fluxes scatter more than quoted, for a star of this magnitude
// (observable_magnitude) whose quoted errors, relative to the median flux, have this median.
PN_HD inline ScatterLaw scatter_law(const SurveyView& view, int channel, double magnitude, double median_sigma) {
  ScatterLaw law = view.scatter_rest[channel];
  if (channel < kTessChannel) law.mean += typical_scatter(view.ground[channel], magnitude, median_sigma);
  return law;
}

// The factor itself.
PN_HD inline double draw_scatter(const SurveyView& view, int channel, double magnitude, double median_sigma,
                                 RandomStream& random) {
  constexpr double kLargest = 10.0, kSmallest = 0.3;
  double log_factor;
  if (channel == kTessChannel) {
    log_factor = quantile_at(view.tess.log_scatter, view.tess.sector_count, random.uniform());
    log_factor += kTessScatterBlur * random.normal();
  } else if (channel == kKeplerChannel) {
    log_factor = kKeplerScatter.mean + kKeplerScatter.sigma * random.normal();
  } else {
    const GroundView& survey = view.ground[channel];
    log_factor = typical_scatter(survey, magnitude, median_sigma) +
                 quantile_at(survey.scatter_rest, kTableNodes, random.uniform());
  }
  return std::clamp(power_of_ten(log_factor), kSmallest, kLargest);
}

// What the threads of a block tell each other of a light curve's noise.
struct NoiseState {
  RandomStream random;
  double factor = 0.0;
};

// Divides n clean fluxes by their median `level` and perturbs them.
template <class Block>
PN_INLINE void add_noise(Block& block, const SurveyView& view, int channel, const Apparent& apparent, int n,
                         double level, const double* sigma, NoiseState& state, double* flux) {
  const double median_sigma = channel < kTessChannel ? block.median(sigma, n) : 0.0;  // read from the ground alone
  block.for_each(1, [&](int) {
    RandomStream random = state.random;
    const double magnitude = observable_magnitude(view.availability.channel[channel], apparent);
    state.factor = draw_scatter(view, channel, magnitude, median_sigma, random);
    state.random = random;
  });
  in_shares(block, n, [&](int begin, int end) {
    RandomStream random = state.random;
    random.skip_normals(begin);
    for (int i = begin; i < end; ++i) flux[i] = flux[i] / level + state.factor * sigma[i] * random.normal();
  });
  block.for_each(1, [&](int) { state.random.skip_normals(n); });
}

// Photometry and parallax of a star with light curves in `channels` channels; NaN where a catalogue has none.
// sed_jy: clean reddened fluxes; flux_jy, sigma_jy: [kSedBandCount].
PN_HD inline void observe_catalogues(const SurveyView& view, const Apparent& apparent, const double* sed_jy,
                                     double distance_pc, int channels, RandomStream& random, double* flux_jy,
                                     double* sigma_jy, double& parallax_mas, double& parallax_sigma_mas) {
  constexpr double kDefaultRelativeError = 0.05;
  constexpr double kWorstDetection = 1.0 / 3.0;  // catalogues do not list what is fainter than 3 sigma
  const CatalogueEntries entries = choose_catalogues(view.availability, apparent, channels, random);
  for (int k = 0; k < kSedBandCount; ++k) {
    flux_jy[k] = sigma_jy[k] = NAN;
    if (!entries.band[k] || !(sed_jy[k] > 0.0) || !std::isfinite(sed_jy[k])) continue;
    const SedView& band = view.sed[k];
    double relative = kDefaultRelativeError;
    if (band.log_error.quantile_count > 0) {
      relative = power_of_ten(error_quantile(band.log_error, apparent.magnitude[k], random.uniform()));
    }
    relative = std::max(relative, band.relative_error_floor);
    relative *= power_of_ten(band.dequantisation_dex * random.normal());
    relative = std::max(believed_error(relative), band.relative_error_floor);
    if (relative > kWorstDetection) continue;
    sigma_jy[k] = relative * sed_jy[k];
    flux_jy[k] = sed_jy[k] + sigma_jy[k] * random.normal();
  }
  parallax_mas = parallax_sigma_mas = NAN;
  const double colour = apparent.magnitude[kGaiaBp] - apparent.magnitude[kGaiaRp];
  if (!entries.parallax || !std::isfinite(colour)) return;
  const int bin = nodes_up_to(view.parallax.colour_edge, view.parallax.colour_count - 1, colour);
  parallax_sigma_mas = parallax_error_mas(view.parallax.log_excess[bin], apparent.magnitude[kGaiaG], random.uniform());
  parallax_mas = 1000.0 / distance_pc + parallax_sigma_mas * random.normal();
}

}  // namespace penumbra
