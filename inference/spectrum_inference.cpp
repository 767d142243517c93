#include "inference/spectrum_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "base/error.h"
#include "inference/importance.h"
#include "inference/posterior_groups.h"
#include "inference/quantile.h"
#include "inference/sample_until.h"
#include "nn/spectrum_source.h"
#include "spectra/spectrum_likelihood.h"

namespace penumbra {
namespace {

// The best sample of a good posterior is at 1, give or take .02; a network that is not exact adds to it at high S/N.
constexpr double kLargestChiSquared = 2.0;  // a pixel

std::string description(int label) {
  const std::string name(kLabels[static_cast<std::size_t>(label)].name);
  if (label >= kLabelCarbon && label <= kLabelGermanium) {  // "mg_fe": [Mg/Fe]
    const std::size_t end = name.find('_');
    std::string element = name.substr(0, end);
    element[0] = static_cast<char>(std::toupper(element[0]));
    return fmt::format("[{}/{}]", element, label == kLabelIron ? "H" : "Fe");
  }
  switch (label) {
    case kLabelTeff:
      return "effective temperature";
    case kLabelLogg:
      return "surface gravity";
    case kLabelVmicro:
      return "microturbulence";
    case kLabelC12C13:
      return "isotopes of carbon, by number";
    case kLabelVmacro:
      return "macroturbulence and rotation: full width at half maximum of a Gaussian";
    default:
      return "velocity beside the one that the spectrum was brought to rest with";
  }
}

void weigh(const SpectrumOptions& options, std::size_t drawn, SpectrumRecord& record) {
  const ImportanceWeights weights = weigh_samples(record.samples.log_density, record.samples.log_q, drawn, record);
  record.tell_evidence(weights.log_evidence, weights.log_evidence_error);
  RandomStream random(options.seed, stream_of_name(record.name), Stage::kRefinement);
  draw_by_weights(weights, "the network's own posterior (--refine none) is the safer one", random, record.samples,
                  record);
}

void predict(const SpectrumLikelihood& likelihood, int draws, SpectrumRecord& record) {
  const auto& samples = record.samples;
  record.best = static_cast<std::size_t>(std::ranges::max_element(samples.log_density) - samples.log_density.begin());
  const auto best = likelihood.models({&samples.theta[record.best], 1});
  record.chi_squared = best.chi_squared.front();
  record.pixels = likelihood.pixels();
  record.best_fit.assign(best.flux.begin(), best.flux.end());

  const std::size_t count = std::min(static_cast<std::size_t>(draws), samples.theta.size());
  const auto models = likelihood.models(std::span(samples.theta).first(count));
  record.predictive.resize(std::size(kPredictiveQuantiles) * kPixelCount);
  std::vector<double> values(count);
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    for (std::size_t d = 0; d < count; ++d) values[d] = static_cast<double>(models.flux[d * kPixelCount + p]);
    std::ranges::sort(values);
    for (std::size_t q = 0; q < std::size(kPredictiveQuantiles); ++q)
      record.predictive[q * kPixelCount + p] = quantile(values, kPredictiveQuantiles[q]);
  }
}

void warn(std::size_t wanted, SpectrumRecord& record) {
  if (record.signal_to_noise < kLowestSignalToNoise || record.signal_to_noise > kHighestSignalToNoise) {
    record.warnings.push_back(fmt::format("the mean S/N is {:.0f}; the network knows {:.0f} to {:.0f}",
                                          record.signal_to_noise, kLowestSignalToNoise, kHighestSignalToNoise));
  }
  const double a_pixel = record.chi_squared / record.pixels;
  if (a_pixel > kLargestChiSquared) {
    record.warnings.push_back(fmt::format(
        "chi^2 of the best sample is {:.1f} a pixel: the model does not describe this spectrum to within its errors, "
        "and the intervals do not know of that",
        a_pixel));
  }
  if (record.samples.theta.size() < wanted) {
    record.warnings.push_back(fmt::format("{} samples instead of {}: the emulator has no spectrum for the others",
                                          record.samples.theta.size(), wanted));
  }
}

}  // namespace

SpectrumModel::SpectrumModel(LabelPrior prior_, Emulator emulator_)
    : prior(std::move(prior_)), emulator(std::move(emulator_)), continuum(continuum_of(prior, emulator)) {}

NeuralPosterior load_spectrum_posterior(const std::filesystem::path& checkpoint, const std::string& device) {
  NeuralPosterior posterior = NeuralPosterior::load(checkpoint, device);
  if (posterior.kind() != "spectrum") {
    throw UserError(
        fmt::format("{}: holds a network of kind \"{}\", trained on {}; FITS files need one of kind \"spectrum\" "
                    "(penumbra train --preset spectra-compact)",
                    checkpoint.string(), posterior.kind(), posterior.info().provenance.prior));
  }
  if (posterior.info().layout != spectrum_layout()) {
    throw UserError(checkpoint.string() + ": its network was trained for other labels or pixels than this program's");
  }
  return posterior;
}

TrainedEmulator trained_emulator(const CheckpointInfo& info, const std::filesystem::path& checkpoint) {
  const Config spectra = Config::parse(info.provenance.simulation, checkpoint.string()).section("spectra");
  return {spectra.text("emulator"), spectra.text("emulator_sha256")};
}

SpectrumRecord infer_spectrum(const SpectrumModel& model, const NeuralPosterior& posterior,
                              const ApogeeSpectrum& spectrum, const std::filesystem::path& file,
                              const SpectrumOptions& options) {
  try {
    SpectrumRecord record =
        infer_spectrum(model, posterior, spectrum.name, normalise(spectrum, model.continuum), options);
    record.file = file;
    record.literature = spectrum.published;
    return record;
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", file.string(), error.what()));
  }
}

SpectrumRecord infer_spectrum(const SpectrumModel& model, const NeuralPosterior& posterior, const std::string& name,
                              SpectrumObservation observation, const SpectrumOptions& options) {
  SpectrumRecord record;
  record.name = name;
  record.observation = std::move(observation);
  record.signal_to_noise = signal_to_noise(record.observation);
  std::vector<float> channels(2 * kPixelCount);
  pack_spectrum(record.observation, channels.data());  // normalise() refuses what is masked everywhere
  const DataLayout layout = spectrum_layout();

  LabelSamples& samples = record.samples;
  const auto wanted = static_cast<std::size_t>(options.samples);
  const SampleCount count = sample_until(posterior, {&layout, 1, {channels.data()}, nullptr}, wanted, options.seed,
                                         stream_of_name(name), [&](const float* sample, double log_q) {
                                           LabelLatent z;
                                           std::copy_n(sample, z.size(), z.begin());
                                           const Labels labels = model.prior.labels_of(z);
                                           if (model.emulator.status(labels) != SpectrumStatus::kOk) return false;
                                           samples.theta.push_back(labels);
                                           samples.z.push_back(z);
                                           samples.log_q.push_back(log_q);
                                           samples.log_prior.push_back(log_unit_normal(z));
                                           return true;
                                         });
  if (samples.theta.empty()) {
    throw OutsidePrior(
        "the emulator has no spectrum for any of the network's samples: their labels are outside its range");
  }
  const SpectrumLikelihood likelihood(model.emulator, record.observation);
  samples.log_likelihood = likelihood.log_likelihood(samples.theta, options.threads);
  for (std::size_t s = 0; s < samples.z.size(); ++s)
    samples.log_density.push_back(samples.log_likelihood[s] + samples.log_prior[s]);
  if (options.refine == Refinement::kImportance) weigh(options, count.drawn, record);
  predict(likelihood, options.predictions, record);
  warn(wanted, record);
  return record;
}

std::vector<PosteriorColumn> label_columns(const LabelSamples& samples) {
  std::vector<PosteriorColumn> columns;
  for (std::size_t i = 0; i < kLabels.size(); ++i) {
    std::vector<double> values;
    for (const Labels& labels : samples.theta) values.push_back(labels[i]);
    const int decimals = decimals_of_spread(values);
    columns.push_back({std::string(kLabels[i].name), std::string(kLabels[i].unit), description(static_cast<int>(i)),
                       decimals, std::move(values)});
  }
  return columns;
}

void write_spectrum_posterior(const std::filesystem::path& file, const SpectrumRecord& record) {
  NetcdfWriter writer(file);
  write_facts(writer, record.name, record);
  const std::vector<PosteriorColumn> columns = label_columns(record.samples);
  write_columns(writer, columns);
  write_samples(writer, record.samples);

  NetcdfGroup predictive(writer, "posterior_predictive"), observed(writer, "observed_data"),
      constant(writer, "constant_data");
  const int pixel = predictive.dimension("pixel", kPixelCount);
  const int probability = predictive.dimension("probability", std::size(kPredictiveQuantiles));
  predictive.numbers("probability", {probability}, kPredictiveQuantiles, "", "of the quantiles");
  predictive.numbers("flux", {probability, pixel}, record.predictive.data(), "",
                     "quantiles of the posterior's spectra over the continuum, without noise");
  predictive.numbers("best_fit", {pixel}, record.best_fit.data(), "",
                     "spectrum of the sample with the largest exact density");
  const auto doubles = [](const auto& values) { return std::vector<double>(values.begin(), values.end()); };
  observed.numbers("flux", {observed.dimension("pixel", kPixelCount)}, doubles(record.observation.flux).data(), "",
                   "flux over the continuum");
  const int axis = constant.dimension("pixel", kPixelCount);
  std::vector<double> wavelength(kPixelCount);
  for (int p = 0; p < kPixelCount; ++p) wavelength[static_cast<std::size_t>(p)] = wavelength_angstrom(p);
  constant.numbers("wavelength", {axis}, wavelength.data(), "angstrom", "in vacuum, at rest");
  constant.numbers("flux_sigma", {axis}, doubles(record.observation.error).data(), "", "one-sigma error of the flux");
  constant.numbers("masked", {axis}, doubles(record.observation.masked).data(), "", "1: the pixel is masked");
  write_literature(constant, columns, record.literature);
  writer.commit();
}

}  // namespace penumbra
