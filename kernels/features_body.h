// The body of the kernel that ends a system: one block packs what was observed of it into a row of the training's
// arrays, and what is to be predicted.
#pragma once

#include <cstdint>

#include "kernels/block.h"
#include "kernels/sort.h"
#include "sim/feature_arrays.h"
#include "sim/space_mission.h"
#include "sim/status.h"

namespace penumbra {

inline constexpr int kFeatureThreads = 128;

// What a network is trained on.
struct FeatureRecipe {
  FeatureLayout layout;
  TargetView targets;
  Flags left_out;           // of Modality: what it never sees
  double drop_share = 0.0;  // of drop_at_random
};

struct FeatureWork {
  FeatureRecipe recipe;
  std::uint64_t seed, first;
  const PriorDraw* draws;  // [B]
  const int* epoch_start;  // [B * kChannelCount + 1]
  const double* phase;     // of all light curves, as flux and sigma
  const double* flux;
  const double* sigma;
  const double* exposure;      // [B][kChannelCount] in periods
  const double* period_day;    // [B]
  const double* sed_flux_jy;   // [B][kSedBandCount]
  const double* sed_sigma_jy;  // [B][kSedBandCount]
  const double* parallax_mas;  // [B]
  const double* parallax_sigma_mas;
  const Status* stage[3];  // [B] each, of what made these: the system, its light curves, its noise
  FeatureRow row;          // of the first system
  float* targets;          // [B][kParameterCount]
  Status* status;          // [B]; where it is not kOk the row is not written
  int* attempt;            // [B]; then the next one's turn comes
};

// Any block as that of feature_arrays.h.
template <class Block>
struct Packer {
  Block& block;

  template <class Function>
  PN_INLINE void for_each(int count, Function&& function) {
    block.for_each(count, function);
  }
  // values: with room for sort_room(count).
  PN_INLINE double middle(double* values, int count, int filled) {
    sort_ascending(block, values, count);
    const double upper = values[filled / 2];
    const double result = filled % 2 == 1 ? upper : 0.5 * (upper + values[filled / 2 - 1]);
    block.sync();  // before the values change again
    return result;
  }
};

// Values to be sorted at once: the points of a light curve, or its bins, or the SED.
PN_HD inline int feature_room(const FeatureLayout& layout) {
  const int most = layout.points > 0 ? kMaxEpochs : layout.phase_bins;
  return sort_room(most > kSedBandCount ? most : kSedBandCount);
}

struct FeatureState {
  Measurements in;
  FeatureMemory memory;
};

inline std::size_t features_shared_bytes(const FeatureLayout& layout) {
  const auto doubles = [](int count) { return shared_bytes(sizeof(double), static_cast<std::size_t>(count)); };
  const int bins = layout.points > 0 ? 0 : layout.phase_bins;
  return shared_bytes(sizeof(FeatureState), 1) + doubles(feature_room(layout)) + 2 * doubles(bins);
}

// What was observed, but for what the network is not to see.
PN_HD inline void take_measurements(const FeatureWork& work, int index, Measurements& in) {
  const std::uint64_t number = work.first + static_cast<std::uint64_t>(index);
  Dropped dropped{};
  if (work.recipe.drop_share > 0.0) {
    RandomStream random(work.seed, number, Stage::kDropping);
    dropped = draw_dropped(work.recipe.drop_share, random);
  }
  const auto left_out = [&](Modality modality) { return work.recipe.left_out[static_cast<int>(modality)]; };
  const bool period = !left_out(Modality::kPeriod);
  in.period_day = period ? work.period_day[index] : NAN;
  for (int c = 0; c < kChannelCount; ++c) {
    const long curve = static_cast<long>(index) * kChannelCount + c;
    const int start = work.epoch_start[curve];
    const bool gone = left_out(Modality::kLightCurves) || dropped.curve[c];
    in.curve[c] = {work.phase + start, work.flux + start, work.sigma + start,
                   gone ? 0 : work.epoch_start[curve + 1] - start, period ? work.exposure[curve] : NAN};
  }
  for (int k = 0; k < kSedBandCount; ++k) {
    const long band = static_cast<long>(index) * kSedBandCount + k;
    const bool gone = left_out(Modality::kPhotometry) || dropped.band[k];
    in.sed_flux_jy[k] = gone ? NAN : work.sed_flux_jy[band];
    in.sed_sigma_jy[k] = gone ? NAN : work.sed_sigma_jy[band];
  }
  const bool gone = left_out(Modality::kParallax) || dropped.parallax;
  in.parallax_mas = gone ? NAN : work.parallax_mas[index];
  in.parallax_sigma_mas = gone ? NAN : work.parallax_sigma_mas[index];
}

template <class Block>
PN_INLINE void features_body(Block& block, const FeatureWork& work, int index) {
  const FeatureLayout& layout = work.recipe.layout;
  FeatureState& state = *block.template shared<FeatureState>(1);
  double* const values = block.template shared<double>(static_cast<std::size_t>(feature_room(layout)));
  const int bins = layout.points > 0 ? 0 : layout.phase_bins;
  double* const weight = block.template shared<double>(static_cast<std::size_t>(bins));
  double* const flux = block.template shared<double>(static_cast<std::size_t>(bins));

  Status status = Status::kOk;
  for (int stage = 2; stage >= 0; --stage) {
    if (work.stage[stage][index] != Status::kOk) status = work.stage[stage][index];
  }
  if (status == Status::kOk) {
    const int* const start = work.epoch_start + static_cast<long>(index) * kChannelCount;
    const int invalid = block.largest(start[kChannelCount] - start[0], [&](int i) {
      const int epoch = start[0] + i;
      return is_measurement(work.phase[epoch], work.flux[epoch], work.sigma[epoch]) ? 0 : 1;
    });
    if (invalid != 0) status = Status::kInvalidInput;
  }
  block.for_each(1, [&](int) {
    work.status[index] = status;
    if (status != Status::kOk) ++work.attempt[index];
    if (status == Status::kOk) take_measurements(work, index, state.in);
    state.memory.values = values;
    state.memory.weight = weight;
    state.memory.flux = flux;
  });
  if (status != Status::kOk) return;

  const long system = index;
  const FeatureRow row{work.row.curves + system * static_cast<long>(layout.curve_size()),
                       work.row.summaries + system * static_cast<long>(bins > 0 ? layout.summary_size() : 0),
                       work.row.sed + system * static_cast<long>(layout.sed_size()),
                       work.row.meta + system * static_cast<long>(layout.meta_size())};
  Packer<Block> packer{block};
  pack_row(packer, state.in, layout, bins < kMaxBinShares ? bins : kMaxBinShares, state.memory, row);

  float* const target = work.targets + system * kParameterCount;
  const TargetView& targets = work.recipe.targets;
  const bool period_known = std::isfinite(state.in.period_day);
  block.for_each(kParameterCount, [&](int p) { target[p] = targets.target(work.draws[index], period_known, p); });
  block.for_each(1, [&](int) {
    if (!period_known) return;
    RandomStream random(work.seed, work.first + static_cast<std::uint64_t>(index), Stage::kFreeCoordinate);
    target[targets.free_dimension()] = static_cast<float>(random.normal());
  });
}

}  // namespace penumbra
