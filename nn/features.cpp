#include "nn/features.h"

#include <algorithm>
#include <cmath>

#include "sim/parameters.h"

namespace penumbra {
namespace {

constexpr double kCoarseFlux = 0.1, kFineFlux = 0.004;
constexpr double kDefaultRelativeError = 0.05;  // the paper, section 2.3
constexpr double kLimit = 10.0;
constexpr double kAbsurd = 1e9;  // relative fluxes and errors beyond are no measurements; keeps the sums finite

float bounded(double x) { return static_cast<float>(std::clamp(x, -kLimit, kLimit)); }

// Middle value; the mean of the two middle ones for an even count. Reorders the values.
double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.size() % 2 == 1 ? *middle : 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

double scaled_log_error(double sigma) { return (std::log10(sigma) + 3.0) / 1.5; }

bool is_measurement(const LightCurve& curve, std::size_t i) {
  return curve.sigma[i] > 0.0 && curve.sigma[i] < kAbsurd && std::abs(curve.flux[i]) < kAbsurd &&
         std::isfinite(curve.phase[i]);
}

double inverse_variance(const LightCurve& curve, std::size_t i) {
  const double sigma = std::max(curve.sigma[i], 1.0 / kAbsurd);
  return 1.0 / (sigma * sigma);
}

// bins: [kBinChannels][phase_bins] of one channel, summary: [kCurveSummaries]; both zeroed.
void pack_curve(const LightCurve& curve, double period_day, int phase_bins, float* bins, float* summary) {
  thread_local std::vector<double> weight, flux, scratch;
  const auto n = static_cast<std::size_t>(phase_bins);
  weight.assign(n, 0.0);
  flux.assign(n, 0.0);
  for (std::size_t i = 0; i < curve.phase.size(); ++i) {
    if (!is_measurement(curve, i)) continue;
    const double w = inverse_variance(curve, i);
    const double phase = curve.phase[i] - std::floor(curve.phase[i]);
    const std::size_t b = std::min(static_cast<std::size_t>(phase * phase_bins), n - 1);
    weight[b] += w;
    flux[b] += w * curve.flux[i];
  }

  scratch.clear();
  for (std::size_t b = 0; b < n; ++b) {
    if (weight[b] == 0.0) continue;
    flux[b] /= weight[b];
    scratch.push_back(flux[b]);
  }
  if (scratch.empty()) return;
  const double level = median(scratch);
  if (!(level > 0.0) || !std::isfinite(level)) return;

  scratch.clear();
  double depth = 0.0;
  for (std::size_t b = 0; b < n; ++b) {
    if (weight[b] == 0.0) continue;
    const double deviation = flux[b] / level - 1.0;
    const double sigma = 1.0 / (std::sqrt(weight[b]) * level);
    bins[b] = bounded(std::asinh(deviation / kCoarseFlux));
    bins[n + b] = bounded(0.5 * std::asinh(deviation / std::hypot(kFineFlux, sigma)));
    bins[2 * n + b] = bounded(scaled_log_error(sigma));
    bins[3 * n + b] = 1.0f;
    depth = std::max(depth, -deviation - 2.0 * sigma);
    scratch.push_back(sigma);
  }
  summary[0] = 1.0f;
  summary[1] = static_cast<float>(static_cast<double>(scratch.size()) / phase_bins);
  summary[2] = bounded(scaled_log_error(median(scratch)));
  const double exposure = curve.exposure_day / period_day;
  summary[3] = exposure >= 0.0 ? bounded((std::log10(exposure + 1e-5) + 2.5) / 1.5) : 0.0f;  // 0 also without a period
  summary[4] = bounded(depth);
}

// points: [kPointChannels][length] of one channel, zeroed. More points than fit are averaged in groups of neighbours.
void pack_points(const LightCurve& curve, int length, float* points) {
  thread_local std::vector<std::size_t> good;
  thread_local std::vector<double> scratch;
  good.clear();
  scratch.clear();
  for (std::size_t i = 0; i < curve.phase.size(); ++i) {
    if (!is_measurement(curve, i)) continue;
    good.push_back(i);
    scratch.push_back(curve.flux[i]);
  }
  if (good.empty()) return;
  const double level = median(scratch);
  if (!(level > 0.0)) return;
  const auto n = static_cast<std::size_t>(length);
  const std::size_t kept = std::min(good.size(), n);
  for (std::size_t k = 0; k < kept; ++k) {
    double weight = 0.0, flux = 0.0, phase = 0.0;
    for (std::size_t i = k * good.size() / kept; i < (k + 1) * good.size() / kept; ++i) {
      const double w = inverse_variance(curve, good[i]);
      weight += w;
      flux += w * curve.flux[good[i]];
      phase += w * (curve.phase[good[i]] - std::floor(curve.phase[good[i]]));
    }
    points[k] = static_cast<float>(2.0 * phase / weight - 1.0);
    points[n + k] = bounded(std::asinh((flux / weight / level - 1.0) / kCoarseFlux));
    points[2 * n + k] = bounded(scaled_log_error(1.0 / (std::sqrt(weight) * level)));
    points[3 * n + k] = 1.0f;
  }
}

double scaled_level(double log_flux) { return 0.5 * (log_flux + 1.0); }

// sed: [kSedChannels][kSedBandCount], zeroed. absolute: fluxes are not divided by the level. Returns the scaled level.
float pack_sed(const Observation& observation, bool absolute, float* sed) {
  std::array<double, kSedBandCount> log_flux;
  thread_local std::vector<double> present;
  present.clear();
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const double flux = observation.sed_flux_jy[k];
    const double quoted = observation.sed_sigma_jy[k];
    const double sigma = quoted > 0.0 && std::isfinite(quoted) ? quoted : kDefaultRelativeError * flux;
    const double seen = std::max(flux, 0.1 * sigma);
    log_flux[k] = std::isfinite(flux) && seen > 0.0 ? std::log10(seen) : kMissing;
    if (!std::isfinite(log_flux[k])) continue;
    present.push_back(log_flux[k]);
    sed[kSedBandCount + k] = bounded(std::log10(sigma / seen) + 2.0);
    sed[2 * kSedBandCount + k] = 1.0f;
  }
  if (present.empty()) return 0.0f;
  const double level = median(present);
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (std::isfinite(log_flux[k])) sed[k] = bounded(absolute ? scaled_level(log_flux[k]) : log_flux[k] - level);
  }
  return bounded(scaled_level(level));
}

}  // namespace

FeatureLayout FeatureLayout::of(const Preset& preset) {
  if (preset.kind != "points") return {.phase_bins = static_cast<int>(preset.network.phase_bins)};
  return {.points = static_cast<int>(preset.points.points), .channels = static_cast<int>(preset.points.channels)};
}

void pack_features(const Observation& observation, const FeatureLayout& layout, FeatureRow row) {
  std::fill_n(row.curves, layout.curve_size(), 0.0f);
  std::fill_n(row.sed, FeatureLayout::sed_size(), 0.0f);
  std::fill_n(row.meta, layout.meta_size(), 0.0f);
  if (row.summaries != nullptr) std::fill_n(row.summaries, FeatureLayout::summary_size(), 0.0f);

  const std::size_t channel_size =
      std::size_t{FeatureLayout::kBinChannels} * static_cast<std::size_t>(layout.curve_length());
  for (std::size_t c = 0; c < static_cast<std::size_t>(layout.channels); ++c) {
    if (layout.points > 0) {
      pack_points(observation.light_curves[c], layout.points, row.curves + c * channel_size);
      continue;
    }
    pack_curve(observation.light_curves[c], observation.period_day, layout.phase_bins, row.curves + c * channel_size,
               row.summaries + c * FeatureLayout::kCurveSummaries);
  }
  const float level = pack_sed(observation, layout.points > 0, row.sed);

  if (observation.period_day > 0.0 && std::isfinite(observation.period_day)) {
    row.meta[0] = bounded(std::log10(observation.period_day));
    if (layout.points == 0) row.meta[4] = 1.0f;
  }
  if (layout.points == 0) row.meta[5] = level;
  const double parallax_sigma = observation.parallax_sigma_mas;
  if (observation.has_parallax() && parallax_sigma > 0.0 && std::isfinite(parallax_sigma)) {
    row.meta[1] = bounded(std::asinh(observation.parallax_mas / 0.2) / 3.0);
    row.meta[2] = bounded(std::log10(parallax_sigma) + 1.5);
    row.meta[3] = 1.0f;
  }
}

DataLayout FeatureLayout::data_layout() const {
  DataLayout layout{.inputs = {{"curves", {channels * kBinChannels, curve_length()}}}, .parameters = {}};
  if (points == 0) layout.inputs.push_back({"summaries", {static_cast<std::int64_t>(summary_size())}});
  layout.inputs.push_back({"sed", {static_cast<std::int64_t>(sed_size())}});
  layout.inputs.push_back({"meta", {static_cast<std::int64_t>(meta_size())}});
  for (const ParameterInfo& parameter : kParameters) layout.parameters.emplace_back(parameter.name);
  return layout;
}

FeatureRow feature_row(const SystemRows& rows, int b) {
  const bool points = rows.inputs.size() == 3;
  return {rows.input(0, b), points ? nullptr : rows.input(1, b), rows.input(points ? 1 : 2, b),
          rows.input(points ? 2 : 3, b)};
}

void drop_at_random(double share, RandomStream& random, Observation& observation) {
  for (LightCurve& curve : observation.light_curves) {
    if (random.uniform() < share) curve.clear();
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (random.uniform() < share) observation.sed_flux_jy[k] = observation.sed_sigma_jy[k] = kMissing;
  }
  if (random.uniform() < share) observation.parallax_mas = observation.parallax_sigma_mas = kMissing;
}

void FeatureBatch::resize(int batch, const FeatureLayout& layout_) {
  size = batch;
  layout = layout_;
  data_layout_ = layout.data_layout();
  const auto b = static_cast<std::size_t>(batch);
  curves.resize(b * layout.curve_size());
  summaries.resize(layout.points > 0 ? 0 : b * FeatureLayout::summary_size());
  sed.resize(b * FeatureLayout::sed_size());
  meta.resize(b * layout.meta_size());
  z.resize(b * kParameterCount);
}

FeatureRow FeatureBatch::row(int b) { return feature_row(rows(), b); }

SystemRows FeatureBatch::rows() {
  SystemRows rows{&data_layout_, {curves.data()}, z.data()};
  if (layout.points == 0) rows.inputs.push_back(summaries.data());
  rows.inputs.insert(rows.inputs.end(), {sed.data(), meta.data()});
  return rows;
}

FeatureBatch::operator SystemView() const {
  SystemView view{&data_layout_, size, {curves.data()}, z.data()};
  if (layout.points == 0) view.inputs.push_back(summaries.data());
  view.inputs.insert(view.inputs.end(), {sed.data(), meta.data()});
  return view;
}

}  // namespace penumbra
