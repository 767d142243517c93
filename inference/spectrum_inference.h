// From a star's APOGEE spectrum to the posterior of its 26 labels: normalised, packed, samples of the trained flow, the
// exact likelihood (spectra/spectrum_likelihood.h) of each, and the weights that they give where one asks for them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "inference/posterior_record.h"
#include "inference/refine.h"
#include "nn/posterior.h"
#include "spectra/observation.h"

namespace penumbra {

using LabelSamples = SamplesOf<Labels, LabelLatent>;

// What spectra are read and judged with.
struct SpectrumModel {
  LabelPrior prior;
  Emulator emulator;
  Continuum continuum;

  SpectrumModel(LabelPrior prior, Emulator emulator);
};

// A checkpoint for spectra. UserError naming the file: of another kind, or not of these labels and pixels.
NeuralPosterior load_spectrum_posterior(const std::filesystem::path& checkpoint, const std::string& device);

// How the network was trained: name and SHA-256 of its emulator. UserError: the record is damaged.
struct TrainedEmulator {
  std::string file, sha256;
};
TrainedEmulator trained_emulator(const CheckpointInfo& info, const std::filesystem::path& checkpoint);

struct SpectrumOptions {
  int samples = 10000;
  int predictions = 100;  // draws of which the predictive quantiles are
  std::uint64_t seed = 1;
  int threads = 0;                        // of the likelihood; 0: all cores. They change no number
  Refinement refine = Refinement::kNone;  // or kImportance
};

inline constexpr double kPredictiveQuantiles[] = {0.05, 0.16, 0.5, 0.84, 0.95};

struct SpectrumRecord : PosteriorFacts {
  std::string name;
  std::filesystem::path file;
  SpectrumObservation observation;
  double signal_to_noise;
  std::vector<LiteratureValue> literature;
  LabelSamples samples;  // with their exact densities
  std::size_t best;      // the sample of the largest exact density
  double chi_squared;    // of its spectrum, over `pixels` that are not masked
  int pixels;
  std::vector<double> best_fit;    // [kPixelCount], with its continuum
  std::vector<double> predictive;  // [quantiles][kPixelCount] of the first draws' spectra, without noise
};

// A spectrum that cannot be used, or whose samples all lie where the emulator has no spectrum, is a UserError that
// names the file. The random stream follows from the seed and the spectrum's name.
SpectrumRecord infer_spectrum(const SpectrumModel& model, const NeuralPosterior& posterior,
                              const ApogeeSpectrum& spectrum, const std::filesystem::path& file,
                              const SpectrumOptions& options);
// The same of what is normalised already.
SpectrumRecord infer_spectrum(const SpectrumModel& model, const NeuralPosterior& posterior, const std::string& name,
                              SpectrumObservation observation, const SpectrumOptions& options);

// A column a label.
std::vector<PosteriorColumn> label_columns(const LabelSamples& samples);

// A posterior file (inference/posterior_file.h) whose groups of data are
//   posterior_predictive   best_fit (pixel), flux (probability, pixel): quantiles of the spectra without noise
//   observed_data          flux (pixel), over the continuum
//   constant_data          flux_sigma, masked (0 or 1), wavelength (pixel), literature as there
void write_spectrum_posterior(const std::filesystem::path& file, const SpectrumRecord& record);

}  // namespace penumbra
