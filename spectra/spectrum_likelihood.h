// The exact likelihood of a star's labels given its normalised spectrum.
//
// A pixel that is not masked is Gaussian about the emulator's spectrum, with velocity and broadening, times a continuum
// that is not known: on each detector a polynomial of the degree that spectra/continuum.h fits. Dividing by a fitted
// continuum took that much out of the data, of simulated spectra as of real ones, so it is integrated over, with a flat
// prior of its coefficients. The integral is Gaussian:
//
//   ln p(y | labels) = -1/2 sum_detectors (chi^2 + ln det F) - sum_pixels ln(sqrt(2 pi) sigma) + 15/2 ln 2 pi,
//
// chi^2 and F = A^T A being the minimum and the matrix of the normal equations of y / sigma = A c, A the model times
// the polynomials over sigma. That prior has no norm, so an evidence counts only beside others of the same pixels.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "spectra/emulator.h"
#include "spectra/observation.h"

namespace penumbra {

class SpectrumLikelihood {
 public:
  // Both must outlive it. Every detector of the observation has as many pixels that are not masked as the continuum has
  // terms (normalise() refuses fewer), else std::invalid_argument.
  SpectrumLikelihood(const Emulator& emulator, const SpectrumObservation& observation);

  int pixels() const { return pixels_; }  // that are not masked

  // ln p(y | labels) of each; -infinity where the emulator has no spectrum. threads: 0: all cores; they change nothing.
  std::vector<double> log_likelihood(std::span<const Labels> labels, int threads) const;

  // The emulator's spectra with the continuum that fits best: flux[B][kPixelCount], masked pixels too, and chi^2 of
  // each. NaN and infinity where there is no spectrum. One thread.
  struct Models {
    std::vector<float> flux;
    std::vector<double> chi_squared;
  };
  Models models(std::span<const Labels> labels) const;

  // (y - model) / sigma of one row of Models, 0 where masked: residual[kPixelCount].
  void residuals(const float* model, double* residual) const;

 private:
  struct Fit {
    double chi_squared = 0.0, log_determinant = 0.0;
    std::array<std::array<double, kContinuumTerms>, kChipCount> continuum;
  };
  Fit fit(const float* flux) const;

  const Emulator& emulator_;
  const SpectrumObservation& observation_;
  std::vector<std::array<double, kContinuumTerms>> terms_;  // [kPixelCount]
  std::vector<double> weight_;                              // [kPixelCount] 1 / sigma; 0: masked
  int pixels_ = 0;
  double log_norm_ = 0.0;
};

}  // namespace penumbra
