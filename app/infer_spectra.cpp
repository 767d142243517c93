#include "app/infer_spectra.h"

#include <fmt/format.h>

#include "app/posterior_output.h"
#include "app/train_spectra.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "base/run_settings.h"
#include "base/sha256.h"
#include "inference/spectrum_inference.h"
#include "inference/summary.h"
#include "nn/device.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> spectrum_files(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    if (!fs::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    const std::vector<fs::path> found = fits_files(argument);
    if (found.empty()) throw UserError(argument + ": holds no *.fits or *.fits.gz file");
    for (const fs::path& file : found) files.push_back(file.string());
  }
  return files;
}

Refinement read_spectrum_refinement(const Config& config) {
  const RefineOptions options = read_refine_options(config);
  if (options.method != Refinement::kNone && options.method != Refinement::kImportance) {
    throw config.error("refine", "FITS spectra: expected none or importance");
  }
  return options.method;
}

}  // namespace

bool names_spectra(const std::string& argument) {
  return argument.ends_with(".fits") || argument.ends_with(".fits.gz") || fs::is_directory(argument);
}

void run_infer_spectra(const std::vector<std::string>& arguments, const Config& config, const fs::path& data) {
  const RunSettings run = read_run_settings(config);
  const fs::path checkpoint = config.text("checkpoint", (data / "checkpoints" / "spectra-compact.h5").string());
  const fs::path out = config.text("out", "posteriors");
  const fs::path emulator_file = read_emulator_file(config, data);
  SpectrumOptions options;
  options.seed = run.seed;
  options.threads = run.threads;
  options.samples = static_cast<int>(config.integer("samples", options.samples, {1.0, 1e7}));
  options.predictions = static_cast<int>(config.integer("predictions", options.predictions, {1.0, 1e5}));
  options.refine = read_spectrum_refinement(config);
  config.finish();

  const std::vector<std::string> inputs = spectrum_files(arguments);
  const std::vector<fs::path> outputs = output_files(inputs, out);
  set_torch_threads(run.threads);
  const NeuralPosterior posterior = load_spectrum_posterior(checkpoint, run.device);
  const TrackGrid tracks = TrackGrid::load(data / "tables/tracks.h5");
  const SpectrumModel model(LabelPrior(tracks.view()), Emulator::load(emulator_file));
  std::vector<std::string> warnings;
  const TrainedEmulator trained = trained_emulator(posterior.info(), checkpoint);
  if (sha256_of_file(emulator_file) != trained.sha256) {
    warnings.push_back(fmt::format("{} was trained on another emulator, {} with SHA-256 {}, than {}",
                                   checkpoint.string(), trained.file, trained.sha256, emulator_file.string()));
  }
  create_output_folder(out);

  std::size_t refused = 0;
  Progress progress("inference", inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    throw_if_interrupted();
    try {
      SpectrumRecord record = infer_spectrum(model, posterior, read_apogee_spectrum(inputs[i]), inputs[i], options);
      record.attributes = posterior_provenance(config, run, checkpoint, posterior, posterior.info().provenance.prior);
      record.warnings.insert(record.warnings.end(), warnings.begin(), warnings.end());
      write_spectrum_posterior(outputs[i], record);
      fmt::print("{}{}\nmean S/N {:.0f}; chi^2 of the best sample: {:.0f} of {} pixels\n\nposterior: {}\n",
                 i == 0 ? "" : "\n",
                 summary_table(record.name, record, label_columns(record.samples), record.literature),
                 record.signal_to_noise, record.chi_squared, record.pixels, outputs[i].string());
      std::fflush(stdout);
    } catch (const UserError& error) {
      fmt::print(stderr, "penumbra: {}\n", error.what());
      ++refused;
    }
    progress.advance();
  }
  if (refused > 0) throw UserError(fmt::format("{} of {} spectra have no posterior", refused, inputs.size()));
}

}  // namespace penumbra
