// Stellar-evolution tables: (mass, age, [Fe/H]) -> (Teff, R, log L), single stars (MIST: Dotter 2016, Choi et al.
// 2016).
#pragma once

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/host_device.h"
#include "sim/axis.h"
#include "sim/constants.h"

namespace penumbra {

struct StellarState {
  double teff_k;
  double radius_rsun;
  double log_l;  // log10 L / Lsun
  double eep;    // equivalent evolutionary phase, fractional
};

// Isochrones on a regular ([Fe/H], log age) grid. Within a cell the rows are EEPs first_eep .. first_eep + count - 1.
struct TrackView {
  const double* feh_axis = nullptr;      // [feh_count]
  const double* log_age_axis = nullptr;  // [age_count]
  int feh_count = 0, age_count = 0;
  const int* first_eep = nullptr;     // [feh][age]
  const int* eep_count = nullptr;     // [feh][age]; 0: no isochrone
  const long* row_offset = nullptr;   // [feh][age], into the row arrays
  const float* mass_msun = nullptr;   // rows; initial mass, never decreasing along a cell and continued across its gaps
  const float* log_teff = nullptr;    // rows; NaN where the source has no model
  const float* log_radius = nullptr;  // rows, from L and Teff; NaN where the source has no model
  long row_count = 0;
};

inline constexpr double kLogTeffSun = 3.7613263224214566;  // log10 of kTeffSun

// Interpolates in [Fe/H] and log age at equal EEP (Dotter 2016, section 2), then in mass along the interpolated
// isochrone: never straight across the turn-off. The mass is the initial mass: it identifies one star on an isochrone,
// and differs from the present one by more than 1% only for red giants near the tip and for O stars. Returns false
// where the star is outside the grid or next to a missing model: nothing is extrapolated. Where an isochrone passes the
// same mass twice (equal neighbours), the earlier EEP is taken.
PN_HD inline bool interpolate_star(const TrackView& tracks, double mass_msun, double log_age, double feh,
                                   StellarState& out) {
  const int i = find_interval(tracks.feh_axis, tracks.feh_count, feh);
  const int j = find_interval(tracks.log_age_axis, tracks.age_count, log_age);
  if (i < 0 || j < 0 || !(mass_msun > 0.0)) return false;
  const double u = (feh - tracks.feh_axis[i]) / (tracks.feh_axis[i + 1] - tracks.feh_axis[i]);
  const double v = (log_age - tracks.log_age_axis[j]) / (tracks.log_age_axis[j + 1] - tracks.log_age_axis[j]);

  // The four corners and the EEPs that all of them have. On a grid line the far side is not asked: there both sides are
  // the same cell.
  const int feh_side[2] = {u < 1.0 ? i : i + 1, u > 0.0 ? i + 1 : i};
  const int age_side[2] = {v < 1.0 ? j : j + 1, v > 0.0 ? j + 1 : j};
  double weight[4];
  long row_of_eep_0[4];  // + EEP = row
  int first = 0, last = 1 << 30;
  for (int k = 0; k < 4; ++k) {
    const int cell = feh_side[k >> 1] * tracks.age_count + age_side[k & 1];
    if (tracks.eep_count[cell] < 2) return false;
    const int cell_first = tracks.first_eep[cell];
    const int cell_last = cell_first + tracks.eep_count[cell] - 1;
    if (cell_first > first) first = cell_first;
    if (cell_last < last) last = cell_last;
    weight[k] = ((k & 2) ? u : 1.0 - u) * ((k & 1) ? v : 1.0 - v);
    row_of_eep_0[k] = tracks.row_offset[cell] - cell_first;
  }
  if (last <= first) return false;

  const auto at = [&](const float* rows, int eep) {
    double sum = 0.0;
    for (int k = 0; k < 4; ++k) sum += weight[k] * static_cast<double>(rows[row_of_eep_0[k] + eep]);
    return sum;
  };

  // Bisection for the first EEP whose mass is not below the star's: mass(low) < M <= mass(high).
  int low = first, high = last;
  double mass_low = at(tracks.mass_msun, low), mass_high = at(tracks.mass_msun, high);
  if (!(mass_msun >= mass_low && mass_msun <= mass_high)) return false;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    const double mass = at(tracks.mass_msun, middle);
    if (mass < mass_msun) {
      low = middle;
      mass_low = mass;
    } else {
      high = middle;
      mass_high = mass;
    }
  }
  const double t = mass_high > mass_low ? (mass_msun - mass_low) / (mass_high - mass_low) : 0.0;
  const double log_teff = (1.0 - t) * at(tracks.log_teff, low) + t * at(tracks.log_teff, high);
  const double log_radius = (1.0 - t) * at(tracks.log_radius, low) + t * at(tracks.log_radius, high);
  if (!(std::isfinite(log_teff) && std::isfinite(log_radius))) return false;  // next to a missing model
  out.teff_k = std::pow(10.0, log_teff);
  out.radius_rsun = std::pow(10.0, log_radius);
  out.log_l = 2.0 * log_radius + 4.0 * (log_teff - kLogTeffSun);  // L = 4 pi R^2 sigma Teff^4
  out.eep = low + t;
  return true;
}

// Owner, read from data/tables/tracks.h5 (made by data/recipes/make_tracks.py).
class TrackGrid {
 public:
  // Throws UserError naming the file and what is wrong with it (missing, wrong shape, inconsistent offsets).
  static TrackGrid load(const std::filesystem::path& file);
  TrackView view() const;  // valid while this object lives
  std::size_t row_count() const { return mass_msun_.size(); }

 private:
  std::vector<double> feh_axis_, log_age_axis_;
  std::vector<int> first_eep_, eep_count_;
  std::vector<long> row_offset_;
  std::vector<float> mass_msun_, log_teff_, log_radius_;
};

}  // namespace penumbra
