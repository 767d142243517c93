// The groups of a posterior file that are the same whatever it is of (inference/posterior_file.h lists them all).
#pragma once

#include <span>
#include <tuple>
#include <vector>

#include "base/literature_value.h"
#include "inference/netcdf_file.h"
#include "inference/posterior_record.h"

namespace penumbra {

// Attributes of the file: object, method, refinement, provenance, warnings.
void write_facts(NetcdfWriter& writer, const std::string& object, const PosteriorFacts& facts);

// Group posterior: a variable a column, (chain, draw).
void write_columns(NetcdfWriter& writer, std::span<const PosteriorColumn> columns);

// Group sample_stats; what is empty is left out.
struct SampleDensities {
  std::span<const double> log_q, log_likelihood, log_density, log_prior, log_ratio;
};
void write_densities(NetcdfWriter& writer, std::size_t samples, const SampleDensities& densities);

// Groups unconstrained_posterior and sample_stats.
template <class Theta, class Latent>
void write_samples(NetcdfWriter& writer, const SamplesOf<Theta, Latent>& samples) {
  const std::size_t count = samples.theta.size();
  NetcdfGroup unconstrained(writer, "unconstrained_posterior");
  const std::vector<int> dims{unconstrained.counter("chain", 1), unconstrained.counter("draw", count),
                              unconstrained.dimension("latent", std::tuple_size_v<Latent>)};
  unconstrained.numbers("z", dims, samples.z.front().data(), "", "coordinates in which the prior is a unit normal");
  write_densities(writer, count,
                  {samples.log_q, samples.log_likelihood, samples.log_density, samples.log_prior, samples.log_ratio});
}

// Published values of columns, in group constant_data; nothing where there are none.
void write_literature(NetcdfGroup& constant, std::span<const PosteriorColumn> columns,
                      std::span<const LiteratureValue> literature);

}  // namespace penumbra
