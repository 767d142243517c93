// The body of the extinction kernel: one block dims one tile of systems in one band, each thread one system.
#pragma once

#include <cmath>
#include <cstddef>

#include "kernels/block.h"
#include "sim/extinction.h"

namespace penumbra {

inline constexpr int kExtinctionTile = 128;   // systems
inline constexpr int kExtinctionChunk = 512;  // points in shared memory at a time

// ExtinctionInput and its result as plain pointers.
struct ExtinctionWork {
  int system_count, band_count;
  const int* start;
  const double* weight;
  const double* log_wavelength;
  const double* curve;
  const double* ebv;
  const double* exponent;  // or null
  double* factor;
};

inline int extinction_blocks(int systems, int bands) {
  return (systems + kExtinctionTile - 1) / kExtinctionTile * bands;
}

struct ExtinctionPoint {
  double weight, log_wavelength, curve;
};

// Shared memory that extinction_body takes.
inline std::size_t extinction_shared_bytes() {
  return shared_bytes(sizeof(ExtinctionPoint), kExtinctionChunk) +
         shared_bytes(sizeof(AttenuationSums), kExtinctionTile);
}

// index: 0 .. extinction_blocks - 1.
template <class Block>
PN_HD void extinction_body(Block& block, const ExtinctionWork& work, int index) {
  ExtinctionPoint* const points = block.template shared<ExtinctionPoint>(kExtinctionChunk);
  AttenuationSums* const sums = block.template shared<AttenuationSums>(kExtinctionTile);
  const int band = index % work.band_count;
  const int first_system = index / work.band_count * kExtinctionTile;
  const int left = work.system_count - first_system;
  const int systems = left < kExtinctionTile ? left : kExtinctionTile;

  block.for_each(systems, [&](int i) { sums[i] = AttenuationSums{}; });
  const int end = work.start[band + 1];
  for (int from = work.start[band]; from < end; from += kExtinctionChunk) {
    const int count = end - from < kExtinctionChunk ? end - from : kExtinctionChunk;
    block.for_each(count, [&](int n) {
      points[n] = {work.weight[from + n], work.log_wavelength[from + n], work.curve[from + n]};
    });
    block.for_each(systems, [&](int i) {
      const int system = first_system + i;
      const double exponent =
          work.exponent == nullptr ? 0.0 : work.exponent[static_cast<std::size_t>(system) * work.band_count + band];
      const double ebv = work.ebv[system];
      AttenuationSums sum = sums[i];
      for (int n = 0; n < count; ++n)
        sum.add(points[n].weight, points[n].log_wavelength, points[n].curve, ebv, exponent);
      sums[i] = sum;
    });
  }
  block.for_each(systems, [&](int i) {
    const int system = first_system + i;
    work.factor[static_cast<std::size_t>(system) * work.band_count + band] =
        work.ebv[system] >= 0.0 ? sums[i].attenuation() : NAN;
  });
}

}  // namespace penumbra
