#include "sim/likelihood.h"

namespace penumbra {
namespace {

LightCurve valid_points(const LightCurve& curve) {
  LightCurve out;
  out.exposure_day = curve.exposure_day;
  for (std::size_t t = 0; t < curve.phase.size(); ++t) {
    if (!(curve.sigma[t] > 0.0) || !std::isfinite(curve.sigma[t])) continue;
    if (!std::isfinite(curve.flux[t]) || !std::isfinite(curve.phase[t])) continue;
    out.phase.push_back(curve.phase[t]);
    out.flux.push_back(curve.flux[t]);
    out.sigma.push_back(curve.sigma[t]);
  }
  return out;
}

// The mean of the two middle ones for an even count.
double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

bool is_measured(double value, double sigma) { return std::isfinite(value) && std::isfinite(sigma) && sigma > 0.0; }

}  // namespace

Observed::Observed(const Observation& observation) : data_(observation) {
  for (int c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = data_.light_curves[static_cast<std::size_t>(c)];
    curve = valid_points(curve);
    if (curve.empty()) continue;
    double log_sigma_sum = 0.0;
    for (const double sigma : curve.sigma) log_sigma_sum += std::log(sigma);
    view_.curve[view_.curve_count++] = {c, static_cast<int>(phase_.size()), static_cast<int>(curve.phase.size()),
                                        log_sigma_sum, median_of(curve.sigma)};
    phase_.insert(phase_.end(), curve.phase.begin(), curve.phase.end());
    flux_.insert(flux_.end(), curve.flux.begin(), curve.flux.end());
    sigma_.insert(sigma_.end(), curve.sigma.begin(), curve.sigma.end());
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (!is_measured(data_.sed_flux_jy[k], data_.sed_sigma_jy[k])) continue;
    view_.sed_flux_jy[k] = data_.sed_flux_jy[k];
    view_.sed_sigma_jy[k] = data_.sed_sigma_jy[k];
  }
  if (is_measured(data_.parallax_mas, data_.parallax_sigma_mas)) {
    view_.parallax_mas = data_.parallax_mas;
    view_.parallax_sigma_mas = data_.parallax_sigma_mas;
  }
}

ObservedView Observed::view() const {
  ObservedView view = view_;
  view.flux = flux_.data();
  view.sigma = sigma_.data();
  return view;
}

}  // namespace penumbra
