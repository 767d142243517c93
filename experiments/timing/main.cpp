// What do a thousand independent posterior samples of one system cost, and of a million systems? Our own methods;
// peers.py times emcee with ellc and with PHOEBE on the same light curves.
// usage: experiment_timing CONFIG.toml OUT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/interrupt.h"
#include "experiments/experiment.h"
#include "experiments/timing/meter.h"
#include "experiments/timing/problem.h"
#include "inference/likelihood.h"
#include "inference/refine.h"
#include "inference/summary.h"

namespace penumbra {
namespace {

std::string cell(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : ""; }

// The network's posterior of systems first, first + 1, ..: features packed, samples drawn and mapped to theta.
// observation[B]; returns those samples that the prior accepts.
std::vector<PosteriorSamples> sample_network(const HeldOut& held_out, std::span<const Observation> observations,
                                             std::size_t first, int samples) {
  FeatureBatch batch;
  batch.resize(static_cast<int>(observations.size()), held_out.posterior().layout());
  for (std::size_t b = 0; b < observations.size(); ++b)
    pack_features(observations[b], batch.layout, batch.row(static_cast<int>(b)));
  std::vector<float> z, log_q;
  held_out.posterior().sample(batch, samples, held_out.seed(), first, z, log_q);
  std::vector<PosteriorSamples> out;
  const auto count = static_cast<std::size_t>(samples);
  for (std::size_t b = 0; b < observations.size(); ++b) {
    out.push_back(accepted_samples(held_out.posterior().targets(), held_out.simulator().prior(),
                                   observations[b].period_day, &z[b * count * kParameterCount], &log_q[b * count],
                                   count));
  }
  return out;
}

struct Methods {
  const HeldOut& held_out;
  int samples, threads;
  std::int64_t budget;
  std::string table = "system,points,method,effective_size,likelihood_calls,cpu_s,wall_s,joules,trusted,why\n";

  void add(const Problem& problem, std::string_view method, double effective, double calls, const Cost& cost,
           bool trusted, std::string why) {
    std::replace(why.begin(), why.end(), ',', ';');
    table +=
        fmt::format("{},{},{},{},{},{:.4g},{:.4g},{},{},{}\n", problem.index, problem.points, method, cell(effective),
                    cell(calls), cost.cpu_s, cost.wall_s, cell(cost.joules), trusted ? "yes" : "no", why);
    fmt::print("system {}, {}: {} effective samples, {:.3g} s of CPU {}\n", problem.index, method, cell(effective),
               cost.cpu_s, why);
    std::fflush(stdout);
  }

  void run(const Problem& problem) {
    PosteriorRecord network;
    network.object = problem.object();
    sample_network(held_out, {&network.object.observation, 1}, problem.index, samples);  // once to warm up
    Meter meter;
    network.samples = sample_network(held_out, {&network.object.observation, 1}, problem.index, samples).front();
    const Cost sampling = meter.read();
    add(problem, "neural", static_cast<double>(network.samples.theta.size()), 0.0, sampling, true, "");
    for (const Refinement method : {Refinement::kImportance, Refinement::kMcmc}) {
      PosteriorRecord record = network;
      const Meter refining;
      const std::string name(kRefinementNames[static_cast<std::size_t>(method)]);
      try {
        refine(held_out.simulator(), static_cast<std::size_t>(samples), {method, budget, held_out.posterior().device()},
               threads, RandomStream(held_out.settings().run.seed, problem.index, Stage::kRefinement), record);
      } catch (const OutsidePrior& failure) {
        add(problem, name, NAN, NAN, refining.read(), false, failure.what());
        continue;
      }
      Cost cost = refining.read();
      const bool mcmc = method == Refinement::kMcmc;
      if (!mcmc) cost += sampling;
      add(problem, name, refinement_fact(record, mcmc ? "mcmc_effective_size" : "importance_effective_size"),
          mcmc ? refinement_fact(record, "mcmc_evaluations") : static_cast<double>(network.samples.theta.size()), cost,
          refinement_trusted(record), record.warnings.empty() ? "" : record.warnings.front());
    }
  }
};

// Cost of the network's posteriors of n systems, for each n. Simulating them is not counted.
std::string time_batches(const HeldOut& held_out, const std::vector<std::int64_t>& batches, int samples) {
  constexpr std::size_t kChunk = 200;  // systems at once: what a user's memory holds easily
  std::string table = "systems,samples,cpu_s,wall_s,joules\n";
  for (const std::int64_t batch : batches) {
    Cost cost;
    const auto count = static_cast<std::size_t>(batch);
    for (std::size_t first = 0; first < count; first += kChunk) {
      throw_if_interrupted();
      std::vector<Observation> observations;
      for (std::size_t b = first; b < std::min(count, first + kChunk); ++b) {
        Simulation simulation;
        held_out.simulator().simulate(held_out.seed(), b, simulation);
        observations.push_back(std::move(simulation.observation));
      }
      const Meter meter;
      sample_network(held_out, observations, first, samples);
      cost += meter.read();
    }
    table += fmt::format("{},{},{:.4g},{:.4g},{}\n", count, samples, cost.cpu_s, cost.wall_s, cell(cost.joules));
    fmt::print("{} systems: {:.3g} s of CPU\n", count, cost.cpu_s);
    std::fflush(stdout);
  }
  return table;
}

ExperimentResult run(const Config& config) {
  const Range count{1.0, 1e7};
  ProblemLimits limits;
  limits.count = static_cast<std::size_t>(config.integer("problems", 3, count));
  limits.most_points = static_cast<std::size_t>(config.integer("most_points", 1500, count));
  const std::int64_t budget = config.integer("refine_budget", RefineOptions{}.budget, {1.0, 1e12});
  const std::vector<std::int64_t> batches = config.integers("batches", {1, 10, 100}, count);
  const int batch_samples = static_cast<int>(config.integer("batch_samples", 1000, count));
  for (const char* key : {"walkers", "peer_seconds", "phoebe_phases"}) config.number(key, kPositive);  // peers.py's
  std::string reference = "what,value\n";
  for (const char* key : {"effective_size", "training_core_s", "paper_ellc_core_s", "paper_phoebe_core_s"})
    reference += fmt::format("{},{}\n", key, config.number(key, kPositive));
  const HeldOut held_out = held_out_systems(config);

  Methods methods{held_out, static_cast<int>(held_out.settings().samples), held_out.settings().run.threads, budget};
  ExperimentResult result;
  for (const Problem& problem : choose_problems(held_out.simulator(), held_out.seed(), limits)) {
    throw_if_interrupted();
    methods.run(problem);
    result.files.emplace_back(fmt::format("work/system_{}.json", problem.index),
                              to_json(problem, held_out.simulator()));
  }
  result.files.emplace_back("scaling.csv", time_batches(held_out, batches, batch_samples));
  result.files.emplace_back("own.csv", methods.table);
  result.files.emplace_back("reference.csv", reference);
  result.provenance = held_out.provenance();
  return result;
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) { return penumbra::experiment_main(argc, argv, penumbra::run); }
