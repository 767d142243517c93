#include "inference/object_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/config.h"
#include "base/text_table.h"
#include "inference/quantities.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr double kMagnitudeToLog = 0.4 * 2.302585092994046;  // d ln(flux) = -kMagnitudeToLog d mag

template <typename Table>
std::vector<std::string_view> names_of(const Table& table, std::size_t count) {
  std::vector<std::string_view> names;
  for (std::size_t k = 0; k < count; ++k) names.push_back(table[k].name);
  return names;
}

// Magnitudes or fluxes: what the entry says, otherwise what the file has, but never a guess between the two.
std::pair<std::string, bool> value_column(const Config& entry, const TextTable& table) {
  const bool says_flux = entry.has("flux"), says_mag = entry.has("mag");
  if (says_flux && says_mag) {
    throw entry.error("mag", "magnitudes mixed with fluxes: name a flux column or a mag column, not both");
  }
  if (says_flux) return {entry.text("flux"), false};
  if (says_mag) return {entry.text("mag"), true};
  if (table.has("flux") && table.has("mag")) {
    throw UserError(
        fmt::format("{}: magnitudes mixed with fluxes: it has the columns flux and mag; say which to read with "
                    "flux = \"flux\" or mag = \"mag\" in {}",
                    table.file().string(), entry.file().string()));
  }
  if (!table.has("flux") && !table.has("mag")) {
    throw UserError(
        fmt::format("{}: no column flux or mag; it has: {}; name the column with flux = \"...\" or mag = \"...\"",
                    table.file().string(), fmt::join(table.names(), ", ")));
  }
  return {table.has("mag") ? "mag" : "flux", table.has("mag")};
}

RawLightCurve read_light_curve(const Config& entry, const std::filesystem::path& folder) {
  const TextTable table = TextTable::read(folder / entry.text("file"));
  const std::string time_column = entry.text("time", "time");
  const auto [column, magnitudes] = value_column(entry, table);
  const std::string error_column = entry.text("error", "error");
  const double offset = entry.number("time_offset", 0.0);
  RawLightCurve raw{table.numbers(time_column), table.numbers(column), table.numbers(error_column), magnitudes};
  for (std::size_t i = 0; i < raw.time.size(); ++i) {
    if (i > 0 && raw.time[i] <= raw.time[i - 1]) {
      throw UserError(fmt::format("{}: {} = {}: {} the time of the row before ({}); times must ascend, each given once",
                                  table.where(i), time_column, raw.time[i],
                                  raw.time[i] == raw.time[i - 1] ? "the same as" : "earlier than", raw.time[i - 1]));
    }
    if (!(raw.error[i] > 0.0)) {
      throw UserError(fmt::format("{}: {} = {}: expected an error > 0", table.where(i), error_column, raw.error[i]));
    }
    if (magnitudes && !(raw.value[i] > -30.0 && raw.value[i] < 40.0)) {
      throw UserError(fmt::format("{}: {} = {}: not a magnitude; expected -30 to 40 (for fluxes say flux = \"{}\")",
                                  table.where(i), column, raw.value[i], column));
    }
  }
  if (!magnitudes) {
    std::vector<double> sorted = raw.value;
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
    if (!(sorted[sorted.size() / 2] > 0.0)) {
      throw UserError(
          fmt::format("{}: the median of {} is {}: fluxes must be positive (for magnitudes say mag = \"{}\")",
                      table.file().string(), column, sorted[sorted.size() / 2], column));
    }
  }
  for (double& time : raw.time) time += offset;
  return raw;
}

void read_photometry(const Config& photometry, const std::vector<double>& zero_point_jy, Observation& out) {
  for (const std::string& band : photometry.keys()) {
    const auto found = std::find_if(kPassbands.begin(), kPassbands.begin() + kSedBandCount,
                                    [&](const PassbandInfo& info) { return info.name == band; });
    if (found == kPassbands.begin() + kSedBandCount) {
      throw photometry.error(
          band, fmt::format("unknown band; allowed: {}", fmt::join(names_of(kPassbands, kSedBandCount), ", ")));
    }
    const auto k = static_cast<std::size_t>(found - kPassbands.begin());
    const Config entry = photometry.section(band);
    const bool magnitude = entry.has("mag");
    if (magnitude == entry.has("flux_jy")) {
      throw photometry.error(band, magnitude ? "magnitudes mixed with fluxes: give mag or flux_jy, not both"
                                             : "expected { mag = ..., error = ... } or { flux_jy = ..., error = ... }");
    }
    const double value = magnitude ? entry.number("mag", {-30.0, 40.0}) : entry.number("flux_jy", kPositive);
    const double error = entry.number("error", kPositive);
    double& flux = out.sed_flux_jy[k];
    flux = magnitude ? zero_point_jy[k] * std::exp(-kMagnitudeToLog * value) : value;
    out.sed_sigma_jy[k] = magnitude ? kMagnitudeToLog * flux * error : error;
  }
}

std::vector<LiteratureValue> read_literature(const Config& literature) {
  std::vector<LiteratureValue> values;
  const std::string source = literature.text("source", "literature");
  for (const std::string& name : literature.keys()) {
    if (name == "source") continue;
    const auto quantity = find_quantity(name);
    if (!quantity) {
      std::vector<std::string_view> names;
      names.reserve(kQuantityCount);
      for (int k = 0; k < kQuantityCount; ++k) names.push_back(quantity_info(k).name);
      throw literature.error(name, fmt::format("unknown quantity; allowed: source, {}", fmt::join(names, ", ")));
    }
    const Config entry = literature.section(name);
    const double value = entry.number("value");
    values.push_back({*quantity, value, entry.number("error", 0.0, {0.0}), entry.text("source", source)});
  }
  std::sort(values.begin(), values.end(), [](const auto& a, const auto& b) { return a.quantity < b.quantity; });
  return values;
}

}  // namespace

LightCurve fold_light_curve(const RawLightCurve& raw, double period_day, double epoch, double exposure_day) {
  const std::size_t count = raw.time.size();
  std::vector<double> phase(count), flux(count), sigma(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double cycles = (raw.time[i] - epoch) / period_day;
    phase[i] = cycles - std::floor(cycles);
    if (phase[i] >= 1.0) phase[i] = 0.0;  // -tiny - floor(-tiny) rounds to 1
    flux[i] = raw.magnitudes ? std::exp(-kMagnitudeToLog * raw.value[i]) : raw.value[i];
    sigma[i] = raw.magnitudes ? kMagnitudeToLog * flux[i] * raw.error[i] : raw.error[i];
  }
  std::vector<double> sorted = flux;
  std::sort(sorted.begin(), sorted.end());
  const double median = 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2]);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return phase[a] < phase[b]; });
  LightCurve curve;
  for (const std::size_t i : order) {
    curve.phase.push_back(phase[i]);
    curve.flux.push_back(flux[i] / median);
    curve.sigma.push_back(sigma[i] / median);
  }
  curve.exposure_day = exposure_day;
  return curve;
}

Object read_object(const std::filesystem::path& file, const std::vector<double>& zero_point_jy) {
  const Config config = Config::load(file);
  Object object;
  object.file = file;
  object.name = config.text("name", file.stem().string());
  Observation& observation = object.observation;
  if (config.has("period_day")) observation.period_day = config.number("period_day", kPositive);
  if (config.has("parallax_mas") || config.has("parallax_error_mas")) {
    observation.parallax_mas = config.number("parallax_mas");
    observation.parallax_sigma_mas = config.number("parallax_error_mas", kPositive);
  }
  double epoch = 0.0;
  const std::vector<Config> entries = config.sections("light_curve");
  if (config.has("epoch") || !entries.empty()) epoch = config.number("epoch");
  for (const Config& entry : entries) {
    const std::string name = entry.text("channel");
    const auto found =
        std::find_if(kChannels.begin(), kChannels.end(), [&](const auto& info) { return info.name == name; });
    if (found == kChannels.end()) {
      throw entry.error("channel",
                        fmt::format("unknown band; allowed: {}", fmt::join(names_of(kChannels, kChannelCount), ", ")));
    }
    LightCurve& curve = observation.light_curves[static_cast<std::size_t>(found - kChannels.begin())];
    if (!curve.empty()) throw entry.error("channel", "given twice; join the light curves of one channel in one file");
    const double period_day = config.number("period_day", kPositive);
    const double exposure_day = entry.number("exposure_s", 0.0, {0.0, period_day * kDaySeconds}) / kDaySeconds;
    curve = fold_light_curve(read_light_curve(entry, file.parent_path()), period_day, epoch, exposure_day);
  }
  read_photometry(config.section("photometry"), zero_point_jy, observation);
  object.literature = read_literature(config.section("literature"));
  config.finish();
  const bool any_flux = std::any_of(observation.sed_flux_jy.begin(), observation.sed_flux_jy.end(),
                                    [](double flux) { return std::isfinite(flux); });
  if (entries.empty() && !any_flux && !observation.has_parallax()) {
    throw UserError(
        fmt::format("{}: nothing observed; expected a [[light_curve]], [photometry] or parallax_mas", file.string()));
  }
  return object;
}

}  // namespace penumbra
