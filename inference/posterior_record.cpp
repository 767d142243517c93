#include "inference/posterior_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/sha256.h"
#include "inference/ensemble_mcmc.h"
#include "inference/importance.h"
#include "inference/quantile.h"
#include "sim/constants.h"

namespace penumbra {

void PosteriorFacts::tell(const std::string& name, double value, int digits) {
  refinement.emplace_back(name, fmt::format("{:.{}g}", value, digits));
}

void PosteriorFacts::tell_evidence(double log_evidence, double error) {
  tell("log_evidence", log_evidence, 10);
  tell("log_evidence_error", error, 3);
}

int decimals_of_spread(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double spread = quantile(values, 0.84) - quantile(values, 0.16);
  return spread > 0.0 ? std::clamp(static_cast<int>(1.0 - std::floor(std::log10(spread))), 0, 15) : 4;
}

double log_unit_normal(std::span<const double> z) {
  const double square = std::inner_product(z.begin(), z.end(), z.begin(), 0.0);
  return -0.5 * square - 0.5 * static_cast<double>(z.size()) * std::log(kTwoPi);
}

double refinement_fact(const PosteriorFacts& facts, std::string_view name) {
  for (const auto& [key, value] : facts.refinement) {
    if (key == name) return std::stod(value);
  }
  return NAN;
}

bool refinement_trusted(const PosteriorFacts& facts) {
  const double r_hat = refinement_fact(facts, "mcmc_r_hat");
  if (std::isnan(r_hat)) return !(refinement_fact(facts, "pareto_k") > kLargestParetoK);
  const EnsembleOptions enough;
  return r_hat <= enough.r_hat && refinement_fact(facts, "mcmc_effective_size") >= enough.effective_size;
}

std::uint64_t stream_of_name(const std::string& name) {
  return std::stoull(sha256_of_text(name).substr(0, 12), nullptr, 16);
}

}  // namespace penumbra
