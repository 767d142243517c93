#include "sim/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <stdexcept>
#include <utility>

#include "sim/availability.h"
#include "sim/space_mission.h"

namespace penumbra {
namespace {

constexpr std::array<double, kTessChannel> kGroundExposureSeconds{90.0, 90.0, 30.0, 30.0};
constexpr int kNightTries = 20;  // to find one that is not taken: surveys come back the next night, not the same
constexpr double kTessErrorSpread = 0.024;     // of the quoted errors of a sector: 90% over 10% is 1.07 in 21 real ones
constexpr double kWorstDetection = 1.0 / 3.0;  // catalogues do not list what is fainter than 3 sigma

// De-quantisation, the paper's equation 1: catalogues that round coarsely get the wider one (as its code has it).
constexpr double dequantisation_dex(int band) {
  return band == kWiseW1 || band == k2massJ || band == k2massH || band == k2massKs || band == kJohnsonB ||
                 band == kJohnsonV
             ? 0.01
             : 0.005;
}
constexpr double kDefaultRelativeError = 0.05;
constexpr double kTessScatterBlur = 0.05;  // dex

double exp10(double x) { return std::exp(x * 2.302585092994045684); }

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

double quantile(std::span<const double> nodes, double probability) {
  return quantile_at(nodes.data(), nodes.size(), probability);
}

std::span<const double> row(const std::vector<double>& values, int entry, std::size_t nodes) {
  return {values.data() + static_cast<std::size_t>(entry) * nodes, nodes};
}

// Number of a night. Where two nodes are much further apart than most, the survey did not see the star: the nights
// between them lie next to either end.
int draw_night(std::span<const double> nodes, double usual_step, double probability) {
  constexpr double kRest = 4.0;  // usual steps
  const double position = probability * static_cast<double>(nodes.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(position), nodes.size() - 2);
  const double f = position - static_cast<double>(i), step = nodes[i + 1] - nodes[i];
  double night = nodes[i] + f * step;
  if (step > kRest * usual_step) night = f < 0.5 ? nodes[i] + f * usual_step : nodes[i + 1] - (1.0 - f) * usual_step;
  return static_cast<int>(std::max(0.0, night));
}

// From the ground the scatter is regressed on how small the quoted errors are for the star's magnitude: log10 of the
// factor without what is left over.
double typical_scatter(const GroundBank& survey, double magnitude, double median_sigma) {
  const double excess = std::clamp(std::log10(median_sigma) - survey.log_noise(magnitude), -1.0, 0.5);
  return survey.scatter[0] + survey.scatter[1] * excess;
}

}  // namespace

Surveys::Surveys(SurveyBank bank) : bank_(std::move(bank)) {
  tess_scatter_ = moments(bank_.tess.log_scatter, kTessScatterBlur);
  for (std::size_t c = 0; c < ground_rest_.size(); ++c) ground_rest_[c] = moments(bank_.ground[c].scatter_rest, 0.0);
  for (std::size_t k = 0; k < kSedBandCount; ++k) listed_[k] = bank_.sed[k].listed;
}

// One entry of the bank, likely one of similar magnitude and, as in the paper, in proportion to its number of points.
// New nights, times of night and errors are then drawn from that star's quantiles, so day and year alias as they do
// for real, while no real epoch returns.
void Surveys::schedule_ground(int channel, double magnitude, double period_day, RandomStream& random,
                              LightCurve& out) const {
  const GroundBank& survey = bank_.ground[static_cast<std::size_t>(channel)];
  const auto weight = [&](int e) {
    const auto i = static_cast<std::size_t>(e);
    const double distance = survey.magnitude[i] - magnitude;
    return survey.points[i] * (std::exp(-0.5 * distance * distance) + 1e-9);
  };
  double total = 0.0;
  for (int e = 0; e < survey.entry_count(); ++e) total += weight(e);
  double left = random.uniform() * total;
  int entry = 0;
  for (; entry < survey.entry_count() - 1; ++entry) {
    left -= weight(entry);
    if (left < 0.0) break;
  }

  const auto i = static_cast<std::size_t>(entry);
  const auto n = static_cast<std::size_t>(
      std::clamp(std::round(survey.points[i] * (0.9 + 0.2 * random.uniform())), 1.0, static_cast<double>(kMaxEpochs)));
  // The longest night, when a survey perhaps stayed on the star, comes once a light curve; the others as often as they
  // do.
  const std::span<const double> sizes = row(survey.night_size, entry, kSizeNodes);
  const double usual_size = std::accumulate(sizes.begin(), sizes.end() - 1, 0.0) / (kSizeNodes - 1);
  const auto draw_size = [&] {
    if (random.uniform() * survey.points[i] < usual_size) return static_cast<int>(std::round(sizes.back()));
    return static_cast<int>(std::round(std::min(quantile(sizes, random.uniform()), sizes[kSizeNodes - 2])));
  };
  const std::span<const double> nights = row(survey.night, entry, kNightNodes);
  thread_local std::vector<double> steps;
  steps.clear();
  for (std::size_t k = 1; k < nights.size(); ++k) steps.push_back(nights[k] - nights[k - 1]);
  const double usual_step = std::max(1.0, median(steps));
  thread_local std::vector<char> taken;
  taken.assign(static_cast<std::size_t>(nights.back()) + 1, 0);
  const double epoch = random.uniform() * period_day;
  out.phase.clear();
  while (out.phase.size() < n) {
    int night = draw_night(nights, usual_step, random.uniform());
    for (int k = 0; k < kNightTries && taken[static_cast<std::size_t>(night)] != 0; ++k)
      night = draw_night(nights, usual_step, random.uniform());
    taken[static_cast<std::size_t>(night)] = 1;
    double time = night + quantile(row(survey.hour, entry, kHourNodes), random.uniform());
    const int size = draw_size();
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
  const BlockSchedule blocks = draw_tess_schedule(quantile(bank_.tess.coverage, random.uniform()), random);
  const double excess = quantile(bank_.tess.log_excess, random.uniform()) + 0.15 * random.normal();
  observe_blocks(blocks, period_day, tess_noise(magnitude, blocks.exposure_day) * exp10(excess), random, out);
  const double spread = -kTessErrorSpread * std::log(random.uniform());
  for (double& sigma : out.sigma) sigma *= std::exp(spread * random.normal());
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
  const auto c = static_cast<std::size_t>(channel);
  return {typical_scatter(bank_.ground[c], magnitude, median_sigma) + ground_rest_[c].mean, ground_rest_[c].sigma};
}

double Surveys::scatter_factor(int channel, double magnitude, double median_sigma, RandomStream& random) const {
  constexpr double kLargest = 10.0, kSmallest = 0.3;
  double log_factor;
  if (channel == kTessChannel) {
    log_factor = quantile(bank_.tess.log_scatter, random.uniform()) + kTessScatterBlur * random.normal();
  } else if (channel == kKeplerChannel) {
    const ScatterLaw law = scatter_law(channel, magnitude, median_sigma);
    log_factor = law.mean + law.sigma * random.normal();
  } else {
    const GroundBank& survey = bank_.ground[static_cast<std::size_t>(channel)];
    log_factor = typical_scatter(survey, magnitude, median_sigma) + quantile(survey.scatter_rest, random.uniform());
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

  const CatalogueEntries entries = choose_catalogues(apparent, channels, listed_, random);
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    out.sed_flux_jy[k] = out.sed_sigma_jy[k] = kMissing;
    const double magnitude = apparent.magnitude[k];
    if (!entries.band[k] || !(sed_jy[k] > 0.0) || !std::isfinite(sed_jy[k])) continue;
    const double floor = kPassbands[k].relative_error_floor;
    const ErrorTable& errors = bank_.sed[k].log_error;
    double relative = errors.value.empty() ? kDefaultRelativeError : exp10(errors.at(magnitude, random.uniform()));
    relative = std::max(relative, floor) * exp10(dequantisation_dex(static_cast<int>(k)) * random.normal());
    relative = std::max(std::clamp(relative, kSmallestRelativeError, kLargestRelativeError), floor);
    if (relative > kWorstDetection) continue;
    out.sed_sigma_jy[k] = relative * sed_jy[k];
    out.sed_flux_jy[k] = sed_jy[k] + out.sed_sigma_jy[k] * random.normal();
  }

  out.parallax_mas = out.parallax_sigma_mas = kMissing;
  const double colour = apparent.magnitude[kGaiaBp] - apparent.magnitude[kGaiaRp];
  if (entries.parallax && std::isfinite(colour)) {
    out.parallax_sigma_mas = bank_.parallax.error_mas(apparent.magnitude[kGaiaG], colour, random.uniform());
    out.parallax_mas = 1000.0 / system.distance_pc + out.parallax_sigma_mas * random.normal();
  }
}

}  // namespace penumbra
