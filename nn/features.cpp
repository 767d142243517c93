#include "nn/features.h"

#include <algorithm>
#include <cmath>

#include "sim/host_thread.h"
#include "sim/parameters.h"

namespace penumbra {
namespace {

// One host thread as the block of feature_arrays.h.
struct HostPacker : HostThread {
  double middle(double* values, int count, int filled) const {
    double* const upper = values + filled / 2;
    std::nth_element(values, upper, values + count);
    return filled % 2 == 1 ? *upper : 0.5 * (*upper + *std::max_element(values, upper));
  }
};

// The measurements of a light curve, and memory for them.
struct CurveMemory {
  std::vector<double> phase, flux, sigma;

  MeasuredCurve measured(const LightCurve& curve, double period_day) {
    phase.clear();
    flux.clear();
    sigma.clear();
    for (std::size_t i = 0; i < curve.phase.size(); ++i) {
      if (!is_measurement(curve.phase[i], curve.flux[i], curve.sigma[i])) continue;
      phase.push_back(curve.phase[i]);
      flux.push_back(curve.flux[i]);
      sigma.push_back(curve.sigma[i]);
    }
    return {phase.data(), flux.data(), sigma.data(), static_cast<int>(phase.size()), curve.exposure_day / period_day};
  }
};

}  // namespace

FeatureLayout feature_layout(const Preset& preset) {
  if (preset.kind != "points") return {.phase_bins = static_cast<int>(preset.network.phase_bins)};
  return {.points = static_cast<int>(preset.points.points), .channels = static_cast<int>(preset.points.channels)};
}

void pack_features(const Observation& observation, const FeatureLayout& layout, FeatureRow row) {
  thread_local std::array<CurveMemory, kChannelCount> curves;
  thread_local std::vector<double> values, weight, flux;
  Measurements in;
  int most = std::max(layout.phase_bins, kSedBandCount + 0);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    in.curve[c] = curves[c].measured(observation.light_curves[c], observation.period_day);
    most = std::max(most, in.curve[c].count);
  }
  std::copy(observation.sed_flux_jy.begin(), observation.sed_flux_jy.end(), in.sed_flux_jy);
  std::copy(observation.sed_sigma_jy.begin(), observation.sed_sigma_jy.end(), in.sed_sigma_jy);
  in.period_day = observation.period_day;
  in.parallax_mas = observation.parallax_mas;
  in.parallax_sigma_mas = observation.parallax_sigma_mas;
  values.resize(static_cast<std::size_t>(most));
  weight.resize(static_cast<std::size_t>(layout.phase_bins));
  flux.resize(weight.size());
  FeatureMemory memory{values.data(), weight.data(), flux.data(), {}, {}, {}};
  HostPacker block;
  pack_row(block, in, layout, /*shares=*/1, memory, row);
}

DataLayout data_layout(const FeatureLayout& layout) {
  DataLayout data{.inputs = {{"curves", {layout.channels * FeatureLayout::kBinChannels, layout.curve_length()}}},
                  .parameters = {}};
  if (layout.points == 0) data.inputs.push_back({"summaries", {static_cast<std::int64_t>(layout.summary_size())}});
  data.inputs.push_back({"sed", {static_cast<std::int64_t>(layout.sed_size())}});
  data.inputs.push_back({"meta", {static_cast<std::int64_t>(layout.meta_size())}});
  for (const ParameterInfo& parameter : kParameters) data.parameters.emplace_back(parameter.name);
  return data;
}

FeatureRow feature_row(const SystemRows& rows, int b) {
  const bool points = rows.inputs.size() == 3;
  return {rows.input(0, b), points ? nullptr : rows.input(1, b), rows.input(points ? 1 : 2, b),
          rows.input(points ? 2 : 3, b)};
}

void drop_at_random(double share, RandomStream& random, Observation& observation) {
  const Dropped dropped = draw_dropped(share, random);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    if (dropped.curve[static_cast<int>(c)]) observation.light_curves[c].clear();
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (dropped.band[static_cast<int>(k)]) observation.sed_flux_jy[k] = observation.sed_sigma_jy[k] = kMissing;
  }
  if (dropped.parallax) observation.parallax_mas = observation.parallax_sigma_mas = kMissing;
}

void FeatureBatch::resize(int batch, const FeatureLayout& layout_) {
  size = batch;
  layout = layout_;
  data_layout_ = data_layout(layout);
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
