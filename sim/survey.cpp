#include "sim/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>

#include "base/error.h"
#include "base/hdf5_file.h"
#include "sim/availability.h"
#include "sim/space_mission.h"

namespace penumbra {
namespace {

constexpr std::array<double, kTessChannel> kGroundExposureSeconds{90.0, 90.0, 30.0, 30.0};
constexpr double kWorstDetection = 1.0 / 3.0;  // catalogues do not list what is fainter than 3 sigma

// De-quantisation, the paper's equation 1: catalogues that round coarsely get the wider one (as its code has it).
constexpr double dequantisation_dex(int band) {
  return band == kWiseW1 || band == k2massJ || band == k2massH || band == k2massKs || band == kJohnsonB ||
                 band == kJohnsonV
             ? 0.01
             : 0.005;
}
constexpr double kSmallestRelativeError = 1e-6, kLargestRelativeError = 10.0;  // equation 2
constexpr double kDefaultRelativeError = 0.05;
constexpr double kTessScatterBlur = 0.05;  // dex

double exp10(double x) { return std::exp(x * 2.302585092994045684); }

// Inverse CDF given at equal steps of probability, linear between the nodes.
double quantile(std::span<const double> nodes, double probability) {
  const double position = probability * static_cast<double>(nodes.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(position), nodes.size() - 2);
  const double f = position - static_cast<double>(i);
  return nodes[i] + f * (nodes[i + 1] - nodes[i]);
}

// Mean and standard deviation of such a variable plus a normal one of standard deviation `blur`.
ScatterLaw moments(std::span<const double> nodes, double blur) {
  double mean = 0.0, square = blur * blur;
  const double share = 1.0 / static_cast<double>(nodes.size() - 1);
  for (std::size_t i = 1; i < nodes.size(); ++i) mean += 0.5 * share * (nodes[i] + nodes[i - 1]);
  for (std::size_t i = 1; i < nodes.size(); ++i) {  // uniform between two nodes
    const double a = nodes[i - 1] - mean, b = nodes[i] - mean;
    square += share * (a * a + a * b + b * b) / 3.0;
  }
  return {mean, std::sqrt(square)};
}

// Ascending order. Phases are nearly uniform, so one pass into as many buckets as values leaves little to exchange.
void sort_phases(std::vector<double>& phase) {
  thread_local std::vector<int> start;
  thread_local std::vector<double> sorted;
  const std::size_t n = phase.size();
  start.assign(n + 1, 0);
  sorted.resize(n);
  const auto bucket = [n](double p) { return std::min(static_cast<std::size_t>(p * static_cast<double>(n)), n - 1); };
  for (const double p : phase) ++start[bucket(p) + 1];
  for (std::size_t i = 0; i < n; ++i) start[i + 1] += start[i];
  for (const double p : phase) sorted[static_cast<std::size_t>(start[bucket(p)]++)] = p;
  for (std::size_t i = 1; i < n; ++i) {
    const double value = sorted[i];
    std::size_t j = i;
    for (; j > 0 && sorted[j - 1] > value; --j) sorted[j] = sorted[j - 1];
    sorted[j] = value;
  }
  phase.swap(sorted);
}

double median(const std::vector<double>& values) {
  thread_local std::vector<double> scratch;
  scratch.assign(values.begin(), values.end());
  const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>(scratch.size() / 2);
  std::nth_element(scratch.begin(), middle, scratch.end());
  return *middle;
}

std::vector<double> finite_doubles(const Hdf5Reader& file, const std::string& path, const Shape& expected = {}) {
  std::vector<double> values = file.doubles(path, expected);
  for (const double v : values) {
    if (!std::isfinite(v)) {
      throw UserError(fmt::format("{}: dataset {} holds {}; every value of a survey bank is finite",
                                  file.file().string(), path, v));
    }
  }
  if (values.empty()) throw UserError(fmt::format("{}: dataset {} is empty", file.file().string(), path));
  return values;
}

// Quantiles [rows][nodes], or [nodes] alone where shape has one dimension; each row ascends.
std::vector<double> load_quantiles(const Hdf5Reader& file, const std::string& path, const Shape& shape) {
  std::vector<double> values = finite_doubles(file, path, shape);
  const auto nodes = static_cast<std::ptrdiff_t>(shape.back());
  for (auto row = values.begin(); row != values.end(); row += nodes) {
    if (!std::is_sorted(row, row + nodes)) {
      throw UserError(fmt::format("{}: row {} of dataset {} descends; quantiles ascend", file.file().string(),
                                  (row - values.begin()) / nodes, path));
    }
  }
  return values;
}

ErrorTable load_table(const Hdf5Reader& file, const std::string& group, const std::string& name) {
  ErrorTable table;
  table.magnitude = finite_doubles(file, group + "/magnitude");
  if (table.magnitude.size() < 2 || !std::is_sorted(table.magnitude.begin(), table.magnitude.end())) {
    throw UserError(fmt::format("{}: dataset {}/magnitude holds {} values; at least 2, ascending, are needed",
                                file.file().string(), group, table.magnitude.size()));
  }
  const Shape shape = file.shape(group + "/" + name);
  if (shape.size() != 2 || shape[1] < 2) {
    throw UserError(
        fmt::format("{}: dataset {}/{} is no table [magnitudes, quantiles]", file.file().string(), group, name));
  }
  table.quantile_count = static_cast<int>(shape[1]);
  table.value = load_quantiles(file, group + "/" + name, {table.magnitude.size(), shape[1]});
  return table;
}

constexpr std::size_t kNightNodes = 129, kHourNodes = 17, kVisitNodes = 9, kGapNodes = 9, kErrorNodes = 17;

std::span<const double> row(const std::vector<double>& values, int entry, std::size_t nodes) {
  return {values.data() + static_cast<std::size_t>(entry) * nodes, nodes};
}

}  // namespace

double ErrorTable::at(double mag, double probability) const {
  const auto q = static_cast<std::size_t>(quantile_count);
  const auto above = std::upper_bound(magnitude.begin(), magnitude.end(), mag) - magnitude.begin();
  const auto i = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above - 1, 0, std::ssize(magnitude) - 2));
  const double f = std::clamp((mag - magnitude[i]) / (magnitude[i + 1] - magnitude[i]), 0.0, 1.0);
  const std::span<const double> rows(value);
  return (1.0 - f) * quantile(rows.subspan(i * q, q), probability) +
         f * quantile(rows.subspan((i + 1) * q, q), probability);
}

Surveys Surveys::load(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  Surveys surveys;
  for (int c = 0; c < kTessChannel; ++c) {
    const std::string group = fmt::format("/ground/{}", kChannels[static_cast<std::size_t>(c)].name);
    GroundSurvey& survey = surveys.ground_[static_cast<std::size_t>(c)];
    survey.magnitude = finite_doubles(file, group + "/magnitude");
    const std::size_t entries = survey.magnitude.size();
    survey.entry_count = static_cast<int>(entries);
    survey.points = finite_doubles(file, group + "/points", {entries});
    survey.night = load_quantiles(file, group + "/night", {entries, kNightNodes});
    survey.hour = load_quantiles(file, group + "/hour", {entries, kHourNodes});
    survey.visit_size = load_quantiles(file, group + "/visit_size", {entries, kVisitNodes});
    survey.log_gap = load_quantiles(file, group + "/log_gap", {entries, kGapNodes});
    survey.log_error = load_quantiles(file, group + "/log_error", {entries, kErrorNodes});
    std::ranges::copy(finite_doubles(file, group + "/noise_curve", {3}), survey.noise_curve.begin());
    std::ranges::copy(finite_doubles(file, group + "/scatter", {3}), survey.scatter.begin());
    if (*std::ranges::min_element(survey.points) < 1.0) {
      throw UserError(fmt::format("{}: dataset {}/points holds a count below 1", path.string(), group));
    }
  }
  const Shape sectors = file.shape("/space/TESS:T/log_excess");
  if (sectors.size() != 1 || sectors[0] < 2) {
    throw UserError(
        fmt::format("{}: dataset /space/TESS:T/log_excess is no list of at least 2 sectors", path.string()));
  }
  surveys.tess_log_excess_ = load_quantiles(file, "/space/TESS:T/log_excess", sectors);
  surveys.tess_log_scatter_ = load_quantiles(file, "/space/TESS:T/log_scatter", sectors);
  surveys.tess_scatter_ = moments(surveys.tess_log_scatter_, kTessScatterBlur);
  surveys.tess_coverage_ = load_quantiles(file, "/space/TESS:T/coverage", sectors);
  for (int k = 0; k < kSedBandCount; ++k) {
    const std::string group = fmt::format("/sed/{}", kPassbands[static_cast<std::size_t>(k)].name);
    if (file.has(group)) surveys.sed_[static_cast<std::size_t>(k)] = load_table(file, group, "log_error");
  }
  surveys.parallax_ = load_table(file, "/parallax", "log_excess");
  return surveys;
}

double Surveys::GroundSurvey::log_noise(double mag) const {
  const double faintness = exp10(0.4 * (mag - 15.0));
  const auto& s = noise_curve;
  return 0.5 * std::log10(s[0] * s[0] + s[1] * s[1] * faintness + s[2] * s[2] * faintness * faintness);
}

// One entry of the bank, likely one of similar magnitude and, as in the paper, in proportion to its number of points.
// New nights, times of night, visits and errors are then drawn from that star's quantiles, so day and year alias as
// they do for real, while no real epoch returns.
void Surveys::schedule_ground(int channel, double magnitude, double period_day, RandomStream& random,
                              LightCurve& out) const {
  const GroundSurvey& survey = ground_[static_cast<std::size_t>(channel)];
  const auto weight = [&](int e) {
    const auto i = static_cast<std::size_t>(e);
    const double distance = survey.magnitude[i] - magnitude;
    return survey.points[i] * (std::exp(-0.5 * distance * distance) + 1e-9);
  };
  double total = 0.0;
  for (int e = 0; e < survey.entry_count; ++e) total += weight(e);
  double left = random.uniform() * total;
  int entry = 0;
  for (; entry < survey.entry_count - 1; ++entry) {
    left -= weight(entry);
    if (left < 0.0) break;
  }

  const auto i = static_cast<std::size_t>(entry);
  const auto n = static_cast<std::size_t>(
      std::clamp(std::round(survey.points[i] * (0.9 + 0.2 * random.uniform())), 1.0, static_cast<double>(kMaxEpochs)));
  const double epoch = random.uniform() * period_day;
  out.phase.clear();
  while (out.phase.size() < n) {
    const double night = std::floor(quantile(row(survey.night, entry, kNightNodes), random.uniform()));
    double time = night + quantile(row(survey.hour, entry, kHourNodes), random.uniform());
    const int size =
        static_cast<int>(std::round(quantile(row(survey.visit_size, entry, kVisitNodes), random.uniform())));
    out.phase.push_back(fold_phase((time + epoch) / period_day));
    for (int k = 1; k < size && out.phase.size() < n; ++k) {
      time += exp10(quantile(row(survey.log_gap, entry, kGapNodes), random.uniform()));
      out.phase.push_back(fold_phase((time + epoch) / period_day));
    }
  }
  sort_phases(out.phase);

  const double shift = survey.log_noise(magnitude) - survey.log_noise(survey.magnitude[i]) + 0.05 * random.normal();
  out.sigma.resize(n);
  for (double& sigma : out.sigma) {
    const double log_sigma = quantile(row(survey.log_error, entry, kErrorNodes), random.uniform()) + shift;
    sigma = std::clamp(exp10(log_sigma), kSmallestRelativeError, kLargestRelativeError);
  }
  out.exposure_day = kGroundExposureSeconds[static_cast<std::size_t>(channel)] / kDaySeconds;
}

void Surveys::schedule_tess(double magnitude, double period_day, RandomStream& random, LightCurve& out) const {
  const BlockSchedule blocks = draw_tess_schedule(quantile(tess_coverage_, random.uniform()), random);
  const double excess = quantile(tess_log_excess_, random.uniform()) + 0.15 * random.normal();
  observe_blocks(blocks, period_day, tess_noise(magnitude, blocks.exposure_day) * exp10(excess), random, out);
  sort_phases(out.phase);
}

void Surveys::schedule(const Apparent& apparent, double period_day, RandomStream& random, Observation& out) const {
  if (!(period_day > 0.0) || !std::isfinite(period_day)) {
    throw std::invalid_argument(fmt::format("schedule: period_day = {}; it must be positive and finite", period_day));
  }
  out.period_day = period_day;
  const std::array<bool, kChannelCount> chosen = choose_channels(apparent, random);
  for (int c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = out.light_curves[static_cast<std::size_t>(c)];
    curve.clear();
    if (!chosen[static_cast<std::size_t>(c)]) continue;
    const double magnitude = observable_magnitude(apparent, c);
    if (c == kTessChannel) {
      schedule_tess(magnitude, period_day, random, curve);
    } else if (c == kKeplerChannel) {
      double sigma = 0.0;
      const BlockSchedule blocks = draw_kepler_schedule(magnitude, random, sigma);
      observe_blocks(blocks, period_day, sigma, random, curve);
      sort_phases(curve.phase);
    } else {
      schedule_ground(c, magnitude, period_day, random, curve);
    }
  }
}

// From the ground it is regressed on how small the quoted errors are for the star's magnitude: pipelines that quote
// photon noise alone have the larger factor, the noise itself being the same. TESS: the moments of what scatter_factor
// draws from the measured sectors themselves.
ScatterLaw Surveys::scatter_law(int channel, double magnitude, double median_sigma) const {
  if (channel == kTessChannel) return tess_scatter_;
  if (channel == kKeplerChannel) return {-0.1, 0.25};  // stand-in; K2 pipelines overestimate as well as underestimate
  const GroundSurvey& survey = ground_[static_cast<std::size_t>(channel)];
  const double excess = std::clamp(std::log10(median_sigma) - survey.log_noise(magnitude), -1.0, 0.5);
  return {survey.scatter[0] + survey.scatter[1] * excess, survey.scatter[2]};
}

double Surveys::scatter_factor(int channel, double magnitude, double median_sigma, RandomStream& random) const {
  constexpr double kLargest = 10.0, kSmallest = 0.3;
  double log_factor;
  if (channel == kTessChannel) {
    log_factor = quantile(tess_log_scatter_, random.uniform()) + kTessScatterBlur * random.normal();
  } else {
    const ScatterLaw law = scatter_law(channel, magnitude, median_sigma);
    log_factor = law.mean + law.sigma * random.normal();
  }
  return std::clamp(exp10(log_factor), kSmallest, kLargest);
}

void Surveys::observe(const System& system, const Apparent& apparent, const double* sed_jy, RandomStream& random,
                      Observation& out) const {
  int channels = 0;
  for (int c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = out.light_curves[static_cast<std::size_t>(c)];
    if (curve.empty()) continue;
    ++channels;
    const double level = curve.flux.size() == curve.phase.size() ? median(curve.flux) : kMissing;
    if (!(level > 0.0) || !std::isfinite(level)) {
      throw std::invalid_argument(fmt::format("observe: channel {} has {} epochs, {} model fluxes of median {}",
                                              kChannels[static_cast<std::size_t>(c)].name, curve.phase.size(),
                                              curve.flux.size(), level));
    }
    const double factor = scatter_factor(c, observable_magnitude(apparent, c), median(curve.sigma), random);
    for (std::size_t i = 0; i < curve.flux.size(); ++i) {
      if (!std::isfinite(curve.flux[i])) {
        throw std::invalid_argument(fmt::format("observe: channel {} has the model flux {} at phase {}",
                                                kChannels[static_cast<std::size_t>(c)].name, curve.flux[i],
                                                curve.phase[i]));
      }
      curve.flux[i] = curve.flux[i] / level + factor * curve.sigma[i] * random.normal();
    }
  }

  const CatalogueEntries entries = choose_catalogues(apparent, channels, random);
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    out.sed_flux_jy[k] = out.sed_sigma_jy[k] = kMissing;
    const double magnitude = apparent.magnitude[k];
    if (!entries.band[k] || !(sed_jy[k] > 0.0) || !std::isfinite(sed_jy[k])) continue;
    const double floor = kPassbands[k].relative_error_floor;
    double relative = sed_[k].value.empty() ? kDefaultRelativeError : exp10(sed_[k].at(magnitude, random.uniform()));
    relative = std::max(relative, floor) * exp10(dequantisation_dex(static_cast<int>(k)) * random.normal());
    relative = std::max(std::clamp(relative, kSmallestRelativeError, kLargestRelativeError), floor);
    if (relative > kWorstDetection) continue;
    out.sed_sigma_jy[k] = relative * sed_jy[k];
    out.sed_flux_jy[k] = sed_jy[k] + out.sed_sigma_jy[k] * random.normal();
  }

  out.parallax_mas = out.parallax_sigma_mas = kMissing;
  if (entries.parallax) {
    const double g = apparent.magnitude[kGaiaG];
    // Gaia DR3 as pygaia has it, with the scatter of real sources about it.
    const double z = exp10(0.4 * (std::max(g, 13.0) - 15.0));
    const double typical_mas = 1e-3 * std::sqrt(40.0 + 800.0 * z + 30.0 * z * z);
    out.parallax_sigma_mas = typical_mas * exp10(parallax_.at(g, random.uniform()));
    out.parallax_mas = 1000.0 / system.distance_pc + out.parallax_sigma_mas * random.normal();
  }
}

}  // namespace penumbra
