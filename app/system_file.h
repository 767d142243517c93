// A system file: one binary and how its light is computed, as TOML. `penumbra lightcurve --help` lists its keys.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "sim/extinction.h"
#include "sim/light_curve.h"

namespace penumbra {

// A passband that the file asks for: one of sim/passbands.h, or a transmission curve of the user's.
struct CurveBand {
  std::string name;
  std::optional<Passband> passband;
  Filter filter;  // of the user's; that of `passband` is read with the tables
};

struct SystemFile {
  System system;  // masses by Kepler's third law from the period, the semi-major axis and q
  double epoch_day, r_v, exposure_s;
  std::array<std::optional<LimbDarkening>, 2> limb_darkening;  // empty: from the tables, a passband each
  bool blackbody;                                              // or the tables
  bool photon;                                                 // fluxes count photons, not energy
  std::vector<CurveBand> bands;
  std::vector<double> third_light;  // of the light of all, a passband each
  Effects effects;
  Resolution resolution;
};

// Asks for every key; the caller calls config.finish(). Paths in the file are relative to it. UserError: a key that is
// missing, of another type or outside its domain, or a transmission curve that cannot be used.
SystemFile read_system_file(const Config& config);

}  // namespace penumbra
