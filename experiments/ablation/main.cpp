// What does each kind of data tell about each parameter, and what does the prior's hierarchy?
// The networks of the check are in networks/ beside the configuration (train.py). An interrupted run goes on with the
// next posterior of OUT/work.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "base/atomic_file.h"
#include "base/sha256.h"
#include "experiments/ablation/independent_prior.h"
#include "experiments/ablation/measure.h"
#include "experiments/ablation/prior_structure.h"
#include "experiments/experiment.h"
#include "experiments/finished_work.h"
#include "inference/refine.h"
#include "inference/summary.h"
#include "nn/config.h"
#include "nn/device.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// The paper's seven, section 5. Its metadata are the period and the parallax; the period stays here, as without it no
// light curve could be folded and the shipped network has never missed it.
struct Configuration {
  const char* name;
  std::vector<Modality> left_out;
};
const std::vector<Configuration> kConfigurations{
    {"all", {}},
    {"light curves + photometry", {Modality::kParallax}},
    {"light curves + parallax", {Modality::kPhotometry}},
    {"photometry + parallax", {Modality::kLightCurves}},
    {"light curves", {Modality::kPhotometry, Modality::kParallax}},
    {"photometry", {Modality::kLightCurves, Modality::kParallax}},
    {"parallax", {Modality::kLightCurves, Modality::kPhotometry}},
};

constexpr int kFewestBands = 5;  // of a complete system

// A system from which each modality can be left out: a light curve, photometry, a parallax.
bool is_complete(const Observation& observation) {
  const auto bands = std::ranges::count_if(observation.sed_flux_jy, [](double flux) { return std::isfinite(flux); });
  return bands >= kFewestBands && observation.has_parallax() &&
         std::ranges::any_of(observation.light_curves, [](const LightCurve& curve) { return !curve.empty(); });
}

std::string joined(const std::vector<Modality>& modalities) {
  std::string text;
  for (const Modality m : modalities)
    text += (text.empty() ? "" : "+") + std::string(kModalityNames[static_cast<std::size_t>(m)]);
  return text;
}

// The first `wanted` complete held-out systems as the network sees them without some modalities.
std::vector<SystemRecord> observe(const HeldOut& held_out, const std::vector<Modality>& left_out, std::size_t wanted) {
  std::vector<char> complete(held_out.settings().systems);
  std::vector<SystemRecord> records;
  held_out.visit(
      [&](const HeldOutSystem& system) {
        if (!complete[system.index] || records.size() == wanted) return;
        records.push_back(record_system(system.simulation.draw.theta, system.samples.theta, system.log_q));
      },
      [&](std::size_t index, Observation& observation) {
        complete[index] = is_complete(observation);
        leave_out(left_out, observation);
      });
  if (records.size() < wanted) {
    throw UserError(
        fmt::format("{} of {} held-out systems have light curves, photometry and a parallax; expected "
                    "complete = {} of them: raise systems",
                    records.size(), complete.size(), wanted));
  }
  return records;
}

struct Tables {
  std::string configurations =
      "network,configuration,left_out,parameter,unit,width68,relative_width,relative_width_error,contraction,bias,"
      "bias_error,coverage68\n";
  std::string information = "network,configuration,left_out,systems,unanswered,log_q,lost_nats,lost_nats_error\n";

  void add(const std::string& network, const std::string& configuration, const std::vector<Modality>& left_out,
           const std::vector<SystemRecord>& records, const std::vector<SystemRecord>& reference,
           const Theta& prior_variance) {
    for (int p = 0; p < kParameterCount; ++p) {
      const Estimate width = relative_width(records, reference, p), bias = median_deviation(records, p);
      configurations += fmt::format(
          "{},{},{},{},{},{:.5g},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f}\n", network, configuration, joined(left_out),
          kParameters[p].name, kParameters[p].unit, median_width(records, p), width.value, width.error,
          median_contraction(records, p, prior_variance[p]), bias.value, bias.error, coverage68(records, p));
    }
    const Estimate lost = lost_information(records, reference);
    const auto unanswered = std::ranges::count(records, false, &SystemRecord::answered);
    information += fmt::format("{},{},{},{},{},{:.4f},{:.4f},{:.4f}\n", network, configuration, joined(left_out),
                               records.size(), unanswered, mean_log_q(records), lost.value, lost.error);
  }
};

Theta variance_of(const Prior& prior, std::uint64_t seed, std::size_t draws) {
  Theta mean{}, square{};
  for (std::size_t n = 0; n < draws; ++n) {
    const Theta theta = prior.draw(seed, n).theta;
    for (std::size_t p = 0; p < theta.size(); ++p) {
      mean[p] += theta[p] / static_cast<double>(draws);
      square[p] += theta[p] * theta[p] / static_cast<double>(draws);
    }
  }
  for (std::size_t p = 0; p < mean.size(); ++p) square[p] -= mean[p] * mean[p];
  return square;
}

struct PriorSettings {
  std::size_t systems;
  std::int64_t budget;
};

// Rows of a posterior under one prior: 16 parameters of the system `truth`.
std::string prior_rows(std::size_t index, std::string_view prior, const PriorPosterior& posterior, double possible,
                       const Theta& truth) {
  std::string text;
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    std::vector<double> values;
    for (const Theta& theta : posterior.theta) values.push_back(theta[p]);
    const Summary s = summarize(std::move(values));
    text += fmt::format("{},{},{},{:.3f},{:.0f},{},{:.4f},{},{:.6g},{:.6g},{:.6g},{:.6g}\n", index, prior,
                        posterior.converged ? 1 : 0, posterior.r_hat, posterior.effective_size, posterior.evaluations,
                        possible, kParameters[p].name, s.median, s.low68, s.high68, truth[p]);
  }
  return text;
}

// The first complete held-out systems under both priors, by MCMC. Files of `folder` are kept.
std::string compare_priors(const HeldOut& held_out, const IndependentPrior& independent, const PriorSettings& settings,
                           const fs::path& folder) {
  const Simulator& simulator = held_out.simulator();
  const std::size_t draws = held_out.settings().samples;
  const int threads = held_out.settings().run.threads;
  std::vector<fs::path> files;
  held_out.visit([&](const HeldOutSystem& system) {
    const Observation& observation = system.simulation.observation;
    if (files.size() == settings.systems || !is_complete(observation)) return;
    files.push_back(folder / fmt::format("system_{}.csv", system.index));
    if (fs::exists(files.back())) return;
    const RandomStream random(held_out.seed(), system.index, Stage::kRefinement);
    const Theta& truth = system.simulation.draw.theta;
    PosteriorRecord record;
    record.object.name = fmt::format("system {}", system.index);
    record.object.observation = observation;
    record.samples = system.samples;
    refine(simulator, draws, {Refinement::kMcmc, settings.budget, held_out.posterior().device()}, threads, random,
           record);
    const PriorPosterior hierarchical{
        record.samples.theta, refinement_fact(record, "mcmc_r_hat"), refinement_fact(record, "mcmc_effective_size"),
        static_cast<std::int64_t>(refinement_fact(record, "mcmc_evaluations")), refinement_trusted(record)};
    const ExactPosterior exact(simulator, observation, threads);
    const PriorPosterior other = sample_under_independent_prior(
        independent, exact, {simulator.prior(), observation.period_day}, hierarchical.theta,
        {settings.budget, draws, threads, record.object.name + ", independent prior"}, random);
    const auto rows = [&](std::string_view name, const PriorPosterior& posterior) {
      return prior_rows(system.index, name, posterior, possible_share(simulator.prior(), posterior.theta), truth);
    };
    write_text_file(files.back(), rows("hierarchical", hierarchical) + rows("independent", other));
  });
  std::ostringstream out;
  out << "index,prior,converged,r_hat,effective_size,evaluations,possible,parameter,median,low68,high68,truth\n";
  for (const fs::path& file : files) out << std::ifstream(file).rdbuf();
  return out.str();
}

ExperimentResult work(const Config& config, const fs::path& folder) {
  HeldOutSettings settings = read_held_out_settings(config, default_data_folder());
  const auto wanted = static_cast<std::size_t>(config.integer("complete", 300, {2.0, 1e6}));
  const auto prior_draws = static_cast<std::size_t>(config.integer("prior_draws", 20'000, {10.0, 1e7}));
  const Config networks = config.section("networks"), drops = networks.section("drop");
  networks.integer("systems", 0, {1.0});  // train.py's
  networks.integer("seed", 0, {0.0});
  std::vector<std::pair<std::string, std::vector<Modality>>> retrained;
  for (const std::string& name : drops.keys()) retrained.emplace_back(name, read_modalities(drops, name));
  const Config priors = config.section("priors");
  const PriorSettings under{static_cast<std::size_t>(priors.integer("systems", 8, {0.0, 1e6})),
                            priors.integer("budget", RefineOptions{}.budget, {1.0, 1e12})};
  config.finish();
  set_torch_threads(settings.run.threads);

  Tables tables;
  const HeldOut shipped(settings);
  const Prior& prior = shipped.simulator().prior();
  const Theta prior_variance = variance_of(prior, settings.run.seed, prior_draws);
  const auto everything = observe(shipped, {}, wanted);
  for (const auto& [name, left_out] : kConfigurations) {
    const auto records = left_out.empty() ? everything : observe(shipped, left_out, wanted);
    tables.add("shipped", name, left_out, records, everything, prior_variance);
  }

  // The check: the shipped network trained on with everything, masked, beside those trained on without the modality.
  ExperimentResult out{.files = {}, .provenance = shipped.provenance()};
  const auto load = [&](const std::string& name) {
    settings.checkpoint = config.file().parent_path() / "networks" / name / "weights.h5";
    out.provenance.emplace_back("network_" + name + "_sha256", sha256_of_file(settings.checkpoint));
    return HeldOut(settings);
  };
  const HeldOut control = load("control");
  const auto seen_all = observe(control, {}, wanted);
  tables.add("control", "all", {}, seen_all, seen_all, prior_variance);
  for (const auto& [name, dropped] : retrained) {
    const HeldOut network = load(name);
    if (network.posterior().dropped() != dropped)
      throw UserError(
          fmt::format("{}: not trained without {}", network.settings().checkpoint.string(), joined(dropped)));
    tables.add("control", name, dropped, observe(control, dropped, wanted), seen_all, prior_variance);
    tables.add("retrained", name, dropped, observe(network, {}, wanted), seen_all, prior_variance);
  }

  const PriorStructure structure = measure_prior_structure(prior, settings.run.seed, prior_draws, settings.run.threads);
  std::string prior_csv = "quantity,value,error\n";
  prior_csv += fmt::format("\"total correlation [nats]\",{:.3f},{:.3f}\n", structure.information_nats,
                           structure.information_error_nats);
  for (const ImpossibleShare& row : structure.impossible) {
    prior_csv += fmt::format("\"{}\",{:.5f},{:.5f}\n", row.reason, row.share,
                             std::sqrt(row.share * (1.0 - row.share) / static_cast<double>(prior_draws)));
  }

  WorkFacts facts = out.provenance;
  facts.emplace_back("samples", fmt::format("{}", settings.samples));
  facts.emplace_back("budget", fmt::format("{}", under.budget));
  facts.emplace_back("prior_draws", fmt::format("{}", prior_draws));
  keep_finished_work(folder, facts);
  const IndependentPrior independent(prior, settings.run.seed, prior_draws, settings.run.threads);

  out.files = {{"configurations.csv", tables.configurations},
               {"information.csv", tables.information},
               {"prior.csv", prior_csv},
               {"priors.csv", compare_priors(shipped, independent, under, folder)}};
  return out;
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  const std::filesystem::path work = std::filesystem::path(argc > 2 ? argv[2] : "") / "work";
  return penumbra::experiment_main(argc, argv,
                                   [&](const penumbra::Config& config) { return penumbra::work(config, work); });
}
