#include "inference/predictions.h"

#include "base/interrupt.h"
#include "inference/best_fit.h"

namespace penumbra {
namespace {

void remove_sample(PosteriorSamples& samples, std::size_t s) {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < samples.theta.size(); ++i) {
    if (i != s) others.push_back(i);
  }
  samples = samples.at(others);
}

}  // namespace

Predictions predict(const Simulator& simulator, const Observation& observation, PosteriorSamples& samples,
                    std::size_t wanted) {
  Predictions out;
  Observation clean;
  while (out.draws < wanted && out.draws < samples.theta.size()) {
    throw_if_interrupted();
    if (simulator.predict(samples.theta[out.draws], observation, clean) != Status::kOk) {
      remove_sample(samples, out.draws);
      continue;
    }
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const LightCurve& data = observation.light_curves[c];
      std::vector<double>& flux = clean.light_curves[c].flux;
      if (data.empty()) continue;
      const double scale = fit_scale(data, flux.data()).scale;  // the light curve's level carries no information
      for (double& f : flux) out.flux[c].push_back(f * scale);
    }
    out.sed_jy.insert(out.sed_jy.end(), clean.sed_flux_jy.begin(), clean.sed_flux_jy.end());
    ++out.draws;
  }
  return out;
}

}  // namespace penumbra
