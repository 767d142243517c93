// penumbra infer: the posterior of each object file.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "app/infer_spectra.h"
#include "app/options.h"
#include "app/other_prior.h"
#include "app/posterior_output.h"
#include "app/verbs.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "inference/array_inference.h"
#include "inference/neural_inference.h"
#include "inference/summary.h"
#include "nn/device.h"
#include "nn/simulation_set.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  Settings settings;
  std::vector<std::string> objects;
};

std::string diagnostics_text(const Inference& inference) {
  std::string text = fmt::format("samples inside the prior's support: {:.1f}%\nthe prior's best fit (score, limit):",
                                 100.0 * inference.accepted);
  for (std::size_t k = 0; k < kCheckCount; ++k) {
    text += fmt::format("{} {} ({:.1f}, {:.1f})", k == 0 ? "" : ",", kChecks[k].name, inference.diagnostics.scores[k],
                        kChecks[k].limit);
  }
  text += "\n";
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    if (inference.diagnostics.fit.light_curves[c].empty()) continue;
    text += fmt::format("best fit in {}: residuals of {:.2f}% (rms, in phase bins)\n", kChannels[c].name,
                        100.0 * inference.diagnostics.fit.rms[c]);
  }
  return text;
}

// --x: observations of the simulator that the checkpoint's simulations came from.
void run_infer_arrays(const fs::path& file, const Config& config) {
  const RunSettings run = read_run_settings(config);
  const fs::path checkpoint = config.text("checkpoint"), out = config.text("out", "posteriors");
  const int samples = static_cast<int>(config.integer("samples", 10000, {1.0, 1e7}));
  config.finish();

  set_torch_threads(run.threads);
  const NeuralPosterior posterior = NeuralPosterior::load(checkpoint, run.device);
  if (posterior.kind() == "spectrum" || posterior.info().layout.inputs.empty()) {
    throw UserError(fmt::format(
        "{}: a network for {}; --x needs one that was trained with --simulations", checkpoint.string(),
        posterior.kind() == "spectrum" ? "spectra, which reads FITS files" : "binaries, which reads object files"));
  }
  const Coordinates coordinates = Coordinates::parse(posterior.info().provenance.simulation, checkpoint.string());
  const ObservationSet observations = ObservationSet::load(file, coordinates);
  create_output_folder(out);
  Progress progress("inference", observations.size);
  const std::size_t numbers = observations.layout.inputs[0].size();
  for (std::size_t b = 0; b < observations.size; ++b) {
    throw_if_interrupted();
    const ArrayPosterior result = infer_array(posterior, coordinates, observations, b, samples, run.seed);
    const std::string stem = file.stem().string();
    const fs::path name = out / (observations.size == 1 ? stem + ".nc" : fmt::format("{}_{}.nc", stem, b));
    PosteriorFacts facts;
    facts.attributes = posterior_provenance(config, run, checkpoint, posterior, posterior.info().provenance.prior);
    const std::string object = name.stem().string();
    write_array_posterior(name, object, facts, result, coordinates, &observations.x[b * numbers]);
    fmt::print("{}posterior: {}\n", summary_table(object, facts, array_columns(result, coordinates), {}),
               name.string());
    progress.advance();
  }
}

void run_infer(const Arguments& arguments) {
  const fs::path data = arguments.settings.data_folder();
  const Config config = arguments.settings.read();
  const std::string arrays = config.text("x", "");
  if (arrays.empty() == arguments.objects.empty()) {
    throw UserError(arrays.empty() ? "infer needs object files, or --x FILE.h5"
                                   : "infer takes object files or --x FILE.h5, not both");
  }
  if (!arrays.empty()) return run_infer_arrays(arrays, config);
  const auto spectra = std::ranges::count_if(arguments.objects, names_spectra);
  if (spectra == std::ssize(arguments.objects)) return run_infer_spectra(arguments.objects, config, data);
  if (spectra > 0) throw UserError("infer takes object files, or FITS files and folders of them, not both at once");
  const RunSettings run = read_run_settings(config);
  const fs::path checkpoint = config.text("checkpoint", (data / "checkpoints" / "compact.h5").string());
  const fs::path out = config.text("out", "posteriors");
  InferenceOptions options;
  options.seed = run.seed;
  options.threads = run.threads;
  options.samples = static_cast<int>(config.integer("samples", options.samples, {1.0, 1e7}));
  options.refine = read_refine_options(config);
  options.predictions = static_cast<int>(config.integer("predictions", options.predictions, {1.0, 1e5}));
  OtherPriorChoice other(config);
  config.finish();

  // Every object is read before anything is computed: a mistake in the last one costs no waiting.
  const std::vector<fs::path> files = output_files(arguments.objects, out);
  const fs::path passbands = data / "tables" / "passbands.h5";
  const std::vector<double> zero_points = load_zero_points_jy(passbands);
  const std::vector<double> wavelengths = load_band_wavelengths_um(passbands);
  std::vector<Object> objects;
  for (const std::string& file : arguments.objects) objects.push_back(read_object(file, zero_points));
  set_torch_threads(run.threads);
  const NeuralPosterior posterior = NeuralPosterior::load(checkpoint, run.device);
  posterior.layout();  // refuses a network of another kind
  const SimulationSettings settings =
      recorded_simulation_settings(posterior.info().provenance.simulation, checkpoint, other.dust_file());
  const LoadedSimulator simulator(data, settings);
  const std::string& network_prior = posterior.info().provenance.prior;
  options.read_under = other.make(settings, simulator.tables(), network_prior);
  const std::string& prior = options.read_under ? options.read_under->name : network_prior;
  create_output_folder(out);

  // An object without a posterior does not stop the others.
  std::size_t refused = 0;
  Progress progress("inference", objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) {
    try {
      Inference result = infer_object(*simulator, posterior, objects[i], options);
      result.record.attributes = posterior_provenance(config, run, checkpoint, posterior, prior);
      result.record.band_wavelength_um = wavelengths;
      write_posterior(files[i], result.record);
      fmt::print("{}{}\n{}\nposterior: {}\n", i == 0 ? "" : "\n", summary_table(result.record),
                 diagnostics_text(result), files[i].string());
      std::fflush(stdout);
    } catch (const OutsidePrior& outside) {
      fmt::print(stderr, "penumbra: {}\n", outside.what());
      ++refused;
    }
    progress.advance();
  }
  if (refused > 0) throw UserError(fmt::format("{} of {} objects have no posterior", refused, objects.size()));
}

}  // namespace

void add_infer(CLI::App& program) {
  CLI::App* verb =
      program.add_subcommand("infer", "posterior of observed binaries or stellar spectra from a trained network");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("objects", arguments->objects,
                   "object files (TOML), or APOGEE spectra (FITS files, folders of them); each gives <out>/<name of "
                   "the file>.nc")
      ->type_name("OBJECT.toml|STAR.fits");
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--checkpoint", "checkpoint",
                               "trained network [<data>/checkpoints/compact.h5, or spectra-compact.h5]", true);
  arguments->settings.shortcut(
      *verb, "--x", "x", "HDF5 file with /x, for a network that was trained with --simulations; in place of objects",
      true);
  arguments->settings.shortcut(*verb, "--out", "out", "folder for the posterior files [posteriors]", true);
  arguments->settings.shortcut(*verb, "--samples", "samples", "posterior samples of each object [10000]", false);
  arguments->settings.shortcut(*verb, "--predictions", "predictions",
                               "draws whose light curves and SED (spectra: quantiles) are kept [100]", false);
  OtherPriorChoice::add_options(*verb, arguments->settings);
  arguments->settings.shortcut(*verb, "--refine", "refine",
                               "exact posterior: none, importance, mcmc, or auto (mcmc where weights fail) [none]",
                               true);
  arguments->settings.shortcut(*verb, "--refine-budget", "refine_budget",
                               "likelihoods that the MCMC may compute for each object [600000]", false);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, checkpoint, out, samples, predictions, x, refine,\n"
      "refine_budget, refine_effective_size (the MCMC ends with so many samples [1000]; not fewer), prior.name,\n"
      "prior.dust_map; with prior.name, the prior's numbers (prior.feh_mean, ...). Under another prior than the\n"
      "network's, samples are drawn again by the ratio of the priors' densities, and the number of effective ones is\n"
      "told: few of them when the priors differ much.\n"
      "An object file names the period, the epoch, light curves, photometry and parallax, all but one of which may be\n"
      "missing; examples/hd23642/hd23642.toml is one. arviz.from_netcdf opens the posterior files.\n"
      "Spectra are apStar, apVisit or aspcapStar files; of several rows the first is read. Their key is "
      "spectra.emulator (the\n"
      "weights of the emulator that the network was trained on), --refine is none or importance, and prior.* are "
      "unknown.");
  verb->callback([arguments] { run_infer(*arguments); });
}

}  // namespace penumbra
