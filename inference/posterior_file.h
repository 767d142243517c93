// The posterior of one object as a netCDF4 file in ArviZ's layout (InferenceData): arviz.from_netcdf opens it as it is.
//
//   /                       attributes: object, method, warnings, commit, config_sha256, seed, device, checkpoint, ...;
//                           of a refined posterior those of inference/refine.h; of one that report read under another
//                           prior read_by, read_config and read_from
//   posterior               one variable a quantity of inference/quantities.h, (chain, draw)
//   unconstrained_posterior z (chain, draw, latent), the prior's unit normal coordinates (sim/prior.h); where the
//   period
//                           is known, z[rsumfrac] is a free unit normal number
//   sample_stats            log_q = ln q(z | x), unless the draws are an MCMC's, and log_prior = ln N(z; 0, I), (chain,
//                           draw); of a refined posterior also log_likelihood and log_density (inference/likelihood.h);
//                           where the posterior is read under another prior, log_prior_ratio, by which the samples were
//                           drawn again. z and the densities are in the coordinates of the prior that the network knows
//   posterior_predictive    a variable a channel (chain, draw, <channel>_epoch): clean light curves of the first draws,
//                           scaled to the data; sed_flux (chain, draw, band), Jy; parallax
//   observed_data           the same names without (chain, draw)
//   constant_data           <channel>_phase, _sigma and _exposure, sed_sigma, sed_wavelength, parallax_sigma, period,
//                           literature_value, _error and _source for each `quantity` that the object file has
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inference/object_file.h"
#include "inference/posterior_record.h"
#include "inference/quantities.h"
#include "sim/prior.h"

namespace penumbra {

// Predictions of D posterior draws at the epochs of the data.
struct Predictions {
  std::size_t draws = 0;                                // D
  std::array<std::vector<double>, kChannelCount> flux;  // [D][T]; empty where the channel is not observed
  std::vector<double> sed_jy;                           // [D][kSedBandCount]
};

using PosteriorSamples = SamplesOf<Theta, Latent>;

// The posterior was made under one prior and is read under another.
struct Reweighting {
  std::string made_under, read_under;  // describe_prior
  double effective_samples = 0.0;      // of as many as there are samples
};

struct PosteriorRecord : PosteriorFacts {
  Object object;
  PosteriorSamples samples;
  std::optional<Reweighting> reweighting;
  Predictions predictions;                 // of samples 0 .. D - 1
  std::vector<double> band_wavelength_um;  // [kSedBandCount], for figures
};

// "Kepler:Kp" -> "kepler_kp": the variable of a channel.
std::string channel_variable(std::size_t channel);

// The 16 parameters and what follows from them, of each sample.
std::vector<PosteriorColumn> quantity_columns(const PosteriorSamples& samples);

// Mean wavelength of each SED band, int T lambda d lambda / int T d lambda, from data/tables/passbands.h5.
std::vector<double> load_band_wavelengths_um(const std::filesystem::path& passbands_file);

// Atomic. UserError when the file cannot be created, EnvironmentError when it cannot be written to its end.
void write_posterior(const std::filesystem::path& file, const PosteriorRecord& record);

// What write_posterior wrote, bit for bit. The attributes come sorted by name, those of a refinement among them.
// UserError: not a binary's posterior, or not whole.
PosteriorRecord read_posterior(const std::filesystem::path& file);

}  // namespace penumbra
