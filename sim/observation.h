// What a telescope hands over: the same structure for a simulated and for a real star. Everything may be missing.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <string_view>
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

// The kinds of data that an observation is made of.
enum class Modality : int { kLightCurves = 0, kPhotometry, kParallax, kPeriod, kModalityCount };
inline constexpr std::array<std::string_view, static_cast<int>(Modality::kModalityCount)> kModalityNames{
    "light_curves", "photometry", "parallax", "period"};

// As if these had not been observed. Light curves stay folded where only the period is left out.
inline void leave_out(const std::vector<Modality>& modalities, Observation& observation) {
  for (const Modality modality : modalities) {
    switch (modality) {
      case Modality::kLightCurves:
        for (LightCurve& curve : observation.light_curves) curve.clear();
        break;
      case Modality::kPhotometry:
        observation.sed_flux_jy.fill(kMissing);
        observation.sed_sigma_jy.fill(kMissing);
        break;
      case Modality::kParallax:
        observation.parallax_mas = observation.parallax_sigma_mas = kMissing;
        break;
      case Modality::kPeriod:
        observation.period_day = kMissing;
        break;
      case Modality::kModalityCount:
        break;
    }
  }
}

}  // namespace penumbra
