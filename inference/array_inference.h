// Posteriors of a network that was trained on simulations of any simulator (nn/simulation_set.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "inference/posterior_record.h"
#include "nn/posterior.h"
#include "nn/simulation_set.h"

namespace penumbra {

struct ArrayPosterior {
  std::vector<double> theta;  // [S][P]
  std::vector<double> log_q;  // [S] ln q(theta | x)
};

// S samples for one observation. A function of (seed, observation) alone.
ArrayPosterior infer_array(const NeuralPosterior& posterior, const Coordinates& coordinates,
                           const ObservationSet& observations, std::size_t observation, int samples,
                           std::uint64_t seed);

// A column a parameter.
std::vector<PosteriorColumn> array_columns(const ArrayPosterior& posterior, const Coordinates& coordinates);

// netCDF4 that arviz.from_netcdf opens: posterior (a variable a parameter, (chain, draw)), sample_stats (log_q),
// observed_data (x), and the attributes. Atomic.
void write_array_posterior(const std::filesystem::path& file, const std::string& object, const PosteriorFacts& facts,
                           const ArrayPosterior& posterior, const Coordinates& coordinates, const double* x);

}  // namespace penumbra
