// The binary of the prior that comes nearest to the data: what it leaves unexplained cannot be blamed on the network.
//
// Levenberg-Marquardt with the exact model in the prior's unit normal coordinates, from the best of the posterior's
// predictions. The sum of squares has four parts: the light curves in phase bins, the photometry, the parallax, and the
// prior itself, |z|^2 - 2 ln(soft barriers), so that its minimum is the posterior's mode.
#pragma once

#include <functional>
#include <vector>

#include "inference/posterior_file.h"
#include "sim/likelihood.h"
#include "sim/simulate.h"

namespace penumbra {

// Real errors are often twice the quoted ones. Reduced chi^2 of pure noise, from the differences of neighbours in phase
// (median, so that eclipses do not count), at least 1.
double noise_level(const LightCurve& data);

// That of sim/likelihood.h, of a whole light curve; model[T].
ScaledFit fit_scale(const LightCurve& data, const double* model);

// A light curve about its mean: medians in phase bins over their errors (noise alone, no floor), and the rms of these
// errors relative to the median flux. Empty with fewer than five epochs.
struct BinnedCurve {
  std::vector<double> deviation;
  double error = 0.0;
};
BinnedCurve bin_about_mean(const LightCurve& data);

// No real star is spotless, no model exact and no catalogue's zero point either: added to the errors in quadrature.
struct ErrorFloor {
  double flux = 0.002;      // of a light curve's phase bin, relative to its median flux
  double amplitude = 0.02;  // the same, relative to the range of the light curve's bins
  double magnitude = 0.03;  // of the photometry
};

struct BestFit {
  Theta theta;
  Latent z;  // z(theta)
  // [B of the channel], in order of phase: the median of data - model in a phase bin, over its error. Medians, so that
  // outliers do not count. Empty where there are fewer than five epochs.
  std::array<std::vector<double>, kChannelCount> light_curves;
  std::array<double, kChannelCount> rms;  // of those medians, relative to the median flux
  std::vector<double> photometry;         // residual of each observed band (mag) and of the parallax, over its error
  double barrier;                         // -2 ln of the prior's soft barriers
  double sum;                             // of squares
};

// samples[0 .. D - 1] are the draws that were predicted, at least one. Stops at the first fit that is `enough`: the
// best draw as it is, or one of a few descents.
BestFit find_best_fit(const Simulator& simulator, const Observation& observation, const PosteriorSamples& samples,
                      const Predictions& predictions, const std::function<bool(const BestFit&)>& enough, int threads,
                      const ErrorFloor& floor = {});

}  // namespace penumbra
