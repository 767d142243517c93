// Does what the posterior predicts look like the data of real binaries? Residuals, predictive p-values, published
// values. usage: experiment_ppc CONFIG.toml OUT; checks HD 23642, the object files of OUT/work/objects and three
// simulated systems. An interrupted run goes on with the next posterior (OUT/work/posteriors).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "base/atomic_file.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "experiments/experiment.h"
#include "experiments/finished_work.h"
#include "experiments/ppc/objects.h"
#include "experiments/ppc/predictive.h"
#include "inference/neural_inference.h"
#include "inference/quantile.h"
#include "inference/summary.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// Rows of the four tables; the first two columns of each are the object's key and the posterior's name.
struct PpcTables {
  std::string posteriors, checks, photometry, diagnostics;
};

struct TableFile {
  std::string_view name, header;
  std::string PpcTables::*rows;
};
constexpr std::array<TableFile, 4> kTableFiles{{
    {"posteriors.csv", "object,posterior,kind,quantity,unit,median,low68,high68,low90,high90,known,known_error,sigma\n",
     &PpcTables::posteriors},
    {"checks.csv",
     "object,posterior,data,points,chi2,p_chi2,correlation,p_correlation,depth1,p_depth1,depth2,p_depth2\n",
     &PpcTables::checks},
    {"photometry.csv", "object,posterior,band,residual_mag,pull\n", &PpcTables::photometry},
    {"diagnostics.csv", "object,posterior,fact,value\n", &PpcTables::diagnostics},
}};

std::string cell(double value) { return std::isnan(value) ? "" : fmt::format("{:.4g}", value); }

std::string one_cell(std::string text) {
  std::replace(text.begin(), text.end(), ',', ';');
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void add_quantities(const std::string& prefix, const std::string& kind, const PosteriorRecord& record,
                    std::string& table) {
  std::vector<Quantities> rows;
  for (const Theta& theta : record.samples.theta) rows.push_back(derive_quantities(theta));
  for (int k = 0; k < kQuantityCount; ++k) {
    std::vector<double> column;
    for (const Quantities& row : rows) column.push_back(row[static_cast<std::size_t>(k)]);
    const Summary s = summarize(std::move(column));
    table += fmt::format("{},{},{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g}", prefix, kind, quantity_info(k).name,
                         quantity_info(k).unit, s.median, s.low68, s.high68, s.low90, s.high90);
    const auto& known = record.object.literature;
    const auto entry = std::find_if(known.begin(), known.end(), [&](const auto& v) { return v.quantity == k; });
    table += entry == known.end()
                 ? ",,,\n"
                 : fmt::format(",{:.6g},{:.4g},{:.2f}\n", entry->value, entry->error, distance_in_sigma(s, *entry));
  }
}

// The law of a light curve's errors for each draw, which depends on the magnitude that it predicts.
std::vector<ScatterLaw> scatter_laws(const Simulator& simulator, int channel, const LightCurve& curve,
                                     std::span<const Theta> draws) {
  std::vector<double> sigma = curve.sigma;
  std::sort(sigma.begin(), sigma.end());
  Observation model;
  std::vector<ScatterLaw> laws;
  for (const Theta& theta : draws) {
    Apparent apparent;
    if (simulator.predict(theta, {}, model, &apparent) != Status::kOk)  // it could before, with light curves
      throw std::logic_error("a predicted draw cannot be predicted again");
    laws.push_back(scatter_law(simulator.tables().surveys.view(), channel, observable_magnitude(apparent, channel),
                               quantile(sigma, 0.5)));
  }
  return laws;
}

void add_checks(const Simulator& simulator, const std::string& prefix, const PosteriorRecord& record,
                RandomStream& random, PpcTables& tables) {
  const Observation& data = record.object.observation;
  const Predictions& predictions = record.predictions;
  const std::span<const Theta> draws(record.samples.theta.data(), predictions.draws);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = data.light_curves[c];
    if (curve.empty()) continue;
    const CurveCheck check = check_light_curve(curve, predictions.flux[c], draws,
                                               scatter_laws(simulator, static_cast<int>(c), curve, draws), random);
    tables.checks +=
        fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", prefix, kChannels[c].name, check.points, cell(check.chi2),
                    cell(check.p_chi2), cell(check.correlation), cell(check.p_correlation), cell(check.depth[0]),
                    cell(check.p_depth[0]), cell(check.depth[1]), cell(check.p_depth[1]));
  }
  const SedCheck sed = check_photometry(data, predictions.sed_jy, random);
  if (sed.points > 0) {
    tables.checks +=
        fmt::format("{},photometry,{},{},{},,,,,,\n", prefix, sed.points, cell(sed.chi2), cell(sed.p_chi2));
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      if (std::isnan(sed.pull[k])) continue;
      tables.photometry +=
          fmt::format("{},{},{:.4f},{:.2f}\n", prefix, kPassbands[k].name, sed.residual_mag[k], sed.pull[k]);
    }
  }
  const ParallaxCheck parallax = check_parallax(data, record.samples.theta, random);
  if (data.has_parallax()) {
    tables.checks +=
        fmt::format("{},parallax,1,{},{},,,,,,\n", prefix, cell(parallax.pull * parallax.pull), cell(parallax.p));
  }
  tables.diagnostics += fmt::format("{0},predicted_parallax_mas,{1}\n{0},predicted_parallax_spread_mas,{2}\n", prefix,
                                    cell(parallax.predicted_mas), cell(parallax.spread_mas));
}

void add_diagnostics(const std::string& prefix, const Inference& inference, std::string& table) {
  const auto add = [&](std::string_view fact, const std::string& value) {
    table += fmt::format("{},{},{}\n", prefix, fact, one_cell(value));
  };
  add("name", inference.record.object.name);
  add("method", inference.record.method);
  add("trusted", refinement_trusted(inference.record) ? "yes" : "no");
  add("samples", fmt::format("{}", inference.record.samples.theta.size()));
  add("accepted", fmt::format("{:.4f}", inference.accepted));
  for (std::size_t k = 0; k < kCheckCount; ++k)
    add(fmt::format("score {}", kChecks[k].name), cell(inference.diagnostics.scores[k]));
  for (const auto& [fact, value] : inference.record.refinement) add(fact, value);
  for (const std::string& warning : inference.record.warnings) add("warning", warning);
}

struct Question {
  const CheckedObject* checked;
  std::string posterior;  // neural, importance, ..
  RefineOptions refine;
  fs::path file;  // without extension: a .nc for the figures, and a folder of rows that is complete with the last table
  std::string prefix() const { return checked->key + "," + posterior; }
  bool answered() const { return fs::exists(file / kTableFiles.back().name); }
};

void answer(const HeldOut& held_out, const Question& question, InferenceOptions options,
            const std::vector<double>& wavelengths) {
  options.refine = question.refine;
  const std::string prefix = question.prefix();
  RandomStream random(options.seed, stream_of_name(prefix), Stage::kNoise);
  PpcTables tables;
  try {
    Inference inference = infer_object(held_out.simulator(), held_out.posterior(), question.checked->object, options);
    add_quantities(prefix, question.checked->kind, inference.record, tables.posteriors);
    add_checks(held_out.simulator(), prefix, inference.record, random, tables);
    add_diagnostics(prefix, inference, tables.diagnostics);
    inference.record.band_wavelength_um = wavelengths;
    inference.record.attributes = held_out.provenance();
    fs::path posterior = question.file;
    write_posterior(posterior += ".nc", inference.record);
  } catch (const OutsidePrior& failure) {
    tables.diagnostics += fmt::format("{},failed,{}\n", prefix, one_cell(failure.what()));
  }
  fs::create_directories(question.file);
  std::vector<std::pair<fs::path, std::string>> rows;
  for (const TableFile& table : kTableFiles) rows.emplace_back(question.file / table.name, tables.*table.rows);
  write_text_files(rows);
}

// The answers' rows below each table's header.
ExperimentResult collect(const std::vector<Question>& questions) {
  ExperimentResult result;
  for (const TableFile& table : kTableFiles) {
    std::ostringstream text;
    text << table.header;
    for (const Question& question : questions) {
      std::ifstream rows(question.file / table.name);
      if (rows.peek() != std::ifstream::traits_type::eof()) text << rows.rdbuf();
    }
    result.files.emplace_back(table.name, text.str());
  }
  return result;
}

ExperimentResult run(const Config& config, const fs::path& out) {
  const std::vector<std::string> posteriors = config.texts("posteriors");
  const auto keys = [&](const char* name) {
    return config.has(name) ? config.texts(name) : std::vector<std::string>{};
  };
  const std::vector<std::string> only = keys("only"), unrefined = keys("unrefined");
  const auto names = [](const std::vector<std::string>& list, const CheckedObject& object) {
    return std::find(list.begin(), list.end(), object.key) != list.end();
  };
  const std::int64_t budget = config.integer("refine_budget", RefineOptions{}.budget, {1.0, 1e12});
  std::vector<RefineOptions> refinements;
  for (const std::string& posterior : posteriors) {
    const Config method = Config::parse(fmt::format("refine = \"{}\"\nrefine_budget = {}", posterior, budget),
                                        config.file().string() + ": posteriors");
    refinements.push_back(read_refine_options(method));
  }
  InferenceOptions options;
  options.predictions = static_cast<int>(config.integer("draws", 400, {10.0, 1e5}));
  const HeldOut held_out = held_out_systems(config);
  options.seed = held_out.settings().run.seed;
  options.threads = held_out.settings().run.threads;
  options.samples = static_cast<int>(held_out.settings().samples);

  const fs::path data = fs::canonical(held_out.settings().data);
  const fs::path passbands = data / "tables" / "passbands.h5";
  const std::vector<double> zero_points = load_zero_points_jy(passbands);
  const std::vector<double> wavelengths = load_band_wavelengths_um(passbands);
  std::vector<CheckedObject> objects = simulated_objects(held_out.simulator(), held_out.seed(), only);
  WorkFacts facts = held_out.provenance();
  facts.emplace_back("samples", fmt::format("{}", options.samples));
  facts.emplace_back("draws", fmt::format("{}", options.predictions));
  facts.emplace_back("refine_budget", fmt::format("{}", budget));
  const fs::path example = data.parent_path() / "examples" / "hd23642";
  if (!fs::exists(example)) fmt::print(stderr, "skipped: HD 23642; {} is not there\n", example.string());
  for (const fs::path& folder : {example, out / "work" / "objects"}) {
    for (CheckedObject& object : real_objects(folder, zero_points)) objects.push_back(std::move(object));
    for (const auto& fact : facts_of_files(folder)) facts.push_back(fact);
  }
  const fs::path work = out / "work" / "posteriors";
  keep_finished_work(work, facts);

  std::vector<Question> questions;
  for (const CheckedObject& checked : objects) {
    if (!only.empty() && !names(only, checked)) continue;
    for (std::size_t m = 0; m < posteriors.size(); ++m) {
      if (names(unrefined, checked) && refinements[m].method != Refinement::kNone) continue;
      const std::string name = posteriors[m] == "none" ? "neural" : posteriors[m];
      questions.push_back({&checked, name, refinements[m], work / fmt::format("{}_{}", checked.key, name)});
    }
  }
  const auto open = static_cast<std::uint64_t>(
      std::count_if(questions.begin(), questions.end(), [](const Question& q) { return !q.answered(); }));
  std::uint64_t done = 0;
  const auto start = std::chrono::steady_clock::now();
  for (const Question& question : questions) {
    throw_if_interrupted();
    if (question.answered()) continue;
    answer(held_out, question, options, wavelengths);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    fmt::print("{}\n{}\n", question.prefix(), progress_line("posteriors", ++done, open, elapsed.count()));
    std::fflush(stdout);
  }
  ExperimentResult result = collect(questions);
  result.provenance = held_out.provenance();
  return result;
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  return penumbra::experiment_main(argc, argv, [&](const penumbra::Config& config) {
    return penumbra::run(config, argv[2]);  // experiment_main has checked that it is there
  });
}
