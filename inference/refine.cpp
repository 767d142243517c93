#include "inference/refine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/progress.h"
#include "inference/bridge_sampling.h"
#include "inference/chain_problem.h"
#include "inference/ensemble_mcmc.h"
#include "inference/importance.h"
#include "inference/likelihood.h"

namespace penumbra {
namespace {

constexpr std::size_t kBridgeProposals = 4000;

// The samples' exact densities and what weights them.
struct Weighted {
  std::vector<PosteriorPoint> points;
  std::vector<double> log_ratio;
  ImportanceWeights weights;
};

Weighted weigh(const ExactPosterior& posterior, const PosteriorSamples& samples, std::size_t drawn) {
  Weighted out;
  out.points.resize(samples.z.size());
  posterior.evaluate(samples.z, out.points);
  for (std::size_t s = 0; s < samples.z.size(); ++s)
    out.log_ratio.push_back(out.points[s].log_density() - samples.log_q[s]);
  out.weights = importance_weights(out.log_ratio, drawn);
  return out;
}

void take_weighted(const Weighted& weighted, RandomStream& random, PosteriorSamples& samples) {
  PosteriorSamples out;
  for (const std::size_t s : resample(weighted.weights.weight, samples.z.size(), random)) {
    out.theta.push_back(samples.theta[s]);
    out.z.push_back(samples.z[s]);
    out.log_q.push_back(samples.log_q[s]);
    out.log_prior.push_back(samples.log_prior[s]);
    out.log_likelihood.push_back(weighted.points[s].log_likelihood);
    out.log_density.push_back(weighted.points[s].log_density());
  }
  samples = std::move(out);
}

EnsembleChain run_chain(const ChainProblem& problem, const RefineOptions& options, RandomStream& random,
                        const Object& object, LogEvidence& evidence) {
  EnsembleOptions ensemble;
  ensemble.budget = options.budget;
  ensemble.unread = problem.coordinates().unread();
  ensemble.mirrored = {kOmega};  // eclipses fix e cos omega better than e sin omega
  const auto count = static_cast<std::size_t>(ensemble.populations) * static_cast<std::size_t>(ensemble.walkers);
  std::vector<EnsemblePoint> start = problem.start(count, random);
  if (start.size() < count) {
    throw OutsidePrior(fmt::format("{}: {} of {} draws of the prior that the MCMC starts from have a density",
                                   object.file.string(), start.size(), count));
  }
  Progress progress(fmt::format("{}: MCMC", object.name), static_cast<std::uint64_t>(options.budget));
  ensemble.progress = [&](std::int64_t evaluations, double power, double r_hat) {
    progress.set(static_cast<std::uint64_t>(std::min(evaluations, options.budget)),
                 power < 1.0            ? fmt::format("likelihood to the power {:.1e}", power)
                 : std::isfinite(r_hat) ? fmt::format("R-hat {:.2f}", r_hat)
                                        : "");
  };
  const auto density = [&](std::size_t system, std::span<EnsemblePoint> points) { problem.density(system, points); };
  EnsembleChain chain = sample_ensemble(density, std::move(start), ensemble, random);
  evidence = bridge_evidence(density, chain, ensemble.unread, kBridgeProposals, random);
  return chain;
}

}  // namespace

RefineOptions read_refine_options(const Config& config) {
  RefineOptions options;
  const std::string method = config.choice("refine", "none", {kRefinementNames.begin(), kRefinementNames.end()});
  options.method = static_cast<Refinement>(std::ranges::find(kRefinementNames, method) - kRefinementNames.begin());
  options.budget = config.integer("refine_budget", options.budget, {1.0, 1e12});
  return options;
}

void refine(const Simulator& simulator, std::size_t drawn, const RefineOptions& options, int threads,
            RandomStream random, PosteriorRecord& record) {
  if (options.method == Refinement::kNone) return;
  const ExactPosterior posterior(simulator, record.object.observation, threads);
  const auto tell = [&](const char* name, double value, int digits) {
    record.refinement.emplace_back(name, fmt::format("{:.{}g}", value, digits));
  };
  if (options.method != Refinement::kMcmc) {
    const Weighted weighted = weigh(posterior, record.samples, drawn);
    const ImportanceWeights& weights = weighted.weights;
    tell("importance_effective_size", weights.effective_size, 4);
    tell("importance_efficiency", weights.efficiency, 3);
    tell("pareto_k", weights.pareto_k, 3);
    const bool reliable = weights.pareto_k <= kLargestParetoK;
    if (reliable || options.method == Refinement::kImportance) {
      tell("log_evidence", weights.log_evidence, 10);
      tell("log_evidence_error", weights.log_evidence_error, 3);
      if (!(weights.effective_size > 0.0)) {
        throw OutsidePrior(fmt::format("{}: none of the network's {} samples has a density",
                                       record.object.file.string(), record.samples.z.size()));
      }
      record.method = "importance sampling of the neural posterior";
      take_weighted(weighted, random, record.samples);
      if (!reliable) {
        record.warnings.push_back(fmt::format(
            "the importance weights fail (k-hat {:.2f} > {}): {:.1f} samples carry the posterior, and neither "
            "it nor the evidence can be trusted; use --refine mcmc",
            weights.pareto_k, kLargestParetoK, weights.effective_size));
      }
      return;
    }
  }

  const ChainProblem problem(simulator, record.object.observation, posterior, threads);
  LogEvidence evidence;
  const EnsembleChain chain = run_chain(problem, options, random, record.object, evidence);
  record.method = "ensemble MCMC from the prior";
  record.samples = problem.samples(chain, std::max<std::size_t>(record.samples.z.size(), 1), random);
  tell("log_evidence", evidence.value, 10);
  tell("log_evidence_error", evidence.error, 3);
  tell("mcmc_r_hat", chain.r_hat, 4);
  tell("mcmc_effective_size", chain.effective_size, 4);
  tell("mcmc_autocorrelation_time", chain.autocorrelation_time, 3);
  tell("mcmc_acceptance", chain.acceptance, 2);
  record.refinement.emplace_back("mcmc_temperatures", fmt::format("{}", chain.temperatures));
  record.refinement.emplace_back("mcmc_evaluations", fmt::format("{}", chain.evaluations));
  if (!chain.converged) {
    record.warnings.push_back(fmt::format(
        "the MCMC has not converged within {} evaluations: R-hat {:.2f}, {:.0f} effective samples; a larger "
        "--refine-budget helps",
        chain.evaluations, chain.r_hat, chain.effective_size));
  }
}

}  // namespace penumbra
