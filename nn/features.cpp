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

// bins: [kBinChannels][phase_bins] of one channel, summary: [kCurveSummaries]; both zeroed.
void pack_curve(const LightCurve& curve, double period_day, int phase_bins, float* bins, float* summary) {
  thread_local std::vector<double> weight, flux, scratch;
  const auto n = static_cast<std::size_t>(phase_bins);
  weight.assign(n, 0.0);
  flux.assign(n, 0.0);
  for (std::size_t i = 0; i < curve.phase.size(); ++i) {
    if (!(curve.sigma[i] > 0.0) || !(curve.sigma[i] < kAbsurd)) continue;
    if (!(std::abs(curve.flux[i]) < kAbsurd) || !std::isfinite(curve.phase[i])) continue;
    const double sigma = std::max(curve.sigma[i], 1.0 / kAbsurd);
    const double w = 1.0 / (sigma * sigma);
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

// sed: [kSedChannels][kSedBandCount], zeroed. Returns the scaled level.
float pack_sed(const Observation& observation, float* sed) {
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
    if (std::isfinite(log_flux[k])) sed[k] = bounded(log_flux[k] - level);
  }
  return bounded(0.5 * (level + 1.0));
}

}  // namespace

void pack_features(const Observation& observation, const FeatureLayout& layout, FeatureRow row) {
  std::fill_n(row.curves, layout.curve_size(), 0.0f);
  std::fill_n(row.summaries, FeatureLayout::summary_size(), 0.0f);
  std::fill_n(row.sed, FeatureLayout::sed_size(), 0.0f);
  std::fill_n(row.meta, FeatureLayout::kMeta, 0.0f);

  const std::size_t channel_size = static_cast<std::size_t>(FeatureLayout::kBinChannels * layout.phase_bins);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    pack_curve(observation.light_curves[c], observation.period_day, layout.phase_bins, row.curves + c * channel_size,
               row.summaries + c * FeatureLayout::kCurveSummaries);
  }
  row.meta[5] = pack_sed(observation, row.sed);

  if (observation.period_day > 0.0 && std::isfinite(observation.period_day)) {
    row.meta[0] = bounded(std::log10(observation.period_day));
    row.meta[4] = 1.0f;
  }
  const double parallax_sigma = observation.parallax_sigma_mas;
  if (observation.has_parallax() && parallax_sigma > 0.0 && std::isfinite(parallax_sigma)) {
    row.meta[1] = bounded(std::asinh(observation.parallax_mas / 0.2) / 3.0);
    row.meta[2] = bounded(std::log10(parallax_sigma) + 1.5);
    row.meta[3] = 1.0f;
  }
}

DataLayout FeatureLayout::data_layout() const {
  DataLayout layout{.inputs = {{"curves", {kChannelCount * kBinChannels, phase_bins}},
                               {"summaries", {static_cast<std::int64_t>(summary_size())}},
                               {"sed", {static_cast<std::int64_t>(sed_size())}},
                               {"meta", {kMeta}}},
                    .parameters = {}};
  for (const ParameterInfo& parameter : kParameters) layout.parameters.emplace_back(parameter.name);
  return layout;
}

FeatureRow feature_row(const SystemRows& rows, int b) {
  return {rows.input(0, b), rows.input(1, b), rows.input(2, b), rows.input(3, b)};
}

void pack_target(const Latent& z, const Observation& observation, RandomStream& random, float* target) {
  for (std::size_t p = 0; p < z.size(); ++p) target[p] = static_cast<float>(z[p]);
  if (std::isfinite(observation.period_day)) target[kRsumFrac] = static_cast<float>(random.normal());
}

void FeatureBatch::resize(int batch, const FeatureLayout& layout_) {
  size = batch;
  layout = layout_;
  data_layout_ = layout.data_layout();
  const auto b = static_cast<std::size_t>(batch);
  curves.resize(b * layout.curve_size());
  summaries.resize(b * FeatureLayout::summary_size());
  sed.resize(b * FeatureLayout::sed_size());
  meta.resize(b * FeatureLayout::kMeta);
  z.resize(b * kParameterCount);
}

FeatureRow FeatureBatch::row(int b) { return feature_row(rows(), b); }

SystemRows FeatureBatch::rows() {
  return {&data_layout_, {curves.data(), summaries.data(), sed.data(), meta.data()}, z.data()};
}

FeatureBatch::operator SystemView() const {
  return {&data_layout_, size, {curves.data(), summaries.data(), sed.data(), meta.data()}, z.data()};
}

}  // namespace penumbra
