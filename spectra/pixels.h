// The pixels of an APOGEE spectrum: the part of an apStar file's grid that its three detectors cover in every star
// (the ASPCAP grid of Garcia Perez et al. 2016, AJ 151, 144), one detector behind the other.
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"

namespace penumbra {

// The apStar grid: log10(wavelength in A, in vacuum) = 4.179 + 6e-6 i, i = 0 .. 8574.
inline constexpr int kApStarPixels = 8575;
inline constexpr double kLogWavelengthStart = 4.179, kLogWavelengthStep = 6e-6;

inline constexpr int kChipCount = 3, kPixelCount = 7214;

// The first of the 7214 pixels of a detector; of kChipCount: their number. And where that is on the apStar grid.
// (Tables would be a stack on a device.)
PN_HD constexpr int chip_start(int chip) { return chip == 0 ? 0 : chip == 1 ? 2920 : chip == 2 ? 5320 : kPixelCount; }
constexpr int chip_start_on_apstar(int chip) { return chip == 0 ? 322 : chip == 1 ? 3648 : 6412; }

constexpr int apstar_pixel(int pixel) {
  int chip = 0;
  while (pixel >= chip_start(chip + 1)) ++chip;
  return chip_start_on_apstar(chip) + pixel - chip_start(chip);
}

inline double wavelength_angstrom(int pixel) {
  return std::pow(10.0, kLogWavelengthStart + kLogWavelengthStep * apstar_pixel(pixel));
}

inline constexpr double kLightKms = kLightSpeed / 1000.0, kLn10 = 2.30258509299404568402;

// Pixels by which a spectrum moves to the red for a star that recedes: ln(lambda' / lambda) = atanh(v / c).
PN_HD inline double pixel_shift(double velocity_kms) {
  return std::atanh(velocity_kms / kLightKms) / (kLn10 * kLogWavelengthStep);
}

// Standard deviation in pixels of a Gaussian whose full width at half maximum is given.
PN_HD inline double pixel_sigma(double fwhm_kms) {
  return fwhm_kms / (2.35482004503094938202 * kLightKms * kLn10 * kLogWavelengthStep);
}

}  // namespace penumbra
