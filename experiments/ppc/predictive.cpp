#include "experiments/ppc/predictive.h"

#include <algorithm>
#include <cmath>

#include "inference/best_fit.h"
#include "inference/quantile.h"
#include "sim/orbit.h"

namespace penumbra {
namespace {

constexpr std::size_t kFewestPoints = 10;

double median(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return NAN;
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

// Counts draws whose replica is at least as far off; those of which either is NaN say nothing.
struct Tally {
  std::size_t draws = 0, as_far = 0;
  void add(double data, double replica) {
    if (std::isnan(data) || std::isnan(replica)) return;
    ++draws;
    as_far += replica >= data;
  }
  double p() const { return draws == 0 ? NAN : static_cast<double>(as_far + 1) / static_cast<double>(draws + 1); }
};

bool valid(double flux, double sigma) { return std::isfinite(flux) && std::isfinite(sigma) && sigma > 0.0; }

// How much deeper than the model each eclipse could be: dip[t] = 1 - m / m_outside while the discs overlap (as spheres)
// and the star of that eclipse is behind, 0 otherwise.
struct Dips {
  std::array<std::vector<double>, 2> dip;
  double outside = NAN;  // the model's mean out of eclipse

  Dips(const LightCurve& data, const double* model, const Theta& theta) {
    const Orbit orbit = make_orbit(theta[kEccentricity], theta[kOmega], theta[kCosI]);
    const std::size_t points = data.phase.size();
    std::vector<int> eclipsed(points, -1);
    double sum = 0.0, count = 0.0;
    for (std::size_t t = 0; t < points; ++t) {
      const Aspect aspect = orbit.aspect(orbit.true_anomaly(data.phase[t]));
      if (aspect.sky_distance < theta[kRsumFrac]) {
        eclipsed[t] = aspect.sight.x > 0.0 ? 0 : 1;
      } else {
        sum += model[t];
        count += 1.0;
      }
    }
    outside = sum / count;
    for (int k = 0; k < 2; ++k) {
      dip[k].resize(points);
      for (std::size_t t = 0; t < points; ++t) dip[k][t] = eclipsed[t] == k ? 1.0 - model[t] / outside : 0.0;
    }
  }
};

struct Discrepancy {
  double chi2, correlation;
  std::array<double, 2> depth;  // less 1
};

// Correlation of the means in neighbouring phase bins, each over its error; around the whole orbit.
double neighbour_correlation(const LightCurve& data, const double* model, double scale) {
  const std::size_t bins = std::min(kPhaseBins, data.phase.size() / 5);
  std::vector<double> sum(bins, 0.0), weight(bins, 0.0);
  for (std::size_t t = 0; t < data.phase.size(); ++t) {
    const auto b = std::min(static_cast<std::size_t>(data.phase[t] * static_cast<double>(bins)), bins - 1);
    const double w = 1.0 / (data.sigma[t] * data.sigma[t]);
    sum[b] += w * (data.flux[t] - scale * model[t]);
    weight[b] += w;
  }
  double product = 0.0, square = 0.0;
  for (std::size_t b = 0; b < bins; ++b) {
    if (weight[b] == 0.0) continue;
    const std::size_t next = (b + 1) % bins;
    square += sum[b] * sum[b] / weight[b];
    if (weight[next] > 0.0) product += sum[b] * sum[next] / std::sqrt(weight[b] * weight[next]);
  }
  return product / square;
}

Discrepancy measure(const LightCurve& data, const double* model, const Dips& dips) {
  const ScaledFit fit = fit_scale(data, model);
  Discrepancy out{fit.chi2, neighbour_correlation(data, model, fit.scale), {NAN, NAN}};
  for (int k = 0; k < 2; ++k) {
    double product = 0.0, square = 0.0;
    for (std::size_t t = 0; t < data.phase.size(); ++t) {
      const double dip = dips.dip[k][t], w = 1.0 / (data.sigma[t] * data.sigma[t]);
      product -= w * dip * (data.flux[t] - fit.scale * model[t]);
      square += w * dip * dip;
    }
    if (square > 0.0) out.depth[k] = product / (square * fit.scale * dips.outside);
  }
  return out;
}

}  // namespace

CurveCheck check_light_curve(const LightCurve& data, std::span<const double> models, std::span<const Theta> theta,
                             std::span<const ScatterLaw> scatter, RandomStream& random) {
  LightCurve kept;
  std::vector<std::size_t> place;
  for (std::size_t t = 0; t < data.phase.size(); ++t) {
    if (!valid(data.flux[t], data.sigma[t])) continue;
    kept.phase.push_back(data.phase[t]);
    kept.flux.push_back(data.flux[t]);
    kept.sigma.push_back(data.sigma[t]);
    place.push_back(t);
  }
  CurveCheck out;
  out.points = kept.phase.size();
  if (out.points < kFewestPoints) return out;
  const double freedom = static_cast<double>(out.points) - 1.0;
  std::vector<double> chi2, correlation, depth[2], model(out.points);
  Tally chi2_tally, correlation_tally, depth_tally[2];
  for (std::size_t d = 0; d < theta.size(); ++d) {
    for (std::size_t i = 0; i < out.points; ++i) model[i] = models[d * data.phase.size() + place[i]];
    const double scale = fit_scale(kept, model.data()).scale;
    for (double& flux : model) flux *= scale;
    const Dips dips(kept, model.data(), theta[d]);
    const Discrepancy seen = measure(kept, model.data(), dips);
    LightCurve replica = kept;
    for (std::size_t i = 0; i < out.points; ++i) replica.flux[i] = model[i] + kept.sigma[i] * random.normal();
    const Discrepancy replicated = measure(replica, model.data(), dips);
    chi2.push_back(seen.chi2 / freedom);
    correlation.push_back(seen.correlation);
    const double factor = std::pow(10.0, scatter[d].mean + scatter[d].sigma * random.normal());
    chi2_tally.add(seen.chi2, factor * factor * replicated.chi2);
    correlation_tally.add(seen.correlation, replicated.correlation);
    const double observed = std::sqrt(seen.chi2 / freedom);
    for (int k = 0; k < 2; ++k) {
      depth[k].push_back(1.0 + seen.depth[k]);
      depth_tally[k].add(std::abs(seen.depth[k]), observed * std::abs(replicated.depth[k]));
    }
  }
  out.chi2 = median(std::move(chi2));
  out.p_chi2 = chi2_tally.p();
  out.correlation = median(std::move(correlation));
  out.p_correlation = correlation_tally.p();
  for (int k = 0; k < 2; ++k) {
    out.depth[k] = median(std::move(depth[k]));
    out.p_depth[k] = depth_tally[k].p();
  }
  return out;
}

SedCheck check_photometry(const Observation& observation, std::span<const double> sed_jy, RandomStream& random) {
  SedCheck out;
  out.residual_mag.fill(NAN);
  out.pull.fill(NAN);
  const std::size_t draws = sed_jy.size() / kSedBandCount;
  std::vector<double> chi2(draws, 0.0), replicated(draws, 0.0), predicted(draws);
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const double flux = observation.sed_flux_jy[k], sigma = observation.sed_sigma_jy[k];
    if (!valid(flux, sigma)) continue;
    ++out.points;
    for (std::size_t d = 0; d < draws; ++d) {
      predicted[d] = sed_jy[d * kSedBandCount + k];
      const double pull = (flux - predicted[d]) / sigma, noise = random.normal();
      chi2[d] += pull * pull;
      replicated[d] += noise * noise;
    }
    std::sort(predicted.begin(), predicted.end());
    const double middle = quantile(predicted, 0.5);
    const double spread = 0.5 * (quantile(predicted, 0.84) - quantile(predicted, 0.16));
    out.residual_mag[k] = -2.5 * std::log10(flux / middle);
    out.pull[k] = (flux - middle) / std::hypot(sigma, spread);
  }
  if (out.points == 0) return out;
  Tally tally;
  for (std::size_t d = 0; d < draws; ++d) tally.add(chi2[d], replicated[d]);
  out.p_chi2 = tally.p();
  out.chi2 = median(std::move(chi2)) / static_cast<double>(out.points);
  return out;
}

ParallaxCheck check_parallax(const Observation& observation, std::span<const Theta> theta, RandomStream& random) {
  ParallaxCheck out;
  std::vector<double> predicted;
  Tally tally;
  for (const Theta& draw : theta) {
    predicted.push_back(1e3 / draw[kDistance]);
    if (!observation.has_parallax()) continue;
    const double sigma = observation.parallax_sigma_mas;
    tally.add(std::abs(observation.parallax_mas - predicted.back()), std::abs(sigma * random.normal()));
  }
  std::sort(predicted.begin(), predicted.end());
  out.predicted_mas = quantile(predicted, 0.5);
  out.spread_mas = 0.5 * (quantile(predicted, 0.84) - quantile(predicted, 0.16));
  out.pull =
      (observation.parallax_mas - out.predicted_mas) / std::hypot(observation.parallax_sigma_mas, out.spread_mas);
  out.p = tally.p();
  return out;
}

}  // namespace penumbra
