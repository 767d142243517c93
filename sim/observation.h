// What a telescope hands over: the same structure for a simulated and for a real star. Everything may be missing.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "sim/passbands.h"

namespace penumbra {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// One channel's light curve. Arrays of length T, sorted by phase; T = 0: not observed.
struct LightCurve {
  std::vector<double> phase;  // [0, 1), 0 = primary eclipse (superior conjunction of the primary)
  std::vector<double> flux;   // divided by its median
  std::vector<double> sigma;  // one-sigma error of flux
  double exposure_day = 0.0;  // length of one exposure
  bool empty() const { return phase.empty(); }
  void clear() {
    phase.clear();
    flux.clear();
    sigma.clear();
    exposure_day = 0.0;
  }
};

struct Observation {
  double period_day = kMissing;
  std::array<LightCurve, kChannelCount> light_curves;
  std::array<double, kSedBandCount> sed_flux_jy;   // f_nu; NaN: missing
  std::array<double, kSedBandCount> sed_sigma_jy;  // NaN: missing
  double parallax_mas = kMissing;
  double parallax_sigma_mas = kMissing;

  Observation() {
    sed_flux_jy.fill(kMissing);
    sed_sigma_jy.fill(kMissing);
  }
  bool has_parallax() const { return std::isfinite(parallax_mas); }
};

}  // namespace penumbra
