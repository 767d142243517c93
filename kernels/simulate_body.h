// The body of the simulate kernel: one block renders one system.
#pragma once

#include "kernels/block.h"
#include "kernels/simulate.h"
#include "sim/phase_curve.h"

namespace penumbra {

// SimulateInput and SimulateOutput as plain pointers.
struct SimulateView {
  int system_count, curve_band_count, sed_band_count;
  const System* systems;
  const StarBand* curve_bands;
  const StarBand* sed_bands;
  const int* epoch_start;
  const double* phase;
  const double* exposure;
  const GaussTable* gauss;
  Resolution resolution;
  Effects effects;
  const double* curve_third_light;  // null: none
  const double* sed_third_light;
  double* flux;
  double* sed;
  Status* status;
};

// Four warps: a phase curve is some 60 discs and 50 eclipsed lenses, one warp each.
inline constexpr int kSimulateThreads = 128;
inline constexpr int kSimulateGroups = kSimulateThreads / kWarpSize;
// At once on a multiprocessor. Three would leave 168 registers, and then it spills.
inline constexpr int kSimulateBlocks = 2;

// Doubles of the series, where the SED's parts come later, and of the samples, where the curve with one band's slopes
// comes later.
PN_HD inline int series_doubles(const CurveLayout& layout, int sed_bands) {
  const int series = layout.series_size(), parts = kSedParts * sed_bands;
  return series > parts ? series : parts;
}
PN_HD inline int curve_doubles(const CurveLayout& layout) {
  const int samples = layout.sample_size(), curve = layout.curve_size() + layout.node_count;
  return samples > curve ? samples : curve;
}

// Shared memory that simulate_body takes in a block of `groups` groups of lanes.
inline std::size_t simulate_shared_bytes(const Resolution& resolution, int curve_bands, int sed_bands, int groups) {
  const CurveLayout layout = CurveLayout::make(resolution, curve_bands);
  const auto doubles = [](int count) { return shared_bytes(sizeof(double), static_cast<std::size_t>(count)); };
  return shared_bytes(sizeof(CurveWork), 1) + shared_bytes(sizeof(GroupWork), static_cast<std::size_t>(groups)) +
         shared_bytes(sizeof(BandIntensity), static_cast<std::size_t>(2 * (curve_bands + sed_bands))) +
         doubles(series_doubles(layout, sed_bands)) + doubles(curve_doubles(layout)) +
         shared_bytes(sizeof(BandIntensity*), 4) + shared_bytes(sizeof(short), kGuideCells);
}

template <class Block>
PN_INLINE void simulate_body(Block& block, const SimulateView& view, int index) {
  const int curve_count = view.curve_band_count, sed_count = view.sed_band_count;
  const CurveLayout layout = CurveLayout::make(view.resolution, curve_count);
  CurveWork& work = *block.template shared<CurveWork>(1);
  GroupWork* const group_work = block.template shared<GroupWork>(block.group_count());
  BandIntensity* const bands = block.template shared<BandIntensity>(2 * (curve_count + sed_count));
  double* const series = block.template shared<double>(series_doubles(layout, sed_count));
  double* const curve = block.template shared<double>(curve_doubles(layout));
  const BandIntensity** const stars = block.template shared<const BandIntensity*>(4);
  short* const guide = block.template shared<short>(kGuideCells);

  // Bands: [light curve: star][band], then [SED: star][band].
  const StarBand* const curve_bands = view.curve_bands + static_cast<std::size_t>(index) * 2 * curve_count;
  const StarBand* const sed_bands = view.sed_bands + static_cast<std::size_t>(index) * 2 * sed_count;
  block.for_each(2 * (curve_count + sed_count), [&](int i) {
    bands[i] = make_band_intensity(i < 2 * curve_count ? curve_bands[i] : sed_bands[i - 2 * curve_count]);
  });
  // The first band of each star: light curve, then SED.
  block.for_each(4,
                 [&](int i) { stars[i] = bands + (i < 2 ? i * curve_count : 2 * curve_count + (i - 2) * sed_count); });
  const BandIntensity* const* const curve_stars = stars;
  const BandIntensity* const* const sed_stars = stars + 2;

  const auto row = [index](const double* table, int count) {
    return table == nullptr ? nullptr : table + static_cast<std::size_t>(index) * count;
  };
  const double* const curve_third_light = row(view.curve_third_light, curve_count);
  const double* const sed_third_light = row(view.sed_third_light, sed_count);
  const int* const start = view.epoch_start + static_cast<std::size_t>(index) * curve_count;
  const double* const exposure = view.exposure + static_cast<std::size_t>(index) * curve_count;
  const int epochs = start[curve_count] - start[0];
  const bool invalid = block.largest(1 + curve_count + epochs, [&](int i) {
    if (i == 0) {
      return !(valid_bands(curve_bands, 2 * curve_count) && valid_bands(sed_bands, 2 * sed_count) &&
               valid_third_light(curve_third_light, curve_count) && valid_third_light(sed_third_light, sed_count));
    }
    return i <= curve_count ? !valid_exposure(exposure[i - 1])
                            : !std::isfinite(view.phase[start[0] + i - 1 - curve_count]);
  });
  Status status = Status::kInvalidInput;
  if (!invalid) status = build_binary(block, view.systems[index], view.effects, *view.gauss, group_work, work.binary);
  block.for_each(1, [&](int) { view.status[index] = status; });
  if (status != Status::kOk) return;

  build_phase_curve(block, curve_stars, curve_count, curve_third_light, view.resolution, *view.gauss, group_work, work,
                    series, curve, curve);
  build_sed(block, work.binary, sed_stars, sed_count, sed_third_light, view.resolution, *view.gauss, group_work, series,
            view.sed + static_cast<std::size_t>(index) * sed_count);

  const int nodes = work.node_count;
  block.for_each(kGuideCells, [&](int cell) { guide[cell] = detail::guide_entry(curve, nodes, cell); });
  double* const slope = curve + (1 + curve_count) * nodes;
  for (int k = 0; k < curve_count; ++k) {
    const double* const flux = curve + (1 + k) * nodes;
    fill_slopes(block, work, curve, flux, slope);
    const PhaseCurveView band{nodes, 1, curve, flux, slope, guide};
    block.for_each(start[k + 1] - start[k], [&](int i) {
      const int epoch = start[k] + i;
      view.flux[epoch] = phase_curve_flux(band, 0, view.phase[epoch], exposure[k]);
    });
  }
}

}  // namespace penumbra
