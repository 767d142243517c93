// The labels whose spectrum is nearest to an observed one: Levenberg-Marquardt (More 1978) with the continuum solved
// for at every step (variable projection; Golub and Pereyra 1973), derivatives by differences of one batch of spectra.
//
// fit_spectrum is the direct fit that The Payne makes: least squares of the pixels within the prior's ranges, no prior.
// fit_posterior adds the prior: the mode of the posterior's density over the unit normals of spectra/label_prior.h, and
// the covariance of its Gaussian there (Laplace's approximation).
#pragma once

#include <Eigen/Core>

#include "spectra/label_prior.h"
#include "spectra/spectrum_likelihood.h"

namespace penumbra {

struct SpectrumFit {
  Labels labels, error;  // error: one sigma, NaN where a label stands at the end of its range or changes nothing
  double chi_squared;
  int evaluations;  // spectra computed
};
// The best of the fits that begin at the `starts` most likely of 200 draws of the prior, always the same.
// std::invalid_argument where the emulator has a spectrum for none of them.
SpectrumFit fit_spectrum(const SpectrumLikelihood& likelihood, const LabelPrior& prior, int starts = 3);

struct PosteriorMode {
  LabelLatent z;
  Eigen::MatrixXd covariance;  // [26][26] of z
  double chi_squared;
  int evaluations;
};
PosteriorMode fit_posterior(const SpectrumLikelihood& likelihood, const LabelPrior& prior, int starts = 3);

}  // namespace penumbra
