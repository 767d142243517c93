// Exact posteriors: the network's samples weighted by the exact density, or an MCMC that starts from them and from the
// prior.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/config.h"
#include "base/error.h"
#include "base/random.h"
#include "inference/posterior_file.h"
#include "sim/simulate.h"

namespace penumbra {

enum class Refinement : int { kNone = 0, kImportance, kMcmc, kAuto };
inline constexpr std::array<std::string_view, 4> kRefinementNames{"none", "importance", "mcmc", "auto"};

struct RefineOptions {
  Refinement method = Refinement::kNone;  // kAuto: importance, and MCMC where k-hat says that the weights fail
  std::int64_t budget = 600'000;          // of the MCMC: densities evaluated, at most
  std::string device = "cpu";             // or "cuda": of the likelihood; infer_object takes the network's
  double effective_size = 1000.0;         // of the MCMC: with so many it ends
};

// Keys refine, refine_budget, refine_effective_size (the default at least).
RefineOptions read_refine_options(const Config& config);

// No sample of the network describes a binary of the prior, so there is no posterior to write.
struct OutsidePrior : UserError {
  using UserError::UserError;
};

// Replaces record.samples, which are the network's for record.object: those inside the prior's support, of `drawn` in
// all. As many as there were come back, in random order; fewer where the MCMC's chain is shorter. Sets record.method,
// and record.refinement to what it measured: importance_effective_size, importance_efficiency, pareto_k; log_evidence,
// log_evidence_error; mcmc_r_hat, mcmc_effective_size, mcmc_autocorrelation_time, mcmc_acceptance, mcmc_temperatures,
// mcmc_evaluations. Appends to record.warnings where either has failed. OutsidePrior: no sample of the network has a
// density, or hardly any draw of the prior. kNone: nothing happens.
void refine(const Simulator& simulator, std::size_t drawn, const RefineOptions& options, int threads,
            RandomStream random, PosteriorRecord& record);

}  // namespace penumbra
