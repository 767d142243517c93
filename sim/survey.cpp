#include "sim/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <stdexcept>
#include <utility>

#include "sim/host_thread.h"

namespace penumbra {
namespace {

constexpr std::array<double, kTessChannel> kGroundExposureSeconds{90.0, 90.0, 30.0, 30.0};

// De-quantisation, the paper's equation 1: catalogues that round coarsely get the wider one (as its code has it).
constexpr double dequantisation_dex(int band) {
  return band == kWiseW1 || band == k2massJ || band == k2massH || band == k2massKs || band == kJohnsonB ||
                 band == kJohnsonV
             ? 0.01
             : 0.005;
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

// One host thread as the block of survey_view.h.
struct HostObserver : HostThread {
  // Phases are nearly uniform, so one pass into as many buckets as values leaves little to exchange.
  void sort(double* phase, int count) const {
    thread_local std::vector<int> start;
    thread_local std::vector<double> sorted;
    const auto n = static_cast<std::size_t>(count);
    start.assign(n + 1, 0);
    sorted.resize(n);
    const auto bucket = [n](double p) { return std::min(static_cast<std::size_t>(p * static_cast<double>(n)), n - 1); };
    for (std::size_t i = 0; i < n; ++i) ++start[bucket(phase[i]) + 1];
    for (std::size_t i = 0; i < n; ++i) start[i + 1] += start[i];
    for (std::size_t i = 0; i < n; ++i) sorted[static_cast<std::size_t>(start[bucket(phase[i])]++)] = phase[i];
    for (std::size_t i = 1; i < n; ++i) {
      const double value = sorted[i];
      std::size_t j = i;
      for (; j > 0 && sorted[j - 1] > value; --j) sorted[j] = sorted[j - 1];
      sorted[j] = value;
    }
    std::ranges::copy(sorted, phase);
  }

  double median(const double* values, int count) const {
    thread_local std::vector<double> scratch;
    scratch.assign(values, values + count);
    const auto middle = scratch.begin() + count / 2;
    std::nth_element(scratch.begin(), middle, scratch.end());
    return *middle;
  }
};

}  // namespace

Surveys::Surveys(SurveyBank bank) : bank_(std::move(bank)) {
  view_.scatter_rest[kTessChannel] = moments(bank_.tess.log_scatter, kTessScatterBlur);
  view_.scatter_rest[kKeplerChannel] = kKeplerScatter;
  double last_night = 0.0;
  for (std::size_t c = 0; c < kTessChannel; ++c) {
    const GroundBank& survey = bank_.ground[c];
    view_.scatter_rest[c] = moments(survey.scatter_rest, 0.0);
    for (std::size_t e = 0; e < survey.magnitude.size(); ++e) {
      // All nights but the longest; the median step, as a season's end is a step too.
      const auto size = survey.night_size.begin() + static_cast<std::ptrdiff_t>(e * kSizeNodes);
      usual_size_[c].push_back(std::accumulate(size, size + kSizeNodes - 1, 0.0) / (kSizeNodes - 1));
      const double* const night = survey.night.data() + e * kNightNodes;
      std::array<double, kNightNodes - 1> steps;
      for (std::size_t k = 0; k < steps.size(); ++k) steps[k] = night[k + 1] - night[k];
      std::ranges::nth_element(steps, steps.begin() + steps.size() / 2);
      usual_step_[c].push_back(std::max(1.0, steps[steps.size() / 2]));
      last_night = std::max(last_night, night[kNightNodes - 1]);
    }
    GroundView& view = view_.ground[c];
    view.entry_count = survey.entry_count();
    view.magnitude = survey.magnitude.data();
    view.points = survey.points.data();
    view.usual_size = usual_size_[c].data();
    view.usual_step = usual_step_[c].data();
    view.night = survey.night.data();
    view.hour = survey.hour.data();
    view.night_size = survey.night_size.data();
    view.log_gap = survey.log_gap.data();
    view.log_error = survey.log_error.data();
    view.scatter_rest = survey.scatter_rest.data();
    std::ranges::copy(survey.noise_curve, view.noise_curve);
    std::ranges::copy(survey.scatter, view.scatter);
    view.exposure_day = kGroundExposureSeconds[c] / kDaySeconds;
  }
  view_.night_words = static_cast<int>(last_night) / 32 + 1;
  view_.tess = {static_cast<int>(bank_.tess.coverage.size()), bank_.tess.log_excess.data(),
                bank_.tess.log_scatter.data(), bank_.tess.coverage.data()};
  std::array<double, kSedBandCount> listed;
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    listed[k] = bank_.sed[k].listed;
    view_.sed[k] = {bank_.sed[k].log_error.view(), kPassbands[k].relative_error_floor,
                    dequantisation_dex(static_cast<int>(k))};
  }
  view_.availability = availability_view(listed);
  for (const ErrorTable& table : bank_.parallax.log_excess) parallax_.push_back(table.view());
  view_.parallax = {static_cast<int>(parallax_.size()), bank_.parallax.colour_edge.data(), parallax_.data()};
}

void Surveys::schedule(const Apparent& apparent, double period_day, RandomStream& random, Observation& out) const {
  if (!(period_day > 0.0) || !std::isfinite(period_day)) {
    throw std::invalid_argument(fmt::format("schedule: period_day = {}; it must be positive and finite", period_day));
  }
  thread_local std::vector<double> phase(kMaxEpochs), sigma(kMaxEpochs);
  thread_local std::vector<std::uint32_t> taken;
  taken.resize(static_cast<std::size_t>(view_.night_words));
  HostObserver thread;
  out.period_day = period_day;
  const Flags chosen = choose_channels(view_.availability, apparent, random);
  ScheduleState state{random};
  for (int c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = out.light_curves[static_cast<std::size_t>(c)];
    curve.clear();
    if (!chosen[c]) continue;
    schedule_channel(thread, view_, c, apparent, period_day, state, taken.data(), phase.data(), sigma.data());
    curve.phase.assign(phase.begin(), phase.begin() + state.count);
    curve.sigma.assign(sigma.begin(), sigma.begin() + state.count);
    curve.exposure_day = state.exposure_day;
  }
  random = state.random;
}

void Surveys::observe(const System& system, const Apparent& apparent, const double* sed_jy, RandomStream& random,
                      Observation& out) const {
  HostObserver thread;
  NoiseState state{random};
  int channels = 0;
  for (int c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = out.light_curves[static_cast<std::size_t>(c)];
    if (curve.empty()) continue;
    ++channels;
    const int n = static_cast<int>(curve.phase.size());
    const double level = curve.flux.size() == curve.phase.size() ? thread.median(curve.flux.data(), n) : kMissing;
    if (!(level > 0.0) || !std::isfinite(level)) {
      throw std::invalid_argument(fmt::format("observe: channel {} has {} epochs, {} model fluxes of median {}",
                                              kChannels[static_cast<std::size_t>(c)].name, curve.phase.size(),
                                              curve.flux.size(), level));
    }
    for (std::size_t i = 0; i < curve.flux.size(); ++i) {
      if (std::isfinite(curve.flux[i])) continue;
      throw std::invalid_argument(fmt::format("observe: channel {} has the model flux {} at phase {}",
                                              kChannels[static_cast<std::size_t>(c)].name, curve.flux[i],
                                              curve.phase[i]));
    }
    add_noise(thread, view_, c, apparent, n, level, curve.sigma.data(), state, curve.flux.data());
  }
  observe_catalogues(view_, apparent, sed_jy, system.distance_pc, channels, state.random, out.sed_flux_jy.data(),
                     out.sed_sigma_jy.data(), out.parallax_mas, out.parallax_sigma_mas);
  random = state.random;
}

}  // namespace penumbra
