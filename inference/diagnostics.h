// Is the object one that the prior describes? Numbers that say so, and a warning for each that does not.
//
// A neural posterior answers every question, also a senseless one (a contact binary, a pulsator, a wrong period). What
// gives such an object away: posterior predictions that do not follow the data, samples that leave the prior's support,
// and samples in the far tail of the prior.
#pragma once

#include <string>
#include <vector>

#include "inference/posterior_file.h"

namespace penumbra {

struct DiagnosticLimits {
  double min_accepted = 0.5;      // share of the network's samples inside the prior's support
  double max_unexplained = 0.25;  // share of a light curve's variance that the median prediction leaves unexplained
  double min_signal = 10.0;       // chi^2 per point about a constant, below which a light curve is not judged
  double max_sed_rms_mag = 0.3;   // of the median prediction
  double max_latent = 4.0;        // |median z|; 6e-5 of the prior is farther out
};

// How the predictions of D draws follow one light curve, each with its flux scale free.
struct ChannelFit {
  std::size_t channel;
  double best_chi2;    // reduced, of the best draw
  double median_chi2;  // of the median draw
  double
      unexplained;  // by the median draw: (chi^2 - T) / (chi^2 of a constant - T), at least 0; NaN: too weak a signal
};

struct Diagnostics {
  double accepted;                 // share of the network's samples that the prior accepted
  std::vector<ChannelFit> curves;  // of the channels that are observed
  double sed_rms_mag;              // of the median draw; NaN: no photometry
  std::vector<std::string> warnings;
};

// Scale that fits `model` to `flux` best, and chi^2 with it. Arrays of length T.
struct ScaledFit {
  double scale, chi2;
};
ScaledFit fit_scale(const LightCurve& data, const double* model);

// latents: z(theta) of some posterior samples, at least one.
Diagnostics diagnose(const Observation& observation, const std::vector<Latent>& latents, const Predictions& predictions,
                     double accepted, const DiagnosticLimits& limits = {});

}  // namespace penumbra
