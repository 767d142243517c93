// Posteriors of a network that was trained on simulations of any simulator (nn/simulation_set.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

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

// netCDF4 that arviz.from_netcdf opens: posterior (a variable a parameter, (chain, draw)), sample_stats (log_q),
// observed_data (x), and the attributes. Atomic.
void write_array_posterior(const std::filesystem::path& file, const ArrayPosterior& posterior,
                           const Coordinates& coordinates, const double* x,
                           const std::vector<std::pair<std::string, std::string>>& attributes);

// Median and central 68% and 90% intervals, for people.
std::string array_summary_table(const ArrayPosterior& posterior, const Coordinates& coordinates);

}  // namespace penumbra
