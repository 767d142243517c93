// What a line-of-sight velocity and a Gaussian broadening make of a spectrum that is sampled in equal steps of log
// wavelength: one convolution with taps K(k - shift), k = -reach .. reach.
//
// A band-limited spectrum is interpolated exactly by sinc(x). Here it is windowed, sinc(x) exp(-x^2 / 2 w^2), so that
// it ends; the product's Fourier transform is a box convolved with a Gaussian, a difference of error functions. The
// broadening multiplies it by that of its Gaussian, and K is the transform back, as a sum over equal steps of
// frequency. Without shift and broadening K is 1 at 0 and 0 elsewhere: nothing changes. A line as narrow as APOGEE's
// (R = 22,500: 3.2 pixels) is moved with an error below 3e-4 of its depth (tests/spectra/emulator_test.cpp).
#pragma once

#include <cmath>

#include "base/host_device.h"
#include "sim/constants.h"

namespace penumbra {

inline constexpr double kProfileWindow = 3.0;    // w [pixels]
inline constexpr double kProfileSupport = 10.0;  // the windowed sinc is dropped beyond [pixels]
inline constexpr int kProfilePeriod = 128;       // pixels, one over the step in frequency
inline constexpr int kProfileFrequencies = 96;   // up to .75 a pixel, 4.7 sigma beyond the box
inline constexpr int kMaxProfileReach = 60;      // pixels

// Pixels beyond which the taps of this profile are zero.
PN_HD inline double profile_support(double sigma_pixels) { return kProfileSupport + 4.0 * sigma_pixels; }

// How far the convolution reaches on either side.
PN_HD inline int profile_reach(double shift_pixels, double sigma_pixels) {
  return static_cast<int>(std::ceil(std::fabs(shift_pixels) + profile_support(sigma_pixels)));
}

// The Fourier transform of the profile at frequency m / kProfilePeriod.
PN_HD inline double profile_transform(int m, double sigma_pixels) {
  constexpr double kSqrtHalf = 0.70710678118654752440;
  constexpr double kSharpness = kTwoPi * kProfileWindow * kSqrtHalf;  // 1 / (sqrt 2 times the Gaussian's sigma)
  const double f = static_cast<double>(m) / kProfilePeriod;
  const double window = 0.5 * (std::erf(kSharpness * (0.5 - f)) + std::erf(kSharpness * (0.5 + f)));
  const double angle = kTwoPi * f * sigma_pixels;
  return window * std::exp(-0.5 * angle * angle);
}

// cos(2 pi t); a device needs no stack for it.
PN_HD inline double cosine_of_turns(double t) {
#if defined(__CUDA_ARCH__)
  return cospi(2.0 * t);
#else
  return std::cos(kTwoPi * t);
#endif
}

// K at a distance x [pixels] from the profile's centre; transform: profile_transform of 0 .. kProfileFrequencies - 1.
// Not normalised: a profile's taps are divided by their sum.
template <class T>
PN_HD inline double profile_tap(const T* transform, double sigma_pixels, double x) {
  if (!(std::fabs(x) <= profile_support(sigma_pixels))) return 0.0;
  double sum = 0.5 * static_cast<double>(transform[0]);
  for (int m = 1; m < kProfileFrequencies; ++m) {
    sum += static_cast<double>(transform[m]) * cosine_of_turns(m * x / kProfilePeriod);
  }
  return 2.0 * sum / kProfilePeriod;
}

}  // namespace penumbra
