// Is the object one that the prior describes? Numbers that say so, and a warning for each that does not.
//
// A neural posterior answers every question, also a senseless one (a contact binary, a pulsator, a wrong period). What
// gives such an object away: data that do not lie among the posterior's own predictions, samples that leave the prior's
// support, and samples in the far tail of the prior.
//
// Were the posterior right, the clean data would be one more of its predictions. So the distance of the data from the
// predictions, less what noise adds, is compared with the distances of the predictions from each other: a broad
// posterior of a small network passes, a narrow one in the wrong place does not.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "inference/posterior_file.h"

namespace penumbra {

struct DiagnosticLimits {
  double min_accepted = 0.5;         // share of the network's samples inside the prior's support
  double max_overflow = 0.2;         // share of them in which a star overflows its Roche lobe
  double max_ratio = 1.5;            // of the distance of the data to that of 95% of the predictions,
  double max_noise = 1.0;            // plus this many times the chi^2 of the noise itself
  double min_unexplained = 0.03;     // share of a light curve's variance that is worth a warning
  double max_sed_excess_mag = 0.15;  // of the photometry, beyond max_ratio times that of 95% of the predictions
  double max_latent = 4.0;           // |median z|; 6e-5 of the prior is farther out
};

// How the predictions of D draws follow one light curve of T points. Distances are chi^2 with the flux scale free.
struct ChannelFit {
  std::size_t channel;
  double noise;        // reduced chi^2 that the scatter of neighbours in phase stands for, at least 1
  double best_chi2;    // reduced, of the draw nearest to the data
  double median_chi2;  // reduced, the median over draws
  double spread;       // 95% of the draws are nearer than this to the (median) others; reduced chi^2
  double unexplained;  // (median_chi2 - noise) / (that of a constant - noise), at least 0; 0: no signal
};

// What the prior said to the network's samples, counted by status.
using StatusCounts = std::array<std::size_t, static_cast<std::size_t>(Status::kStatusCount)>;

struct Diagnostics {
  double accepted;                 // share of the network's samples that the prior accepted
  double overflow;                 // share in which a star overflows its Roche lobe
  std::vector<ChannelFit> curves;  // of the channels that are observed
  double sed_rms_mag;              // median over draws of the rms of the photometry; NaN: no photometry
  double sed_spread_mag;           // 95% of the draws are nearer than this to the (median) others
  std::vector<std::string> warnings;
};

// Real errors are often twice the quoted ones. Reduced chi^2 of pure noise, from the differences of neighbours in phase
// (median, so that eclipses do not count), at least 1.
double noise_level(const LightCurve& data);

// Scale that fits `model` to `flux` best, and chi^2 with it. Arrays of length T.
struct ScaledFit {
  double scale, chi2;
};
ScaledFit fit_scale(const LightCurve& data, const double* model);

// latents: z(theta) of some posterior samples, at least one. predictions: at least two draws to be of use.
Diagnostics diagnose(const Observation& observation, const std::vector<Latent>& latents, const Predictions& predictions,
                     const StatusCounts& verdicts, const DiagnosticLimits& limits = {});

}  // namespace penumbra
