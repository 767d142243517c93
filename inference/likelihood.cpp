#include "inference/likelihood.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "inference/quantile.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr double kLn10 = 2.30258509299404568402;

double log_normal(double residual, double sigma) {
  const double pull = residual / sigma;
  return -0.5 * pull * pull - std::log(sigma) - 0.5 * std::log(kTwoPi);
}

// Points with a finite flux and phase and a positive error.
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

}  // namespace

// With x = ln f, the level integrated: ln of
//   (2 pi)^(-(n-1)/2) prod(1 / sigma) weight^(-1/2)  integral dx N(x; mu, s) exp(-(n - 1) x - chi^2 / 2 exp(-2 x)).
// The integrand's logarithm is concave, so Newton's method for its maximum from the left converges without overshoot,
// and the trapezoid rule on a smooth peak converges faster than any power of the step.
double log_curve_likelihood(const ScaledFit& fit, std::size_t points, double log_sigma_sum, const ScatterLaw& law) {
  constexpr int kHalfNodes = 16;
  constexpr double kStep = 0.5;  // of the peak's width
  const double freedom = static_cast<double>(points) - 1.0, mu = law.mean * kLn10, s = law.sigma * kLn10;
  const auto log_integrand = [&](double x) {
    const double t = (x - mu) / s;
    return -freedom * x - 0.5 * fit.chi2 * std::exp(-2.0 * x) - 0.5 * t * t;
  };
  double peak = fit.chi2 > 0.0 && freedom > 0.0 ? std::min(mu, 0.5 * std::log(fit.chi2 / freedom)) : mu;
  double curvature = 0.0;
  for (int step = 0; step < 100; ++step) {
    const double scatter = fit.chi2 * std::exp(-2.0 * peak);
    curvature = 2.0 * scatter + 1.0 / (s * s);
    const double move = (scatter - freedom - (peak - mu) / (s * s)) / curvature;
    peak += move;
    if (std::abs(move) * std::sqrt(curvature) < 1e-3) break;
  }
  const double width = kStep / std::sqrt(curvature), top = log_integrand(peak);
  double sum = 0.0;
  for (int j = -kHalfNodes; j <= kHalfNodes; ++j) sum += std::exp(log_integrand(peak + j * width) - top);
  return top + std::log(sum * width / s) - 0.5 * std::log(kTwoPi) - 0.5 * freedom * std::log(kTwoPi) - log_sigma_sum -
         0.5 * std::log(fit.weight);
}

ExactPosterior::ExactPosterior(const Simulator& simulator, const Observation& observation, int threads)
    : simulator_(simulator), observation_(observation), threads_(threads) {
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = observation_.light_curves[c];
    curve = valid_points(curve);
    if (curve.empty()) continue;
    std::vector<double> sigma = curve.sigma;
    std::sort(sigma.begin(), sigma.end());
    median_sigma_[c] = quantile(sigma, 0.5);
    for (const double value : sigma) log_sigma_sum_[c] += std::log(value);
  }
}

double ExactPosterior::log_likelihood(const Theta& theta) const {
  thread_local Observation model;
  Apparent apparent;
  if (simulator_.predict(theta, observation_, model, &apparent) != Status::kOk) return -INFINITY;
  double sum = 0.0;
  for (int c = 0; c < kChannelCount; ++c) {
    const auto i = static_cast<std::size_t>(c);
    const LightCurve& data = observation_.light_curves[i];
    if (data.empty()) continue;
    const ScatterLaw law =
        simulator_.tables().surveys.scatter_law(c, observable_magnitude(apparent, c), median_sigma_[i]);
    sum += log_curve_likelihood(fit_scale(data, model.light_curves[i].flux.data()), data.phase.size(),
                                log_sigma_sum_[i], law);
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const double flux = observation_.sed_flux_jy[k], sigma = observation_.sed_sigma_jy[k];
    if (std::isfinite(flux) && std::isfinite(sigma) && sigma > 0.0)
      sum += log_normal(flux - model.sed_flux_jy[k], sigma);
  }
  if (observation_.has_parallax() && observation_.parallax_sigma_mas > 0.0)
    sum += log_normal(observation_.parallax_mas - model.parallax_mas, observation_.parallax_sigma_mas);
  return std::isfinite(sum) ? sum : -INFINITY;
}

double ExactPosterior::log_prior(const Latent& z, const Theta& theta) const {
  const double sum = log_unit_normal(z) + simulator_.prior().log_barrier(theta);
  return std::isnan(observation_.period_day) ? sum : sum + simulator_.prior().log_period_density(theta);
}

PosteriorPoint ExactPosterior::evaluate(const Latent& z) const {
  PosteriorPoint out;
  if (simulator_.prior().theta_from_latent(z, observation_.period_day, out.theta) != Status::kOk) return out;
  out.log_prior = log_prior(z, out.theta);
  out.log_likelihood = log_likelihood(out.theta);
  return out;
}

void ExactPosterior::evaluate(std::span<const Latent> z, std::span<PosteriorPoint> out) const {
  parallel_for(z.size(), threads_, [&](std::uint64_t s) { out[s] = evaluate(z[s]); });
}

}  // namespace penumbra
