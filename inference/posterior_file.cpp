#include "inference/posterior_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>

#include "base/hdf5_file.h"
#include "inference/posterior_groups.h"

namespace penumbra {
namespace {

void define_bands(NetcdfGroup& group, int dimension) {
  std::vector<std::string> names;
  for (std::size_t k = 0; k < kSedBandCount; ++k) names.emplace_back(kPassbands[k].name);
  group.texts("band", {dimension}, names);
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

void write_data(NetcdfWriter& writer, const PosteriorRecord& record, std::span<const PosteriorColumn> columns) {
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
  write_literature(constant, columns, object.literature);
}

// Root attributes, which write_facts and write_posterior name.
void read_facts(const Hdf5Reader& reader, PosteriorRecord& record) {
  for (const auto& [name, value] : reader.attributes("/")) {
    if (name == "object") {
      record.object.name = value;
    } else if (name == "method") {
      record.method = value;
    } else if (name == "warnings") {
      std::istringstream lines(value);
      for (std::string line; std::getline(lines, line);) record.warnings.push_back(line);
    } else if (!name.starts_with('_') && name != "prior_of_network" &&
               name != "effective_samples") {  // _: netCDF's own
      record.attributes.emplace_back(name, value);
    }
  }
  if (reader.has_attribute("/", "prior_of_network")) {
    record.reweighting = {reader.text_attribute("/", "prior_of_network"), reader.text_attribute("/", "prior"),
                          std::stod(reader.text_attribute("/", "effective_samples"))};
  }
}

PosteriorSamples read_samples(const Hdf5Reader& reader) {
  PosteriorSamples samples;
  const Shape shape = reader.shape("/posterior/" + std::string(kParameters[0].name));
  if (shape.size() != 2 || shape[0] != 1) throw UserError(reader.file().string() + ": more than one chain");
  const std::size_t count = shape[1];
  samples.theta.resize(count);
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    const std::vector<double> values = reader.doubles("/posterior/" + std::string(kParameters[p].name), shape);
    for (std::size_t s = 0; s < count; ++s) samples.theta[s][p] = values[s];
  }
  const std::vector<double> z = reader.doubles("/unconstrained_posterior/z", {1, count, kParameterCount});
  samples.z.resize(count);
  for (std::size_t i = 0; i < z.size(); ++i) samples.z[i / kParameterCount][i % kParameterCount] = z[i];
  const auto densities = [&](const std::string& name, std::vector<double>& out) {
    if (reader.has("/sample_stats/" + name)) out = reader.doubles("/sample_stats/" + name, shape);
  };
  densities("log_q", samples.log_q);
  densities("log_prior", samples.log_prior);
  densities("log_likelihood", samples.log_likelihood);
  densities("log_density", samples.log_density);
  densities("log_prior_ratio", samples.log_ratio);
  return samples;
}

double read_number(const Hdf5Reader& reader, const std::string& path) { return reader.doubles(path, {}).at(0); }

Observation read_observation(const Hdf5Reader& reader) {
  Observation observation;
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const std::string name = channel_variable(c), constant = "/constant_data/" + name;
    if (!reader.has("/observed_data/" + name)) continue;
    LightCurve& curve = observation.light_curves[c];
    curve.flux = reader.doubles("/observed_data/" + name);
    curve.phase = reader.doubles(constant + "_phase", {curve.flux.size()});
    curve.sigma = reader.doubles(constant + "_sigma", {curve.flux.size()});
    curve.exposure_day = read_number(reader, constant + "_exposure");
  }
  const auto bands = [&](const char* path, std::array<double, kSedBandCount>& out) {
    std::ranges::copy(reader.doubles(path, {kSedBandCount}), out.begin());
  };
  bands("/observed_data/sed_flux", observation.sed_flux_jy);
  bands("/constant_data/sed_sigma", observation.sed_sigma_jy);
  observation.parallax_mas = read_number(reader, "/observed_data/parallax");
  observation.parallax_sigma_mas = read_number(reader, "/constant_data/parallax_sigma");
  observation.period_day = read_number(reader, "/constant_data/period");
  return observation;
}

std::vector<LiteratureValue> read_literature(const Hdf5Reader& reader) {
  std::vector<LiteratureValue> literature;
  if (!reader.has("/constant_data/quantity")) return literature;
  const std::vector<std::string> names = reader.strings("/constant_data/quantity"),
                                 sources = reader.strings("/constant_data/literature_source");
  const std::vector<double> values = reader.doubles("/constant_data/literature_value", {names.size()}),
                            errors = reader.doubles("/constant_data/literature_error", {names.size()});
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::optional<int> quantity = find_quantity(names[i]);
    if (!quantity) throw UserError(fmt::format("{}: no quantity '{}'", reader.file().string(), names[i]));
    literature.push_back({*quantity, values[i], errors[i], sources.at(i)});
  }
  return literature;
}

Predictions read_predictions(const Hdf5Reader& reader, const Observation& observation) {
  Predictions predictions;
  predictions.sed_jy = reader.doubles("/posterior_predictive/sed_flux");
  predictions.draws = predictions.sed_jy.size() / kSedBandCount;
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const std::size_t epochs = observation.light_curves[c].phase.size();
    if (epochs == 0) continue;
    predictions.flux[c] =
        reader.doubles("/posterior_predictive/" + channel_variable(c), {1, predictions.draws, epochs});
  }
  return predictions;
}

}  // namespace

std::string channel_variable(std::size_t channel) {
  std::string name(kChannels[channel].name);
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::tolower(c)) : '_';
  return name;
}

std::vector<PosteriorColumn> quantity_columns(const PosteriorSamples& samples) {
  std::vector<PosteriorColumn> columns;
  for (int k = 0; k < kQuantityCount; ++k) {
    const ParameterInfo& info = quantity_info(k);
    columns.push_back(
        {std::string(info.name), std::string(info.unit), std::string(info.description), info.decimals, {}});
  }
  for (const Theta& theta : samples.theta) {
    const Quantities quantities = derive_quantities(theta);
    for (std::size_t k = 0; k < columns.size(); ++k) columns[k].values.push_back(quantities[k]);
  }
  return columns;
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
  write_facts(writer, record.object.name, record);
  if (record.reweighting) {
    writer.attribute("prior_of_network", record.reweighting->made_under);
    writer.attribute("effective_samples", fmt::format("{:.1f}", record.reweighting->effective_samples));
  }
  const std::vector<PosteriorColumn> columns = quantity_columns(record.samples);
  write_columns(writer, columns);
  write_samples(writer, record.samples);
  write_predictions(writer, record);
  write_data(writer, record, columns);
  writer.commit();
}

PosteriorRecord read_posterior(const std::filesystem::path& file) {
  const Hdf5Reader reader(file);
  if (!reader.has_attribute("/", "object") || !reader.has("/posterior/" + std::string(kParameters[0].name))) {
    throw UserError(fmt::format("{}: not a posterior of a binary, as infer writes them", file.string()));
  }
  PosteriorRecord record;
  read_facts(reader, record);
  record.object.file = file;
  record.object.observation = read_observation(reader);
  record.object.literature = read_literature(reader);
  record.samples = read_samples(reader);
  record.predictions = read_predictions(reader, record.object.observation);
  record.band_wavelength_um = reader.doubles("/constant_data/sed_wavelength", {kSedBandCount});
  return record;
}

}  // namespace penumbra
