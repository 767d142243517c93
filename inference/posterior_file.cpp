#include "inference/posterior_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "base/hdf5_file.h"
#include "inference/netcdf_file.h"

namespace penumbra {
namespace {

void define_bands(NetcdfGroup& group, int dimension) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < kSedBandCount; ++k) names.emplace_back(kPassbands[k].name);
  group.texts("band", {dimension}, names);
}

void write_samples(NetcdfWriter& writer, const PosteriorSamples& samples) {
  const std::size_t count = samples.theta.size();
  NetcdfGroup posterior(writer, "posterior");
  const int chain = posterior.counter("chain", 1), draw = posterior.counter("draw", count);
  std::vector<Quantities> quantities;
  for (const Theta& theta : samples.theta) quantities.push_back(derive_quantities(theta));
  std::vector<double> column(count);
  for (int k = 0; k < kQuantityCount; ++k) {
    const ParameterInfo& info = quantity_info(k);
    for (std::size_t s = 0; s < count; ++s) column[s] = quantities[s][static_cast<std::size_t>(k)];
    posterior.numbers(std::string(info.name), {chain, draw}, column.data(), std::string(info.unit),
                      std::string(info.description));
  }

  NetcdfGroup unconstrained(writer, "unconstrained_posterior");
  const std::vector<int> dims{unconstrained.counter("chain", 1), unconstrained.counter("draw", count),
                              unconstrained.dimension("latent", kParameterCount)};
  unconstrained.numbers("z", dims, samples.z.front().data(), "", "coordinates in which the prior is a unit normal");

  NetcdfGroup stats(writer, "sample_stats");
  const std::vector<int> axes{stats.counter("chain", 1), stats.counter("draw", count)};
  if (!samples.log_q.empty())
    stats.numbers("log_q", axes, samples.log_q.data(), "", "ln q(z | x) of the neural posterior, density in z");
  if (!samples.log_likelihood.empty()) {
    stats.numbers("log_likelihood", axes, samples.log_likelihood.data(), "", "ln p(data | theta)");
    stats.numbers("log_density", axes, samples.log_density.data(), "",
                  "ln of prior times likelihood, density in z, soft barriers and a known period's density included");
  }
  stats.numbers(
      "log_prior", axes, samples.log_prior.data(), "",
      "ln N(z; 0, I); with a known period it holds the free fifth coordinate and lacks the period's own density");
  if (!samples.log_ratio.empty()) {
    stats.numbers(
        "log_prior_ratio", axes, samples.log_ratio.data(), "",
        "ln of the ratio of the priors' densities, read under to made under, by which the samples were drawn");
  }
}

void write_predictions(NetcdfWriter& writer, const PosteriorRecord& record) {
  const Predictions& predictions = record.predictions;
  NetcdfGroup group(writer, "posterior_predictive");
  const int chain = group.counter("chain", 1), draw = group.counter("draw", predictions.draws);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = record.object.observation.light_curves[c];
    if (curve.empty()) continue;
    const std::string name = channel_variable(c);
    const int epoch = group.dimension(name + "_epoch", curve.phase.size());
    group.numbers(name, {chain, draw, epoch}, predictions.flux[c].data(), "",
                  fmt::format("light curve in {} without noise", kChannels[c].name));
  }
  const int band = group.dimension("band", kSedBandCount);
  define_bands(group, band);
  group.numbers("sed_flux", {chain, draw, band}, predictions.sed_jy.data(), "Jy", "flux density with extinction");
  std::vector<double> parallax;
  for (std::size_t d = 0; d < predictions.draws; ++d) parallax.push_back(1e3 / record.samples.theta[d][kDistance]);
  group.numbers("parallax", {chain, draw}, parallax.data(), "mas", "parallax");
}

void write_data(NetcdfWriter& writer, const PosteriorRecord& record) {
  const Object& object = record.object;
  const Observation& observation = object.observation;
  NetcdfGroup observed(writer, "observed_data"), constant(writer, "constant_data");
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = observation.light_curves[c];
    if (curve.empty()) continue;
    const std::string name = channel_variable(c), axis = name + "_epoch";
    observed.numbers(name, {observed.dimension(axis, curve.phase.size())}, curve.flux.data(), "",
                     fmt::format("flux in {}, divided by its median", kChannels[c].name));
    const int epoch = constant.dimension(axis, curve.phase.size());
    constant.numbers(name + "_phase", {epoch}, curve.phase.data(), "", "orbital phase, 0 = primary eclipse");
    constant.numbers(name + "_sigma", {epoch}, curve.sigma.data(), "", "one-sigma error of the flux");
    constant.numbers(name + "_exposure", {}, &curve.exposure_day, "d", "length of an exposure");
  }
  const int band = observed.dimension("band", kSedBandCount);
  define_bands(observed, band);
  observed.numbers("sed_flux", {band}, observation.sed_flux_jy.data(), "Jy", "flux density; NaN: not observed");
  observed.numbers("parallax", {}, &observation.parallax_mas, "mas", "parallax; NaN: not observed");
  const int constant_band = constant.dimension("band", kSedBandCount);
  define_bands(constant, constant_band);
  constant.numbers("sed_sigma", {constant_band}, observation.sed_sigma_jy.data(), "Jy", "one-sigma error");
  constant.numbers("sed_wavelength", {constant_band}, record.band_wavelength_um.data(), "um",
                   "mean wavelength of the band");
  constant.numbers("parallax_sigma", {}, &observation.parallax_sigma_mas, "mas", "one-sigma error");
  constant.numbers("period", {}, &observation.period_day, "d", "orbital period of the object file");
  if (object.literature.empty()) return;
  const int quantity = constant.dimension("quantity", object.literature.size());
  std::vector<std::string> names, sources;
  std::vector<double> values, errors;
  for (const LiteratureValue& entry : object.literature) {
    names.emplace_back(quantity_info(entry.quantity).name);
    sources.push_back(entry.source);
    values.push_back(entry.value);
    errors.push_back(entry.error);
  }
  constant.texts("quantity", {quantity}, names);
  constant.texts("literature_source", {quantity}, sources);
  constant.numbers("literature_value", {quantity}, values.data(), "as in posterior", "published value");
  constant.numbers("literature_error", {quantity}, errors.data(), "as in posterior", "its error; 0: none given");
}

}  // namespace

std::string channel_variable(std::size_t channel) {
  std::string name(kChannels[channel].name);
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::tolower(c)) : '_';
  return name;
}

std::vector<double> load_band_wavelengths_um(const std::filesystem::path& passbands_file) {
  const Hdf5Reader reader(passbands_file);
  std::vector<double> means;
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const std::string group(kPassbands[k].name);
    const std::vector<double> wavelength = reader.doubles(group + "/wavelength_um");
    const std::vector<double> transmission = reader.doubles(group + "/transmission", {wavelength.size()});
    double sum = 0.0, weighted = 0.0;
    for (std::size_t i = 1; i < wavelength.size(); ++i) {
      const double step = wavelength[i] - wavelength[i - 1];
      sum += 0.5 * step * (transmission[i] + transmission[i - 1]);
      weighted += 0.5 * step * (transmission[i] * wavelength[i] + transmission[i - 1] * wavelength[i - 1]);
    }
    means.push_back(weighted / sum);
  }
  return means;
}

void write_posterior(const std::filesystem::path& file, const PosteriorRecord& record) {
  NetcdfWriter writer(file);
  writer.attribute("object", record.object.name);
  writer.attribute("method", record.method);
  for (const auto& [name, value] : record.refinement) writer.attribute(name, value);
  for (const auto& [name, value] : record.attributes) writer.attribute(name, value);
  if (record.reweighting) {
    writer.attribute("prior_of_network", record.reweighting->made_under);
    writer.attribute("effective_samples", fmt::format("{:.1f}", record.reweighting->effective_samples));
  }
  writer.attribute("warnings", fmt::format("{}", fmt::join(record.warnings, "\n")));
  write_samples(writer, record.samples);
  write_predictions(writer, record);
  write_data(writer, record);
  writer.commit();
}

}  // namespace penumbra
