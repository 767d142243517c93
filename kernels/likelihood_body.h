// The bodies of the likelihood's kernels. Between them runs simulate_body, whose inputs the first one writes: a block a
// system, a thread a star and passband; the last one's block is a warp a system.
#pragma once

#include <vector>

#include "kernels/block.h"
#include "kernels/expand_band.h"
#include "sim/likelihood.h"
#include "sim/simulator_view.h"
#include "sim/status.h"

namespace penumbra {

// The light curves that the forward model renders; without any, one of no epochs.
PN_HD inline int rendered_curves(const ObservedView& data) { return data.curve_count > 0 ? data.curve_count : 1; }

// From theta to what SimulateInput holds: K = rendered_curves light curves, all passbands as SED.
struct ExpandWork {
  AtmosphereView atmosphere;
  ExtinctionView extinction;
  AlbedoLaw albedo;
  Passband curve_passband[kChannelCount];  // of the light curves
  double exposure_day[kChannelCount];
  int curves;             // K
  double period_day;      // NaN: each system's own
  const double* theta;    // [B][kParameterCount]
  System* systems;        // [B]
  StarBand* curve_bands;  // [B][2][K]
  StarBand* sed_bands;    // [B][2][kPassbandCount]
  double* exposure;       // [B][K], in periods
};

// All of it but the addresses of the batch. Tables: those that `simulator` views.
ExpandWork expand_work(const SimulatorView& simulator, const Observed& data);
// SimulateView's epoch_start of so many systems that are observed alike.
std::vector<int> repeated_starts(const Observed& data, std::size_t systems);

inline constexpr int kExpandThreads = 64;  // two stars in 29 passbands

inline std::size_t expand_shared_bytes() { return shared_bytes(sizeof(StarNode), 2); }

// What has no expansion is NaN, which the renderer refuses.
template <class Block>
PN_INLINE void expand_body(Block& block, const ExpandWork& work, int index) {
  System* const system = work.systems + index;
  block.for_each(1, [&](int) {
    *system = derive_system(work.theta + static_cast<std::size_t>(index) * kParameterCount, work.albedo);
  });
  StarNode* const node = block.template shared<StarNode>(2);
  const int outside = block.largest(2, [&](int star) {
    return static_cast<int>(
        find_star_node(work.atmosphere, system->star[star], system->feh, /*tabulated_limb=*/true, node[star]));
  });
  StarBand* const sed_bands = work.sed_bands + static_cast<std::size_t>(index) * 2 * kPassbandCount;
  block.for_each(2 * kPassbandCount, [&](int i) {
    const int star = i / kPassbandCount;
    auto status = static_cast<Status>(outside);
    if (status == Status::kOk) {
      status = expand_reddened_band(work.atmosphere, work.extinction, *system, star, node[star],
                                    static_cast<Passband>(i % kPassbandCount), sed_bands[i]);
    }
    if (status != Status::kOk) sed_bands[i].log_intensity = NAN;
  });
  block.for_each(2 * work.curves, [&](int i) {
    const int star = i / work.curves, k = i % work.curves;
    work.curve_bands[static_cast<std::size_t>(index) * 2 * work.curves + i] =
        sed_bands[star * kPassbandCount + work.curve_passband[k]];
    if (star == 0) {
      const double period_day = std::isfinite(work.period_day) ? work.period_day : system->period_day;
      work.exposure[static_cast<std::size_t>(index) * work.curves + k] = work.exposure_day[k] / period_day;
    }
  });
}

struct JudgeWork {
  ObservedView data;
  const SurveyView* surveys;    // its own values are read, not its tables
  const double* zero_point_jy;  // [kPassbandCount]
  const Status* status;         // [B]
  const System* systems;        // [B]
  const double* sed_jy;         // [B][kPassbandCount]
  double* model;                // [B][epochs], any scale; then divided by the median of each curve
  int epochs;
  double* log_likelihood;  // [B]
};

inline constexpr int kJudgeThreads = kWarpSize;
inline std::size_t judge_shared_bytes() { return shared_bytes(sizeof(Apparent), 1); }

template <class Block>
PN_INLINE void judge_body(Block& block, const JudgeWork& work, int index) {
  Apparent& apparent = *block.template shared<Apparent>(1);
  double& out = work.log_likelihood[index];
  if (work.status[index] != Status::kOk) {
    block.for_each(1, [&](int) { out = -INFINITY; });
    return;
  }
  const double* const sed_jy = work.sed_jy + static_cast<std::size_t>(index) * kPassbandCount;
  double* const model = work.model + static_cast<std::size_t>(index) * work.epochs;
  block.for_each(kPassbandCount,
                 [&](int b) { apparent.magnitude[b] = apparent_magnitude(sed_jy[b], work.zero_point_jy[b]); });
  block.for_each_group(1, [&](const auto& lanes, int) {
    for (int k = 0; k < work.data.curve_count; ++k) {
      const ObservedCurve& curve = work.data.curve[k];
      const double level = median_of_positive(lanes, model + curve.first, curve.count);
      lanes.for_each(whole_lanes(curve.count), [&](int i) {
        if (i < curve.count) model[curve.first + i] /= level;
      });
    }
    const double value =
        log_likelihood(lanes, work.data, *work.surveys, model, sed_jy, apparent, work.systems[index].distance_pc);
    if (lanes.rank() == 0) out = value;
  });
}

}  // namespace penumbra
