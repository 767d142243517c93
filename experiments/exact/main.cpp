// Exact posteriors of held-out systems: does the MCMC converge, are importance weights of any use, is the truth where
// calibration puts it? And the same density for another program's sampler.
// usage: experiment_exact CONFIG.toml OUT_FOLDER
//        experiment_exact density CONFIG.toml INDEX    binary: reads N points, writes N densities, until its input ends
//        experiment_exact importance CONFIG.toml INDEX    CSV: draws by importance weights of the network's samples
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

#include "base/atomic_file.h"
#include "base/provenance.h"
#include "base/text_table.h"
#include "experiments/experiment.h"
#include "experiments/finished_work.h"
#include "inference/calibration.h"
#include "inference/chain_problem.h"
#include "inference/neural_inference.h"
#include "inference/refine.h"
#include "inference/uniformity.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// Facts of refine() that become columns; empty where a method was not taken or failed.
constexpr std::array kImportanceFacts{"importance_effective_size", "pareto_k"};
constexpr std::array kChainFacts{"log_evidence",        "log_evidence_error",        "mcmc_r_hat",
                                 "mcmc_effective_size", "mcmc_autocorrelation_time", "mcmc_acceptance",
                                 "mcmc_temperatures",   "mcmc_evaluations"};

struct Settings {
  HeldOutSettings held_out;
  std::size_t first, refined;  // systems first .. first + refined - 1 of the held-out ones
  std::int64_t budget;
  std::vector<std::string> parts;  // folders of earlier runs, whose systems are taken over
  std::size_t compared;            // systems 0 .. compared - 1 are sampled by emcee too: of those
  double compared_size;            // the chains' effective size
  int weighted;                    // and samples of the network that importance weights are tried on
};

Settings read_settings(const Config& config) {
  const Config emcee = config.section("emcee");  // compare.py's
  for (const char* key : {"draws", "steps", "walkers"}) emcee.integer(key, 1, {1.0, 1e7});
  Settings out{read_held_out_settings(config, default_data_folder()),
               static_cast<std::size_t>(config.integer("first", 0, {0.0, 1e7})),
               static_cast<std::size_t>(config.integer("refined", 20, {1.0, 1e7})),
               config.integer("budget", RefineOptions{}.budget, {1.0, 1e12}),
               config.has("parts") ? config.texts("parts") : std::vector<std::string>{},
               static_cast<std::size_t>(emcee.integer("systems", 20, {0.0, 1e7})),
               emcee.number("effective_size", RefineOptions{}.effective_size, kPositive),
               static_cast<int>(config.section("importance").integer("samples", 20000, {1.0, 1e7}))};
  config.finish();
  if (out.first + out.refined > out.held_out.systems)
    throw config.error("refined",
                       fmt::format("with first = {}, expected at most {} systems", out.first, out.held_out.systems));
  return out;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::string fact(const PosteriorRecord& record, const char* name) {
  for (const auto& [key, value] : record.refinement)
    if (key == name) return value;
  return "";
}

// One system: a line of facts (# name=value,..), then a row each of the truth and of the draws: theta and ln of the
// density.
std::string refine_system(const HeldOut& held_out, const HeldOutSystem& system, const Settings& settings) {
  PosteriorRecord record;
  record.object.name = fmt::format("system {}", system.index);
  record.object.observation = system.simulation.observation;
  record.samples = system.samples;
  const RandomStream random(held_out.seed(), system.index, Stage::kRefinement);
  const int threads = settings.held_out.run.threads;
  std::size_t curves = 0, epochs = 0, bands = 0;
  for (const LightCurve& curve : record.object.observation.light_curves) {
    curves += curve.empty() ? 0 : 1;
    epochs += curve.phase.size();
  }
  for (const double flux : record.object.observation.sed_flux_jy) bands += std::isfinite(flux) ? 1 : 0;
  std::string facts = fmt::format("index={},commit={},curves={},epochs={},bands={}", system.index, program_commit(),
                                  curves, epochs, bands);

  PosteriorRecord importance = record;
  try {
    refine(held_out.simulator(), settings.held_out.samples, {Refinement::kImportance, 1, held_out.posterior().device()},
           threads, random, importance);
  } catch (const OutsidePrior&) {  // no sample has a density: no facts
  }
  for (const char* name : kImportanceFacts) facts += fmt::format(",{}={}", name, fact(importance, name));

  const double start = cpu_seconds();
  const bool compared = system.index < settings.compared;
  refine(held_out.simulator(), settings.held_out.samples,
         {Refinement::kMcmc, settings.budget, held_out.posterior().device(),
          compared ? settings.compared_size : RefineOptions{}.effective_size},
         threads, random, record);
  for (const char* name : kChainFacts) facts += fmt::format(",{}={}", name, fact(record, name));
  facts += fmt::format(",converged={},cpu_s={:.0f}", refinement_trusted(record) ? 1 : 0, cpu_seconds() - start);
  const ExactPosterior posterior(held_out.simulator(), record.object.observation, threads);

  std::string text = "# " + facts + "\n";
  for (const ParameterInfo& p : kParameters) text += fmt::format("{},", p.name);
  text += "log_density\n";
  const auto row = [&](const Theta& theta, double log_density) {
    for (const double value : theta) text += fmt::format("{:.10g},", value);
    text += fmt::format("{:.4f}\n", log_density);
  };
  row(system.simulation.draw.theta, posterior.evaluate(system.z).log_density());  // the truth first
  for (std::size_t s = 0; s < record.samples.theta.size(); ++s)
    row(record.samples.theta[s], record.samples.log_density[s]);
  return text;
}

// What one system adds to systems.csv and to ranks.csv.
using Row = std::vector<std::pair<std::string, std::string>>;  // column, value
struct RefinedSystem {
  Row facts, ranks;
};
using RefinedSystems = std::map<std::size_t, RefinedSystem>;  // by index

std::string value_of(const Row& row, const std::string& column) {
  for (const auto& [name, value] : row)
    if (name == column) return value;
  throw std::logic_error("no column " + column);
}

// From refine_system()'s text in `file`. Where the truth ranks among the draws, in each parameter and in ln of the
// density: uniform numbers where the posterior is right (Talts et al. 2018).
RefinedSystem read_system(const fs::path& file) {
  RefinedSystem out;
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  std::stringstream fields(line.substr(2));
  for (std::string field; std::getline(fields, field, ',');) {
    const auto at = field.find('=');
    out.facts.emplace_back(field.substr(0, at), field.substr(at + 1));
  }
  for (const char* shared : {"index", "converged"}) out.ranks.emplace_back(shared, value_of(out.facts, shared));
  const TextTable draws = TextTable::read(file);
  for (const std::string& name : draws.names()) {
    const std::vector<double> x = draws.numbers(name);
    const auto below = std::count_if(x.begin() + 1, x.end(), [&](double value) { return value < x[0]; });
    const double rank = (static_cast<double>(below) + 0.5) / static_cast<double>(x.size());
    out.ranks.emplace_back(name, fmt::format("{:.4f}", rank));
  }
  return out;
}

// The systems of an earlier run's tables. UserError: of another network, other systems, sample size or budget; a system
// that is there already.
void take_over(const fs::path& part, const WorkFacts& facts, RefinedSystems& systems) {
  const Config made_by = Config::load(part / "provenance.toml");
  for (const auto& [name, value] : facts) {
    const std::string theirs = made_by.text(name);
    if (theirs != value) {
      throw UserError(fmt::format("parts: {}: {} = {}, expected {}", made_by.file().string(), name, theirs, value));
    }
  }
  const auto rows = [](const TextTable& table) {
    std::vector<Row> out(table.rows());
    for (const std::string& name : table.names()) {
      const std::vector<std::string_view> values = table.texts(name);
      for (std::size_t r = 0; r < out.size(); ++r) out[r].emplace_back(name, values[r]);
    }
    return out;
  };
  const std::vector<Row> systems_rows = rows(TextTable::read(part / "systems.csv"));
  const std::vector<Row> ranks_rows = rows(TextTable::read(part / "ranks.csv"));
  for (std::size_t r = 0; r < systems_rows.size(); ++r) {
    const std::string index = value_of(systems_rows[r], "index");
    if (r >= ranks_rows.size() || value_of(ranks_rows[r], "index") != index)
      throw UserError(fmt::format("parts: {}: ranks.csv and systems.csv are not of the same systems", part.string()));
    if (!systems.emplace(std::stoull(index), RefinedSystem{systems_rows[r], ranks_rows[r]}).second)
      throw UserError(fmt::format("parts: {}: system {} is in an earlier part too", part.string(), index));
  }
}

std::string csv(const RefinedSystems& systems, Row RefinedSystem::*table) {
  std::string names, rows;
  for (const auto& [index, system] : systems) {
    names.clear();
    for (const auto& [name, value] : system.*table) {
      names += (names.empty() ? "" : ",") + name;
      rows += (&name == &(system.*table).front().first ? "" : ",") + value;
    }
    rows += "\n";
  }
  return names + "\n" + rows;
}

// Tests of the ranks against uniform, and how often the central 68% and 95% hold the truth.
std::string sbc_csv(const RefinedSystems& systems) {
  std::vector<std::string> rows;
  std::vector<double> p_values;
  const Row columns = systems.empty() ? Row{} : systems.begin()->second.ranks;
  for (const auto& [name, first_value] : columns) {
    if (name == "index" || name == "converged") continue;
    std::vector<double> ranks;
    for (const auto& [index, system] : systems) ranks.push_back(std::stod(value_of(system.ranks, name)));
    const double count = static_cast<double>(ranks.size());
    const auto share = [&](double level) {
      return static_cast<double>(
                 std::ranges::count_if(ranks, [&](double rank) { return std::abs(rank - 0.5) < 0.5 * level; })) /
             count;
    };
    const UniformKs test = uniform_ks(ranks);
    p_values.push_back(test.p);
    rows.push_back(fmt::format("{},{},{:.4f},{:.4f},{:.4f},{:.4f},{:.4g}", name, ranks.size(),
                               std::accumulate(ranks.begin(), ranks.end(), 0.0) / count, share(0.68), share(0.95),
                               test.distance, test.p));
  }
  const std::vector<double> corrected = holm(p_values);
  std::string out = "parameter,systems,mean_rank,coverage68,coverage95,ks_distance,ks_p,ks_p_holm\n";
  for (std::size_t k = 0; k < rows.size(); ++k) out += fmt::format("{},{:.4g}\n", rows[k], corrected[k]);
  return out;
}

// Those whose photometry tells how bright they are. Of the others, simulations tell it by what data exist, which the
// likelihood takes as given (sim/likelihood.h): their ranks need not be uniform.
RefinedSystems with_photometry(const RefinedSystems& systems) {
  constexpr int kLeastBands = 5;
  RefinedSystems out;
  for (const auto& [index, system] : systems)
    if (std::stoi(value_of(system.facts, "bands")) >= kLeastBands) out.emplace(index, system);
  return out;
}

// A system's file below `work` is kept: an interrupted run, and one of more systems, goes on with the next.
ExperimentResult refine_systems(const Config& config, const fs::path& work) {
  const Settings settings = read_settings(config);
  const HeldOut held_out(settings.held_out);
  ExperimentResult out;
  out.provenance = held_out.provenance();
  out.provenance.emplace_back("samples", fmt::format("{}", settings.held_out.samples));
  out.provenance.emplace_back("budget", fmt::format("{}", settings.budget));
  WorkFacts facts = out.provenance;
  facts.emplace_back("compared", fmt::format("{}, effective size {:g}", settings.compared, settings.compared_size));
  keep_finished_work(work, facts);
  WorkFacts shared = out.provenance;  // by all parts; they may come from several machines
  std::erase_if(shared, [](const auto& fact) { return fact.first == "device"; });
  RefinedSystems systems;
  for (const std::string& part : settings.parts) take_over(part, shared, systems);
  held_out.visit([&](const HeldOutSystem& system) {
    const std::size_t index = system.index;
    if (index < settings.first || index >= settings.first + settings.refined || systems.contains(index)) return;
    const fs::path file = work / fmt::format("system_{}.csv", index);
    if (!fs::exists(file)) write_text_file(file, refine_system(held_out, system, settings));
    systems.emplace(index, read_system(file));
  });
  out.files = {{"systems.csv", csv(systems, &RefinedSystem::facts)},
               {"ranks.csv", csv(systems, &RefinedSystem::ranks)},
               {"sbc.csv", sbc_csv(systems)},
               {"sbc_with_photometry.csv", sbc_csv(with_photometry(systems))}};
  return out;
}

// The density over the coordinates that the likelihood reads, for another sampler. Binary, native doubles: first the
// number of coordinates D, the period, and the coordinates' indices. Then for each request, N and the system of
// coordinates (EnsemblePoint; 64-bit integers) with N rows of D numbers, N densities and N rows of the other system's
// coordinates. Coordinates that are not read are 0.
int serve_density(const fs::path& config_file, std::size_t index) {
  const Settings settings = read_settings(Config::load(config_file));
  const HeldOut held_out(settings.held_out);
  Simulation simulation;
  held_out.simulator().simulate(held_out.seed(), index, simulation);
  const int threads = settings.held_out.run.threads;
  const ExactPosterior posterior(held_out.simulator(), simulation.observation, threads);
  const ChainProblem problem(held_out.simulator(), simulation.observation, posterior, threads);
  const std::vector<std::size_t> read = read_coordinates(problem.coordinates().unread());
  std::vector<double> greeting{static_cast<double>(read.size()), simulation.observation.period_day};
  greeting.insert(greeting.end(), read.begin(), read.end());
  const auto write = [](const std::vector<double>& numbers) {
    std::fwrite(numbers.data(), sizeof(double), numbers.size(), stdout);
    std::fflush(stdout);
  };
  write(greeting);
  std::array<std::int64_t, 2> request{};  // N, system
  while (std::fread(request.data(), sizeof request, 1, stdin) == 1) {
    const auto rows = static_cast<std::size_t>(request[0]), system = static_cast<std::size_t>(request[1]);
    std::vector<double> x(rows * read.size()), reply;
    if (std::fread(x.data(), sizeof(double), x.size(), stdin) != x.size() || system > 1) return 1;
    std::vector<EnsemblePoint> points(rows);
    for (std::size_t s = 0; s < rows; ++s)
      for (std::size_t k = 0; k < read.size(); ++k) points[s].at[system][read[k]] = x[s * read.size() + k];
    problem.density(system, points);
    for (const EnsemblePoint& point : points) reply.push_back(point.log_density(system));
    for (const EnsemblePoint& point : points)
      for (const std::size_t d : read) reply.push_back(point.at[1 - system][d]);
    write(reply);
  }
  return 0;
}

// Draws of system `index` by importance weights: a line of facts (# name=value,..), names, then rows.
int write_importance(const fs::path& config_file, std::size_t index) {
  const Settings settings = read_settings(Config::load(config_file));
  const HeldOut held_out(settings.held_out);
  Simulation simulation;
  held_out.simulator().simulate(held_out.seed(), index, simulation);
  Object object;
  object.name = fmt::format("system {}", index);
  object.observation = simulation.observation;
  const Inference inference = infer_object(held_out.simulator(), held_out.posterior(), object,
                                           {.samples = settings.weighted,
                                            .predictions = 1,
                                            .seed = held_out.seed(),
                                            .threads = settings.held_out.run.threads,
                                            .refine = {Refinement::kImportance, 1, held_out.posterior().device()}});
  std::string text = "#";
  for (const char* name : kImportanceFacts) text += fmt::format(" {}={}", name, fact(inference.record, name));
  text += "\n";
  for (const ParameterInfo& p : kParameters)
    text += fmt::format("{}{}", p.name == kParameters[0].name ? "" : ",", p.name);
  for (const Theta& theta : inference.record.samples.theta)
    for (std::size_t p = 0; p < theta.size(); ++p) text += fmt::format("{}{:.10g}", p == 0 ? '\n' : ',', theta[p]);
  fmt::print("{}\n", text);
  return 0;
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  const std::string_view verb = argc == 4 ? argv[1] : "";
  if (verb == "density" || verb == "importance") {
    try {
      const std::size_t index = std::strtoull(argv[3], nullptr, 10);
      return verb == "density" ? penumbra::serve_density(argv[2], index) : penumbra::write_importance(argv[2], index);
    } catch (const std::exception& error) {
      fmt::print(stderr, "experiment_exact: {}\n", error.what());
      return 1;
    }
  }
  const std::filesystem::path work = std::filesystem::path(argc > 2 ? argv[2] : "") / "work";
  return penumbra::experiment_main(
      argc, argv, [&](const penumbra::Config& config) { return penumbra::refine_systems(config, work); });
}
