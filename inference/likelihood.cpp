#include "inference/likelihood.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "kernels/device.h"
#include "kernels/likelihood.h"

namespace penumbra {

ExactPosterior::ExactPosterior(const Simulator& simulator, const Observation& observation, int threads,
                               const std::string& device)
    : simulator_(simulator), data_(observation), period_day_(observation.period_day), threads_(threads) {
  const SimulatorView view = simulator.view();
  if (device == "cuda" && !view.options.resolution.heat_maps && cuda_device_available())
    on_device_ = std::make_unique<DeviceLikelihood>(view, data_);
}

ExactPosterior::~ExactPosterior() = default;

double ExactPosterior::log_likelihood(const Theta& theta) const {
  thread_local Observation prediction;
  thread_local std::vector<double> model;
  Apparent apparent;
  if (simulator_.predict(theta, data_.data(), prediction, &apparent) != Status::kOk) return -INFINITY;
  model.clear();
  for (const LightCurve& curve : prediction.light_curves)
    model.insert(model.end(), curve.flux.begin(), curve.flux.end());
  return penumbra::log_likelihood(HostLanes{}, data_.view(), simulator_.tables().surveys.view(), model.data(),
                                  prediction.sed_flux_jy.data(), apparent, 1000.0 / prediction.parallax_mas);
}

void ExactPosterior::log_likelihood(std::span<const Theta> theta, std::span<double> out) const {
  if (!on_device_) {
    parallel_for(theta.size(), threads_, [&](std::uint64_t s) { out[s] = log_likelihood(theta[s]); });
  } else {
    on_device_->evaluate(theta, out);
    throw_if_interrupted();
  }
}

double ExactPosterior::log_prior(const Latent& z, const Theta& theta) const {
  const double sum = log_unit_normal(z) + simulator_.prior().log_barrier(theta);
  return std::isnan(period_day_) ? sum : sum + simulator_.prior().log_period_density(theta);
}

PosteriorPoint ExactPosterior::evaluate(const Latent& z) const {
  PosteriorPoint out;
  evaluate({&z, 1}, {&out, 1});
  return out;
}

void ExactPosterior::evaluate(std::span<const Latent> z, std::span<PosteriorPoint> out) const {
  parallel_for(z.size(), threads_, [&](std::uint64_t s) {
    out[s] = {};
    if (simulator_.prior().theta_from_latent(z[s], period_day_, out[s].theta) == Status::kOk)
      out[s].log_prior = log_prior(z[s], out[s].theta);
  });
  std::vector<std::size_t> inside;
  std::vector<Theta> theta;
  for (std::size_t s = 0; s < out.size(); ++s) {
    if (out[s].log_prior == -INFINITY) continue;
    inside.push_back(s);
    theta.push_back(out[s].theta);
  }
  std::vector<double> value(inside.size());
  log_likelihood(theta, value);
  for (std::size_t i = 0; i < inside.size(); ++i) out[inside[i]].log_likelihood = value[i];
}

}  // namespace penumbra
