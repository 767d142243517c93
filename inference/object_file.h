// An observed binary as a user writes it down: a TOML file and the light curves that it names.
//
//   name = "HD 23642"
//   period_day = 2.4611357
//   epoch = 2457119.52217            # of a primary eclipse, in the time system of the light curves
//   parallax_mas = 7.2               # optional, with parallax_error_mas
//   parallax_error_mas = 0.05
//   [[light_curve]]                  # any number of channels, each at most once
//   channel = "Kepler:Kp"
//   file = "k2.csv"                  # CSV or ECSV with named columns, relative to this file
//   time = "time"                    # column names; these are the defaults
//   mag = "mag"                      # or flux = "flux"
//   error = "error"
//   time_offset = 0.0                # added to the times
//   exposure_s = 1766.0              # 0: instantaneous
//   [photometry]
//   "Johnson:V" = { mag = 6.81, error = 0.02 }      # or flux_jy, error (Jy)
//   [literature]                     # printed beside the posterior
//   source = "Southworth et al. 2023"
//   mass1 = { value = 2.273, error = 0.011 }        # optional: source = "..."
//
// Every mistake is a UserError that names the file, the line or key, the value and what is allowed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/literature_value.h"
#include "sim/observation.h"

namespace penumbra {

struct Object {
  std::string name;
  std::filesystem::path file;
  Observation observation;
  std::vector<LiteratureValue> literature;
};

// zero_point_jy: flux of magnitude 0 in each passband, [kPassbandCount] (load_zero_points_jy).
Object read_object(const std::filesystem::path& file, const std::vector<double>& zero_point_jy);

// Folds times on the period and sorts by phase; divides by the median flux. Magnitudes become fluxes. What a
// [[light_curve]] entry becomes.
struct RawLightCurve {
  std::vector<double> time, value, error;
  bool magnitudes = false;
};
LightCurve fold_light_curve(const RawLightCurve& raw, double period_day, double epoch, double exposure_day);

}  // namespace penumbra
