// The bodies of the observation's kernels: a warp a system. The nights of a survey follow each other in its stream, so
// one thread draws them; sorting, errors and noise are shared.
#pragma once

#include "kernels/block.h"
#include "kernels/sort.h"
#include "sim/status.h"
#include "sim/survey_view.h"

namespace penumbra {

inline constexpr int kObserveThreads = kWarpSize;
inline constexpr int kCurveRoom = sort_room(kMaxEpochs);

struct ScheduleWork {
  SurveyView surveys;
  std::uint64_t seed, first;
  const Apparent* apparent;  // [B]
  const double* period_day;  // [B]
  int* count;                // [B][kChannelCount]
  double* exposure;          // [B][kChannelCount] in periods
  double* phase;             // [B][kChannelCount][kMaxEpochs]
  double* sigma;             // [B][kChannelCount][kMaxEpochs]
};

// Where each of `curve_count` light curves begins, given their numbers of epochs.
struct StartsWork {
  int curve_count;
  const int* count;  // [curve_count]
  int* epoch_start;  // [curve_count + 1]
};

// Rows of kMaxEpochs to light curves one after the other.
struct PackWork {
  const int* epoch_start;  // [B * kChannelCount + 1]
  const double* row_phase;
  const double* row_sigma;
  double* phase;
  double* sigma;
};

// ObserveInput and ObserveOutput as plain pointers.
struct ObserveWork {
  SurveyView surveys;
  std::uint64_t seed, first;
  const Apparent* apparent;
  const double* distance_pc;
  const double* sed_jy;
  const int* epoch_start;
  const double* sigma;
  double* flux;
  double* sed_flux_jy;
  double* sed_sigma_jy;
  double* parallax_mas;
  double* parallax_sigma_mas;
  Status* status;
};

// Any block as that of survey_view.h. scratch: shared, [kCurveRoom].
template <class Block>
struct Observer {
  Block& block;
  double* scratch;

  template <class Function>
  PN_INLINE void for_each(int count, Function&& function) {
    block.for_each(count, function);
  }
  // values: in a piece of kCurveRoom.
  PN_INLINE void sort(double* values, int count) { sort_ascending(block, values, count); }
  PN_INLINE double median(const double* values, int count) {
    block.for_each(count, [&](int i) { scratch[i] = values[i]; });
    sort_ascending(block, scratch, count);
    const double middle = scratch[count / 2];
    block.sync();  // before scratch changes again
    return middle;
  }
};

inline std::size_t schedule_shared_bytes(const SurveyView& surveys) {
  return shared_bytes(sizeof(ScheduleState), 1) + shared_bytes(sizeof(double), kCurveRoom) +
         shared_bytes(sizeof(std::uint32_t), static_cast<std::size_t>(surveys.night_words));
}

template <class Block>
PN_INLINE void schedule_body(Block& block, const ScheduleWork& work, int index) {
  ScheduleState& state = *block.template shared<ScheduleState>(1);
  double* const phase = block.template shared<double>(kCurveRoom);
  std::uint32_t* const taken = block.template shared<std::uint32_t>(work.surveys.night_words);
  Observer<Block> observer{block, nullptr};
  const Apparent& apparent = work.apparent[index];
  RandomStream random(work.seed, work.first + static_cast<std::uint64_t>(index), Stage::kSchedule);
  const Flags chosen = choose_channels(work.surveys.availability, apparent, random);  // every thread the same
  block.for_each(1, [&](int) { state.random = random; });
  for (int c = 0; c < kChannelCount; ++c) {
    const long curve = static_cast<long>(index) * kChannelCount + c;
    if (chosen[c]) {
      schedule_channel(observer, work.surveys, c, apparent, work.period_day[index], state, taken, phase,
                       work.sigma + curve * kMaxEpochs);
      block.for_each(state.count, [&](int i) { work.phase[curve * kMaxEpochs + i] = phase[i]; });
    }
    block.for_each(1, [&](int) {
      work.count[curve] = chosen[c] ? state.count : 0;
      work.exposure[curve] = chosen[c] ? state.exposure_day / work.period_day[index] : 0.0;
    });
  }
}

inline constexpr int kStartsThreads = 256;
inline std::size_t starts_shared_bytes() { return shared_bytes(sizeof(int), kStartsThreads); }

// One block for all light curves: each thread adds up a share of them, one the shares.
template <class Block>
PN_INLINE void starts_body(Block& block, const StartsWork& work) {
  int* const sum = block.template shared<int>(kStartsThreads);
  const long curves = work.curve_count;
  const auto first = [curves](int share) { return static_cast<int>(curves * share / kStartsThreads); };
  block.for_each(kStartsThreads, [&](int share) {
    sum[share] = 0;
    for (int i = first(share); i < first(share + 1); ++i) sum[share] += work.count[i];
  });
  block.for_each(1, [&](int) {
    int before = 0;
    for (int share = 0; share < kStartsThreads; ++share) {
      const int own = sum[share];
      sum[share] = before;
      before += own;
    }
    work.epoch_start[curves] = before;
  });
  block.for_each(kStartsThreads, [&](int share) {
    int before = sum[share];
    for (int i = first(share); i < first(share + 1); ++i) {
      work.epoch_start[i] = before;
      before += work.count[i];
    }
  });
}

template <class Block>
PN_INLINE void pack_body(Block& block, const PackWork& work, int index) {
  for (int c = 0; c < kChannelCount; ++c) {
    const long curve = static_cast<long>(index) * kChannelCount + c;
    const int start = work.epoch_start[curve];
    block.for_each(work.epoch_start[curve + 1] - start, [&](int i) {
      work.phase[start + i] = work.row_phase[curve * kMaxEpochs + i];
      work.sigma[start + i] = work.row_sigma[curve * kMaxEpochs + i];
    });
  }
}

inline std::size_t observe_shared_bytes() {
  return shared_bytes(sizeof(NoiseState), 1) + shared_bytes(sizeof(double), kCurveRoom) +
         shared_bytes(sizeof(double), kChannelCount);
}

template <class Block>
PN_INLINE void observe_body(Block& block, const ObserveWork& work, int index) {
  NoiseState& state = *block.template shared<NoiseState>(1);
  double* const scratch = block.template shared<double>(kCurveRoom);
  double* const level = block.template shared<double>(kChannelCount);
  Observer<Block> observer{block, scratch};
  const Apparent& apparent = work.apparent[index];
  const int* const start = work.epoch_start + static_cast<long>(index) * kChannelCount;
  double* const sed_flux = work.sed_flux_jy + static_cast<long>(index) * kSedBandCount;
  double* const sed_sigma = work.sed_sigma_jy + static_cast<long>(index) * kSedBandCount;

  int invalid = block.largest(start[kChannelCount] - start[0], [&](int i) {
    const double flux = work.flux[start[0] + i], sigma = work.sigma[start[0] + i];
    return !(std::isfinite(flux) && std::isfinite(sigma) && sigma > 0.0) ? 1 : 0;
  });
  int channels = 0;
  for (int c = 0; c < kChannelCount && invalid == 0; ++c) {
    const int n = start[c + 1] - start[c];
    if (n == 0) continue;
    ++channels;
    const double middle = observer.median(work.flux + start[c], n);
    if (!(middle > 0.0)) invalid = 1;
    block.for_each(1, [&](int) { level[c] = middle; });
  }
  if (invalid != 0) {
    block.for_each(kSedBandCount, [&](int k) { sed_flux[k] = sed_sigma[k] = NAN; });
    block.for_each(1, [&](int) {
      work.parallax_mas[index] = work.parallax_sigma_mas[index] = NAN;
      work.status[index] = Status::kInvalidInput;
    });
    return;
  }

  block.for_each(1, [&](int) {
    state.random = RandomStream(work.seed, work.first + static_cast<std::uint64_t>(index), Stage::kNoise);
  });
  for (int c = 0; c < kChannelCount; ++c) {
    const int n = start[c + 1] - start[c];
    if (n == 0) continue;
    add_noise(observer, work.surveys, c, apparent, n, level[c], work.sigma + start[c], state, work.flux + start[c]);
  }
  block.for_each(1, [&](int) {
    RandomStream random = state.random;
    observe_catalogues(work.surveys, apparent, work.sed_jy + static_cast<long>(index) * kSedBandCount,
                       work.distance_pc[index], channels, random, sed_flux, sed_sigma, work.parallax_mas[index],
                       work.parallax_sigma_mas[index]);
    work.status[index] = Status::kOk;
  });
}

}  // namespace penumbra
