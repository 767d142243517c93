#include "experiments/recovery/quality.h"

#include <algorithm>
#include <cmath>

#include "inference/quantile.h"

namespace penumbra {

Qualities measure_quality(const Simulator& simulator, const Simulation& simulation) {
  const Observation& observation = simulation.observation;
  Qualities q{};
  Observation clean;
  const bool rendered = simulator.predict(simulation.draw.theta, observation, clean) == Status::kOk;
  double squares = 0.0;
  for (std::size_t c = 0; c < observation.light_curves.size(); ++c) {
    const LightCurve& curve = observation.light_curves[c];
    if (curve.empty()) continue;
    q[kLightCurves] += 1.0;
    q[kPoints] += static_cast<double>(curve.phase.size());
    if (!rendered) continue;
    const std::vector<double>& flux = clean.light_curves[c].flux;
    double weights = 0.0, mean = 0.0;
    for (std::size_t t = 0; t < flux.size(); ++t) {
      const double weight = 1.0 / (curve.sigma[t] * curve.sigma[t]);
      weights += weight;
      mean += weight * flux[t];
    }
    mean /= weights;
    for (std::size_t t = 0; t < flux.size(); ++t) squares += std::pow((flux[t] - mean) / curve.sigma[t], 2);
    std::vector<double> sigma = curve.sigma;
    std::ranges::sort(sigma);
    const double depth = 1.0 - *std::ranges::min_element(flux);
    q[kDepthOverError] = std::max(q[kDepthOverError], depth / quantile(sigma, 0.5));
  }
  q[kSignalToNoise] = std::sqrt(squares);
  q[kSedPoints] = static_cast<double>(
      std::ranges::count_if(observation.sed_flux_jy, [](double flux) { return std::isfinite(flux); }));
  q[kParallax] = observation.has_parallax() ? 1.0 : 0.0;
  return q;
}

}  // namespace penumbra
