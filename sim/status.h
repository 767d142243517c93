// Why a system was not accepted. Every stage returns one of these; NaN never passes silently.
#pragma once

#include <array>
#include <string_view>

namespace penumbra {

enum class Status : int {
  kOk = 0,
  kOutsideTracks,
  kGravityTooHigh,
  kTooCool,
  kRocheOverflow,
  kLuminousGiant,
  kSoftBarrier,
  kOutsideAtmospheres,
  kBadGeometry,
  kInvalidInput,
  kStatusCount,
};

inline constexpr std::array<std::string_view, static_cast<int>(Status::kStatusCount)> kStatusNames{
    "ok",           "outside_tracks",      "gravity_too_high", "too_cool",      "roche_overflow", "luminous_giant",
    "soft_barrier", "outside_atmospheres", "bad_geometry",     "invalid_input",
};

// (i) to (iv) are those of the paper, section 2.4.
inline constexpr std::array<std::string_view, static_cast<int>(Status::kStatusCount)> kStatusMeanings{
    "accepted",
    "(i) a star lies outside the stellar-evolution grid",
    "(ii) log g > 5",
    "(iii) Teff < 3500 K",
    "(iv) R >= Eggleton's R_L at periastron",
    "log g < 3.5 with L > 500 Lsun (the paper's code)",
    "dropped by a soft barrier of section 2.1.2",
    "outside the surface-flux or limb-darkening tables",
    "no closed Roche surface, or stars that touch",
    "a parameter outside its domain",
};

}  // namespace penumbra
