// Why a system was not accepted. Every stage returns one of these; NaN never passes silently.
#pragma once

#include <array>
#include <string_view>

namespace penumbra {

enum class Status : int {
  kOk = 0,
  kOutsideTracks,       // (i) a star lies outside the stellar-evolution grid
  kGravityTooHigh,      // (ii) log g > 5
  kTooCool,             // (iii) Teff < 3500 K
  kRocheOverflow,       // (iv) R >= Eggleton's R_L at periastron
  kLuminousGiant,       // log g < 3.5 with L > 500 Lsun (the paper's code)
  kSoftBarrier,         // dropped by a soft barrier of section 2.1.2
  kOutsideAtmospheres,  // outside the surface-flux or limb-darkening tables
  kBadGeometry,         // no closed Roche surface, or stars that touch
  kInvalidInput,        // a parameter outside its domain
  kStatusCount,
};

inline constexpr std::array<std::string_view, static_cast<int>(Status::kStatusCount)> kStatusNames{
    "ok",           "outside_tracks",      "gravity_too_high", "too_cool",      "roche_overflow", "luminous_giant",
    "soft_barrier", "outside_atmospheres", "bad_geometry",     "invalid_input",
};

}  // namespace penumbra
