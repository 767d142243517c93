// The continuum of a spectrum, as simple as The Payne fits it (Ting et al. 2019, section 4.1, after Ness et al. 2015,
// ApJ 808, 16): for each detector a Chebyshev polynomial of degree 4 through continuum pixels, weighted by their
// errors.
//
// Ness et al. chose their continuum pixels from observed stars. Here they are chosen from an emulator: of every stretch
// of 60 pixels the five whose flux is nearest to 1 over many stars. Simulated spectra go through the same fit as
// observed ones, with the same pixels, so that what it gets wrong is in both.
#pragma once

#include <array>
#include <span>
#include <vector>

namespace penumbra {

inline constexpr int kContinuumDegree = 4, kContinuumTerms = kContinuumDegree + 1;

// Chebyshev polynomials at a pixel of a detector, which is -1 .. 1.
std::array<double, kContinuumTerms> continuum_terms(int chip, int pixel);

class Continuum {
 public:
  static constexpr int kStretch = 60, kChosen = 5;
  // Pixels that stand out by more than this many robust standard deviations are left out, and the rest fitted again.
  static constexpr double kClip = 3.0;
  static constexpr int kRounds = 5;

  // flux[B][kPixelCount] of stars that differ, at rest and without noise; NaN rows are left out.
  // std::invalid_argument without a finite row.
  explicit Continuum(std::span<const float> flux);

  const std::vector<int>& pixels() const { return pixels_; }

  // continuum[kPixelCount]; false where a detector has fewer than 10 usable continuum pixels or its continuum is not
  // positive everywhere. error: positive where a pixel is not masked.
  bool fit(const float* flux, const float* error, const unsigned char* masked, float* continuum) const;

 private:
  std::vector<int> pixels_;  // increasing
};

}  // namespace penumbra
