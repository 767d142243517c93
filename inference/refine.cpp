#include "inference/refine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "base/progress.h"
#include "inference/bridge_sampling.h"
#include "inference/chain_problem.h"
#include "inference/ensemble_mcmc.h"
#include "inference/importance.h"
#include "inference/likelihood.h"

namespace penumbra {
namespace {

constexpr std::size_t kBridgeProposals = 4000;
// From each start. With two, walkers of the prior have lost a mode that four kept (docs/notes.md).
constexpr int kPopulations = 4;
// Of the network's samples an MCMC starts from, at most: so many, and a fraction of its budget.
constexpr std::size_t kMostSamples = 16384;
constexpr std::int64_t kBudgetOverSamples = 4;

// Sets the exact densities of the samples.
void evaluate(const ExactPosterior& posterior, PosteriorSamples& samples) {
  std::vector<PosteriorPoint> points(samples.z.size());
  posterior.evaluate(samples.z, points);
  for (const PosteriorPoint& point : points) {
    samples.log_likelihood.push_back(point.log_likelihood);
    samples.log_density.push_back(point.log_density());
  }
}

EnsembleChain run_chain(const ChainProblem& problem, std::span<const Latent> samples, const RefineOptions& options,
                        RandomStream& random, const Object& object, LogEvidence& evidence) {
  EnsembleOptions ensemble;
  ensemble.budget = options.budget;
  ensemble.effective_size = options.effective_size;
  ensemble.unread = problem.coordinates().unread();
  ensemble.mirrored = {kOmega};  // eclipses fix e cos omega better than e sin omega
  const std::size_t count = kPopulations * static_cast<std::size_t>(ensemble.walkers);
  const std::size_t most = std::min(kMostSamples, static_cast<std::size_t>(options.budget / kBudgetOverSamples));
  std::vector<EnsembleStart> starts{problem.start_from_prior(count, random)};
  if (starts[0].points.size() < count) {
    throw OutsidePrior(fmt::format("{}: {} of {} draws of the prior that the MCMC starts from have a density",
                                   object.file.string(), starts[0].points.size(), count));
  }
  if (std::optional<EnsembleStart> near =
          problem.start_from_samples(samples.first(std::min(samples.size(), most)), count, random))
    starts.push_back(std::move(*near));
  ensemble.populations = kPopulations * static_cast<int>(starts.size());
  Progress progress(fmt::format("{}: MCMC", object.name), static_cast<std::uint64_t>(options.budget));
  ensemble.progress = [&](std::int64_t evaluations, double power, double r_hat) {
    progress.set(static_cast<std::uint64_t>(std::min(evaluations, options.budget)),
                 power < 1.0            ? fmt::format("likelihood to the power {:.1e}", power)
                 : std::isfinite(r_hat) ? fmt::format("R-hat {:.2f}", r_hat)
                                        : "");
  };
  EnsembleChain chain = sample_ensemble(starts, ensemble, random);
  evidence = bridge_evidence(starts[0].density, chain, ensemble.unread, kBridgeProposals, random);
  return chain;
}

}  // namespace

RefineOptions read_refine_options(const Config& config) {
  RefineOptions options;
  const std::string method = config.choice("refine", "none", {kRefinementNames.begin(), kRefinementNames.end()});
  options.method = static_cast<Refinement>(std::ranges::find(kRefinementNames, method) - kRefinementNames.begin());
  options.budget = config.integer("refine_budget", options.budget, {1.0, 1e12});
  options.effective_size =
      config.number("refine_effective_size", options.effective_size, {options.effective_size, 1e9});
  return options;
}

void refine(const Simulator& simulator, std::size_t drawn, const RefineOptions& options, int threads,
            RandomStream random, PosteriorRecord& record) {
  if (options.method == Refinement::kNone) return;
  const ExactPosterior posterior(simulator, record.object.observation, threads, options.device);
  if (options.method != Refinement::kMcmc) {
    evaluate(posterior, record.samples);
    const ImportanceWeights weights = weigh_samples(record.samples.log_density, record.samples.log_q, drawn, record);
    if (weights.pareto_k <= kLargestParetoK || options.method == Refinement::kImportance) {
      record.tell_evidence(weights.log_evidence, weights.log_evidence_error);
      if (!(weights.effective_size > 0.0)) {
        throw OutsidePrior(fmt::format("{}: none of the network's {} samples has a density",
                                       record.object.file.string(), record.samples.z.size()));
      }
      draw_by_weights(weights, "use --refine mcmc", random, record.samples, record);
      return;
    }
  }

  const ChainProblem problem(simulator, record.object.observation, posterior, threads);
  LogEvidence evidence;
  const EnsembleChain chain = run_chain(problem, record.samples.z, options, random, record.object, evidence);
  record.method = "ensemble MCMC";
  record.samples = problem.samples(chain, std::max<std::size_t>(record.samples.z.size(), 1), random);
  record.tell_evidence(evidence.value, evidence.error);
  record.tell("mcmc_r_hat", chain.r_hat, 4);
  record.tell("mcmc_effective_size", chain.effective_size, 4);
  record.tell("mcmc_autocorrelation_time", chain.autocorrelation_time, 3);
  record.tell("mcmc_acceptance", chain.acceptance, 2);
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
