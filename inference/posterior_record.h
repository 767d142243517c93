// What every posterior is made of, whether of a binary, of a star's spectrum or of what another simulator made: samples
// and their densities, how they came about, and the columns that people read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penumbra {

// Theta: what is inferred; Latent: the coordinates in which its prior is a unit normal.
template <class Theta, class Latent>
struct SamplesOf {
  std::vector<Theta> theta;       // [S]
  std::vector<Latent> z;          // [S]
  std::vector<double> log_q;      // [S] ln q(z | x), density in z; empty: not the network's samples
  std::vector<double> log_prior;  // [S] ln N(z; 0, I)
  // [S] of the exact posterior, density in z; empty where it was not computed
  std::vector<double> log_likelihood, log_density;
  std::vector<double> log_ratio;  // [S] ln p_B - ln p_A (inference/reweight.h); empty: read as it was made

  // The samples of these indices, in their order.
  SamplesOf at(const std::vector<std::size_t>& indices) const {
    SamplesOf out;
    const auto take = [&indices](const auto& from, auto& to) {
      if (from.empty()) return;
      to.reserve(indices.size());
      for (const std::size_t s : indices) to.push_back(from[s]);
    };
    take(theta, out.theta);
    take(z, out.z);
    take(log_q, out.log_q);
    take(log_prior, out.log_prior);
    take(log_likelihood, out.log_likelihood);
    take(log_density, out.log_density);
    take(log_ratio, out.log_ratio);
    return out;
  }
};

struct PosteriorFacts {
  std::string method = "neural posterior estimation";
  std::vector<std::pair<std::string, std::string>> refinement;  // how well it went: name, value
  std::vector<std::string> warnings;
  std::vector<std::pair<std::string, std::string>> attributes;  // provenance: name, value

  void tell(const std::string& name, double value, int digits);  // into refinement
  void tell_evidence(double log_evidence, double error);
};

// A quantity as it is reported.
struct PosteriorColumn {
  std::string name, unit, description;
  int decimals;
  std::vector<double> values;  // [S], at least one
};

// Decimals that show two digits of the spread of a column's central 68%.
int decimals_of_spread(std::vector<double> values);

// ln N(z; 0, I)
double log_unit_normal(std::span<const double> z);

// What inference/refine.h has measured, by its name; NaN: it has not.
double refinement_fact(const PosteriorFacts& facts, std::string_view name);

// False where importance weights have failed or an MCMC has not converged; true also where nothing was refined.
bool refinement_trusted(const PosteriorFacts& facts);

// The random stream of an object follows from its name.
std::uint64_t stream_of_name(const std::string& name);

}  // namespace penumbra
