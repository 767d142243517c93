// The exact likelihood of an observation: what sim/survey.h's noise makes of the forward model's prediction.
//
// Given which data exist and the errors that they quote, all data are independent and Gaussian:
//   light curves  flux_t ~ N(A m_t, (f sigma_t)^2), m the model averaged over the exposure. Per channel two unknowns
//   are
//                 integrated out: the level A, with a flat density (1 where 1 is the data's median flux), since a light
//                 curve is divided by the median of its own noisy flux and the network never sees the level; and the
//                 true scatter over the quoted error f, with the law that simulations draw it from.
//   photometry    flux_k ~ N(model_k, sigma_k^2), of the bands that exist
//   parallax      ~ N(1000 / distance, sigma^2)
// What quoted errors and missing data say by themselves about how bright the star is (a network may learn a little from
// them, since simulations choose them by magnitude) is left out: for a real star that would be the catalogue's habit,
// not its light.
//
// The same functions on the host and on the device; `lanes` is that of sim/lanes.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sim/constants.h"
#include "sim/lanes.h"
#include "sim/observation.h"
#include "sim/survey_view.h"

namespace penumbra {

// lanes.sum over any number of terms.
template <class Lanes, class Function>
PN_INLINE double sum_of(const Lanes& lanes, int count, Function&& term) {
  return lanes.sum(whole_lanes(count), [&](int i) { return i < count ? term(i) : 0.0; });
}

// Scale that fits `model` to `flux` best, chi^2 with it, and the inverse variance of the scale.
struct ScaledFit {
  double scale, chi2, weight;
};
template <class Lanes>
PN_INLINE ScaledFit fit_scale(const Lanes& lanes, int count, const double* flux, const double* sigma,
                              const double* model) {
  const double weight = sum_of(lanes, count, [&](int i) { return model[i] * model[i] / (sigma[i] * sigma[i]); });
  const double product = sum_of(lanes, count, [&](int i) { return model[i] * flux[i] / (sigma[i] * sigma[i]); });
  const double scale = product / weight;
  const double chi2 = sum_of(lanes, count, [&](int i) {
    const double residual = (flux[i] - scale * model[i]) / sigma[i];
    return residual * residual;
  });
  return {scale, chi2, weight};
}

// ln of the likelihood of a light curve of `points` valid points: chi^2 and inverse variance of the best level as
// fit_scale gives them, log_sigma_sum = sum of ln sigma_t. With x = ln f, the level integrated: ln of
//   (2 pi)^(-(n-1)/2) prod(1 / sigma) weight^(-1/2)  integral dx N(x; mu, s) exp(-(n - 1) x - chi^2 / 2 exp(-2 x)).
// The integrand's logarithm is concave, so Newton's method for its maximum from the left converges without overshoot,
// and the trapezoid rule on a smooth peak converges faster than any power of the step (relative error below 1e-9).
PN_HD inline double log_curve_likelihood(const ScaledFit& fit, int points, double log_sigma_sum,
                                         const ScatterLaw& law) {
  constexpr int kHalfNodes = 16;
  constexpr double kStep = 0.5;  // of the peak's width
  constexpr double kLn10 = 2.30258509299404568402;
  const double freedom = points - 1.0, mu = law.mean * kLn10, s = law.sigma * kLn10;
  const auto log_integrand = [&](double x) {
    const double t = (x - mu) / s;
    return -freedom * x - 0.5 * fit.chi2 * std::exp(-2.0 * x) - 0.5 * t * t;
  };
  double peak = fit.chi2 > 0.0 && freedom > 0.0 ? std::fmin(mu, 0.5 * std::log(fit.chi2 / freedom)) : mu;
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

// The data, as plain pointers: light curves one after the other, those that have points.
struct ObservedCurve {
  int channel, first, count;           // its points in the arrays
  double log_sigma_sum, median_sigma;  // of its errors, relative to the median flux
};
struct ObservedView {
  int curve_count = 0;
  ObservedCurve curve[kChannelCount] = {};
  const double *flux = nullptr, *sigma = nullptr;                            // of all curves
  double sed_flux_jy[kSedBandCount] = {}, sed_sigma_jy[kSedBandCount] = {};  // errors of 0: not observed
  double parallax_mas = 0.0, parallax_sigma_mas = 0.0;                       // an error of 0: not observed
};

// An observation without what carries no information: points of a light curve without a finite flux and phase and a
// positive error (as the networks' inputs leave them out), photometry and parallax without a value or an error.
class Observed {
 public:
  explicit Observed(const Observation& observation);
  ObservedView view() const;  // valid while this object lives and stays where it is

  // The light curves that are left, for the forward model.
  const Observation& data() const { return data_; }
  const std::vector<double>& phase() const { return phase_; }  // of all curves, like the view's arrays
  const std::vector<double>& flux() const { return flux_; }
  const std::vector<double>& sigma() const { return sigma_; }

 private:
  Observation data_;
  std::vector<double> phase_, flux_, sigma_;
  ObservedView view_;
};

PN_HD inline double log_normal_density(double residual, double sigma) {
  const double pull = residual / sigma;
  return -0.5 * pull * pull - std::log(sigma) - 0.5 * std::log(kTwoPi);
}

// ln p(x | theta) from a prediction: the model at the data's epochs, each light curve divided by its median; sed_jy
// [kSedBandCount]; the system's magnitudes. -inf where it is not finite.
template <class Lanes>
PN_INLINE double log_likelihood(const Lanes& lanes, const ObservedView& data, const SurveyView& surveys,
                                const double* model, const double* sed_jy, const Apparent& apparent,
                                double distance_pc) {
  double sum = 0.0;
  for (int k = 0; k < data.curve_count; ++k) {
    const ObservedCurve& curve = data.curve[k];
    const double magnitude = observable_magnitude(surveys.availability.channel[curve.channel], apparent);
    const ScatterLaw law = scatter_law(surveys, curve.channel, magnitude, curve.median_sigma);
    const ScaledFit fit =
        fit_scale(lanes, curve.count, data.flux + curve.first, data.sigma + curve.first, model + curve.first);
    sum += log_curve_likelihood(fit, curve.count, curve.log_sigma_sum, law);
  }
  for (int k = 0; k < kSedBandCount; ++k) {
    if (data.sed_sigma_jy[k] > 0.0) sum += log_normal_density(data.sed_flux_jy[k] - sed_jy[k], data.sed_sigma_jy[k]);
  }
  if (data.parallax_sigma_mas > 0.0)
    sum += log_normal_density(data.parallax_mas - 1000.0 / distance_pc, data.parallax_sigma_mas);
  return std::isfinite(sum) ? sum : -INFINITY;
}

// Element count / 2 of the sorted values, all positive: its bits one by one, from the highest. No memory is needed.
template <class Lanes>
PN_INLINE double median_of_positive(const Lanes& lanes, const double* values, int count) {
  const auto bits_of = [](double value) {
    std::uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  };
  const int middle = count / 2;
  std::uint64_t median = 0;
  for (int bit = 62; bit >= 0; --bit) {
    const std::uint64_t trial = median | std::uint64_t{1} << bit;
    const double below = sum_of(lanes, count, [&](int i) { return bits_of(values[i]) < trial ? 1.0 : 0.0; });
    if (below <= middle) median = trial;
  }
  double value;
  std::memcpy(&value, &median, sizeof value);
  return value;
}

}  // namespace penumbra
