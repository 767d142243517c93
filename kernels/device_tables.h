// Copies of the simulator's tables in the device's memory.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/device_buffer.h"
#include "sim/simulator_view.h"

namespace penumbra {

// Owns the arrays; copy() returns the view of the copies. What a view views may go afterwards.
class DeviceTables {
 public:
  template <class T>
  const T* copy(const T* values, long count) {
    const auto bytes = std::as_bytes(std::span<const T>(values, static_cast<std::size_t>(count)));
    return reinterpret_cast<const T*>(arrays_.emplace_back(bytes).data());
  }

  PriorView copy(PriorView prior) {
    for (QuantileView* table : {&prior.log_msum, &prior.logit_q, &prior.logit_age, &prior.feh, &prior.logit_rsum}) {
      table->y = copy(table->y, kQuantileNodes);
      table->slope = copy(table->slope, kQuantileNodes);
    }
    DustView& dust = prior.dust;
    dust.log_distance = copy(dust.log_distance, dust.z_count);
    dust.log_ebv = copy(dust.log_ebv, dust.z_count * dust.z_count);
    TrackView& tracks = prior.tracks;
    const int cells = tracks.feh_count * tracks.age_count;
    tracks.feh_axis = copy(tracks.feh_axis, tracks.feh_count);
    tracks.log_age_axis = copy(tracks.log_age_axis, tracks.age_count);
    tracks.first_eep = copy(tracks.first_eep, cells);
    tracks.eep_count = copy(tracks.eep_count, cells);
    tracks.row_offset = copy(tracks.row_offset, cells);
    tracks.mass_msun = copy(tracks.mass_msun, tracks.row_count);
    tracks.log_teff = copy(tracks.log_teff, tracks.row_count);
    tracks.log_radius = copy(tracks.log_radius, tracks.row_count);
    return prior;
  }

  AtmosphereView copy(AtmosphereView a) {
    const long cells = static_cast<long>(kPassbandCount) * a.feh_count * a.logg_count * a.teff_count;
    a.log_intensity = copy(a.log_intensity, cells);
    a.spectral_slope = copy(a.spectral_slope, cells);
    a.log_teff_axis = copy(a.log_teff_axis, a.teff_count);
    a.logg_axis = copy(a.logg_axis, a.logg_count);
    a.feh_axis = copy(a.feh_axis, a.feh_count);
    const long limb_cells = static_cast<long>(kPassbandCount) * a.ld_feh_count * a.ld_logg_count * a.ld_teff_count;
    a.limb_darkening = copy(a.limb_darkening, 4 * limb_cells);
    a.ld_log_teff_axis = copy(a.ld_log_teff_axis, a.ld_teff_count);
    a.ld_logg_axis = copy(a.ld_logg_axis, a.ld_logg_count);
    a.ld_feh_axis = copy(a.ld_feh_axis, a.ld_feh_count);
    return a;
  }

  ExtinctionView copy(ExtinctionView extinction) {
    extinction.log_attenuation = copy(
        extinction.log_attenuation, static_cast<long>(extinction.slope_count) * kPassbandCount * extinction.ebv_count);
    return extinction;
  }

  ErrorTableView copy(ErrorTableView table) {
    table.magnitude = copy(table.magnitude, table.magnitude_count);
    table.value = copy(table.value, table.magnitude_count * table.quantile_count);
    return table;
  }

  SurveyView copy(SurveyView surveys) {
    for (GroundView& survey : surveys.ground) {
      const int entries = survey.entry_count;
      for (const double** values : {&survey.magnitude, &survey.points, &survey.usual_size, &survey.usual_step})
        *values = copy(*values, entries);
      survey.night = copy(survey.night, entries * kNightNodes);
      survey.hour = copy(survey.hour, entries * kHourNodes);
      survey.night_size = copy(survey.night_size, entries * kSizeNodes);
      survey.log_gap = copy(survey.log_gap, entries * kGapNodes);
      survey.log_error = copy(survey.log_error, entries * kErrorNodes);
      survey.scatter_rest = copy(survey.scatter_rest, kTableNodes);
    }
    SpaceView& tess = surveys.tess;
    for (const double** values : {&tess.log_excess, &tess.log_scatter, &tess.coverage})
      *values = copy(*values, tess.sector_count);
    for (SedView& band : surveys.sed) {
      if (band.log_error.quantile_count > 0) band.log_error = copy(band.log_error);
    }
    ParallaxView& parallax = surveys.parallax;
    parallax.colour_edge = copy(parallax.colour_edge, parallax.colour_count - 1);
    std::vector<ErrorTableView> log_excess;
    for (int c = 0; c < parallax.colour_count; ++c) log_excess.push_back(copy(parallax.log_excess[c]));
    parallax.log_excess = copy(log_excess.data(), parallax.colour_count);
    return surveys;
  }

  SimulatorView copy(const SimulatorView& simulator) {
    return {copy(simulator.prior),
            copy(simulator.atmosphere),
            copy(simulator.extinction),
            copy(simulator.surveys),
            copy(simulator.zero_point_jy, kPassbandCount),
            simulator.options};
  }

 private:
  std::vector<DeviceBuffer<std::byte>> arrays_;
};

}  // namespace penumbra
