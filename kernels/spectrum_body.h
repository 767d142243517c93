// The body of the spectrum kernel: one block makes the spectra of one tile of stars.
//
// The hidden layers stay in shared memory. The output layer, 96% of the arithmetic, goes through the pixels in chunks:
// each thread keeps sums of four pixels of eight stars in registers, for which one hidden unit costs four weights from
// the cache and two reads of shared memory. A chunk is then convolved with each star's line profile on its way out;
// what the next chunk needs of it stays. Three arrays in shared memory serve one thing after the other, so that two
// blocks fit in a multiprocessor of an A100.
#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "kernels/block.h"
#include "spectra/emulator.h"

namespace penumbra {

inline constexpr int kSpectrumThreads = 256;
inline constexpr int kSpectrumTile = 32;               // stars
inline constexpr int kSpectrumChunk = 256;             // pixels
inline constexpr int kStarGroup = 8, kPixelGroup = 4;  // of one thread's sums
inline constexpr int kStarGroups = kSpectrumTile / kStarGroup, kPixelLanes = kSpectrumChunk / kPixelGroup;

PN_HD constexpr int larger(int a, int b) { return a > b ? a : b; }

struct SpectrumWork {
  EmulatorView net;
  int stars;
  int reach;                        // of the longest profile in the batch: profile_reach
  const Labels* labels;             // [stars]
  const unsigned char* computable;  // [stars]: is its status kOk?
  float* flux;                      // [stars][kPixelCount]
};

// What the launch must know of its stars.
struct SpectrumBatch {
  int reach = 0;
  std::vector<unsigned char> computable;
};
inline SpectrumBatch spectrum_batch(const Emulator& emulator, std::span<const Labels> labels) {
  SpectrumBatch batch;
  for (const Labels& star : labels) {
    batch.computable.push_back(emulator.status(star) == SpectrumStatus::kOk);
    if (!batch.computable.back()) continue;
    const LineProfile profile = line_profile(emulator.view(), star.data());
    batch.reach = larger(batch.reach, profile_reach(profile.shift_pixels, profile.sigma_pixels));
  }
  return batch;
}

inline int spectrum_blocks(int stars) { return (stars + kSpectrumTile - 1) / kSpectrumTile; }

// One value of each of a thread's stars, read at once.
struct alignas(16) StarGroup {
  float of[kStarGroup];
};

// Pixels that a chunk holds for each star: the odd pitch keeps neighbouring stars in different banks.
PN_HD constexpr int spectrum_pitch(int reach) { return (kSpectrumChunk + 2 * reach) | 1; }

// Floats of the area for profile_transform's values, then the first hidden layer, then pixels; and of that for the
// inputs, then the second layer.
PN_HD inline int spectrum_area(const EmulatorView& net, int reach) {
  static_assert(kProfileFrequencies <= kSpectrumChunk);
  return kSpectrumTile * larger(net.hidden1, spectrum_pitch(reach));
}
PN_HD inline int spectrum_units(const EmulatorView& net) { return kSpectrumTile * larger(net.inputs, net.hidden2); }

inline std::size_t spectrum_shared_bytes(const EmulatorView& net, int reach) {
  const auto floats = [](int count) { return shared_bytes(sizeof(float), static_cast<std::size_t>(count)); };
  return floats(spectrum_area(net, reach)) + floats(spectrum_units(net)) + floats(kSpectrumTile * (2 * reach + 1));
}

// out[units][tile] = leaky ReLU(weight' in + bias); in [from][tile], weight [from][units].
template <class Block>
PN_INLINE void hidden_layer(Block& block, const float* in, int from, const float* weight, const float* bias, int units,
                            float* out) {
  block.for_each(units * kStarGroups, [&](int i) {
    const int unit = i % units, group = i / units;
    const StarGroup* const from_group = reinterpret_cast<const StarGroup*>(in) + group;
    StarGroup sum;
    PN_DEVICE_UNROLL
    for (int s = 0; s < kStarGroup; ++s) sum.of[s] = bias[unit];
    for (int k = 0; k < from; ++k) {
      const float w = weight[k * units + unit];
      const StarGroup x = from_group[k * kStarGroups];
      PN_DEVICE_UNROLL
      for (int s = 0; s < kStarGroup; ++s) sum.of[s] += w * x.of[s];
    }
    PN_DEVICE_UNROLL
    for (int s = 0; s < kStarGroup; ++s) sum.of[s] = leaky_relu(sum.of[s]);
    reinterpret_cast<StarGroup*>(out)[unit * kStarGroups + group] = sum;
  });
}

// taps[tile][2 reach + 1], in the order of the pixels that they multiply; of no star: zeros.
template <class Block>
PN_INLINE void line_profiles(Block& block, const SpectrumWork& work, int first, int count, float* transform,
                             float* taps) {
  const int tap_count = 2 * work.reach + 1;
  const auto profile_of = [&](int star) { return line_profile(work.net, work.labels[first + star].data()); };
  block.for_each(kSpectrumTile * kProfileFrequencies, [&](int i) {
    const int star = i / kProfileFrequencies;
    if (star < count) {
      transform[i] = static_cast<float>(profile_transform(i % kProfileFrequencies, profile_of(star).sigma_pixels));
    }
  });
  block.for_each(kSpectrumTile * tap_count, [&](int i) {
    const int star = i / tap_count, k = work.reach - i % tap_count;
    float tap = 0.0f;
    if (star < count) {
      const LineProfile profile = profile_of(star);
      tap = static_cast<float>(
          profile_tap(transform + star * kProfileFrequencies, profile.sigma_pixels, k - profile.shift_pixels));
    }
    taps[i] = tap;
  });
  block.for_each(count, [&](int star) {
    float* const mine = taps + star * tap_count;
    double sum = 0.0;
    for (int j = 0; j < tap_count; ++j) sum += static_cast<double>(mine[j]);
    for (int j = 0; j < tap_count; ++j) mine[j] = static_cast<float>(static_cast<double>(mine[j]) / sum);
  });
}

// index: 0 .. spectrum_blocks - 1.
template <class Block>
PN_HD void spectrum_body(Block& block, const SpectrumWork& work, int index) {
  const EmulatorView& net = work.net;
  const int first = index * kSpectrumTile;
  const int left = work.stars - first, count = left < kSpectrumTile ? left : kSpectrumTile;
  const int reach = work.reach, tap_count = 2 * reach + 1, pitch = spectrum_pitch(reach);
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  float* const area = block.template shared<float>(size(spectrum_area(net, reach)));
  float* const units = block.template shared<float>(size(spectrum_units(net)));
  float* const taps = block.template shared<float>(size(kSpectrumTile * tap_count));

  line_profiles(block, work, first, count, area, taps);
  block.for_each(net.inputs * kSpectrumTile, [&](int i) {
    const int star = i % kSpectrumTile;
    units[i] = star < count ? scaled_input(net, work.labels[first + star].data(), i / kSpectrumTile) : 0.0f;
  });
  hidden_layer(block, units, net.inputs, net.weight0, net.bias0, net.hidden1, area);
  hidden_layer(block, area, net.hidden1, net.weight1, net.bias1, net.hidden2, units);

  float* const pixels = area;  // [tile][pitch]
  // Pixels from + 0 .. from + wanted - 1 of a detector into columns column + 0, ...; beyond its ends the last one.
  const auto output_layer = [&](int chip, int from, int wanted, int column) {
    block.for_each(kPixelLanes * kStarGroups, [&](int i) {
      const int lane = i % kPixelLanes, group = i / kPixelLanes;
      if (lane >= wanted) return;
      const StarGroup* const of_group = reinterpret_cast<const StarGroup*>(units) + group;
      float sum[kPixelGroup][kStarGroup];
      int pixel[kPixelGroup];
      PN_DEVICE_UNROLL
      for (int p = 0; p < kPixelGroup; ++p) {
        const int at = from + lane + p * kPixelLanes, last = chip_start(chip + 1) - 1;
        pixel[p] = at < chip_start(chip) ? chip_start(chip) : at > last ? last : at;
        PN_DEVICE_UNROLL
        for (int s = 0; s < kStarGroup; ++s) sum[p][s] = net.bias2[pixel[p]];
      }
      for (int k = 0; k < net.hidden2; ++k) {
        const float* const row = net.weight2 + static_cast<std::size_t>(k) * kPixelCount;
        const StarGroup x = of_group[k * kStarGroups];
        PN_DEVICE_UNROLL
        for (int p = 0; p < kPixelGroup; ++p) {
          const float w = row[pixel[p]];
          PN_DEVICE_UNROLL
          for (int s = 0; s < kStarGroup; ++s) sum[p][s] += w * x.of[s];
        }
      }
      PN_DEVICE_UNROLL
      for (int p = 0; p < kPixelGroup; ++p) {
        if (lane + p * kPixelLanes >= wanted) continue;
        PN_DEVICE_UNROLL
        for (int s = 0; s < kStarGroup; ++s) {
          pixels[(group * kStarGroup + s) * pitch + column + lane + p * kPixelLanes] = sum[p][s];
        }
      }
    });
  };

  for (int chip = 0; chip < kChipCount; ++chip) {
    // Column c holds pixel `from` - reach + c.
    output_layer(chip, chip_start(chip) - reach, 2 * reach, 0);
    for (int from = chip_start(chip); from < chip_start(chip + 1); from += kSpectrumChunk) {
      const int rest = chip_start(chip + 1) - from, wanted = rest < kSpectrumChunk ? rest : kSpectrumChunk;
      output_layer(chip, from + reach, wanted, 2 * reach);
      block.for_each(kPixelLanes * count, [&](int i) {
        const int lane = i % kPixelLanes, star = i / kPixelLanes;
        const float* const tap = taps + star * tap_count;
        const float* const in = pixels + star * pitch + lane;
        float sum[kPixelGroup] = {};
        for (int j = 0; j < tap_count; ++j) {
          PN_DEVICE_UNROLL
          for (int p = 0; p < kPixelGroup; ++p) sum[p] += tap[j] * in[j + p * kPixelLanes];
        }
        float* const out = work.flux + static_cast<std::size_t>(first + star) * kPixelCount + from + lane;
        PN_DEVICE_UNROLL
        for (int p = 0; p < kPixelGroup; ++p) {
          if (lane + p * kPixelLanes < wanted) out[p * kPixelLanes] = work.computable[first + star] ? sum[p] : NAN;
        }
      });
      block.for_each(kSpectrumTile * 2 * reach, [&](int i) {
        float* const row = pixels + i / (2 * reach) * pitch + i % (2 * reach);
        row[0] = row[kSpectrumChunk];
      });
    }
  }
}

}  // namespace penumbra
