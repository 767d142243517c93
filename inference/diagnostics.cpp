#include "inference/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "inference/summary.h"

namespace penumbra {
namespace {

// What each latent coordinate of sim/prior.h stands for.
constexpr std::array<std::string_view, kParameterCount> kLatentMeaning{
    "total mass",           "mass ratio",       "age",              "metallicity",
    "(R1 + R2)/a",          "e cos omega",      "e sin omega",      "inclination",
    "Teff1 off the track",  "Teff2 off the track", "log L1 off the track", "log L2 off the track",
    "R1 off the track",     "R2 off the track", "distance",         "E(B-V)"};

ChannelFit judge_curve(const LightCurve& data, const std::vector<double>& models, std::size_t draws, double min_signal) {
  const std::size_t count = data.phase.size();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t d = 0; d < draws; ++d) best = std::min(best, fit_scale(data, models.data() + d * count).chi2);
  const std::vector<double> constant(count, 1.0);
  const double points = static_cast<double>(count), flat = fit_scale(data, constant.data()).chi2;
  ChannelFit fit{0, best / points, std::numeric_limits<double>::quiet_NaN()};
  if (flat > min_signal * points) fit.unexplained = std::max(0.0, (best - points) / (flat - points));
  return fit;
}

double best_sed_rms(const Observation& observation, const Predictions& predictions) {
  double best = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t d = 0; d < predictions.draws; ++d) {
    double sum = 0.0;
    int count = 0;
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      const double flux = observation.sed_flux_jy[k];
      if (!(flux > 0.0)) continue;
      const double mag = 2.5 * std::log10(flux / predictions.sed_jy[d * kSedBandCount + k]);
      sum += mag * mag;
      ++count;
    }
    if (count > 0) best = std::fmin(best, std::sqrt(sum / count));
  }
  return best;
}

}  // namespace

ScaledFit fit_scale(const LightCurve& data, const double* model) {
  double model_model = 0.0, model_data = 0.0, data_data = 0.0;
  for (std::size_t i = 0; i < data.phase.size(); ++i) {
    const double w = 1.0 / (data.sigma[i] * data.sigma[i]);
    model_model += w * model[i] * model[i];
    model_data += w * model[i] * data.flux[i];
    data_data += w * data.flux[i] * data.flux[i];
  }
  const double scale = model_data / model_model;
  return {scale, std::max(0.0, data_data - scale * model_data)};
}

Diagnostics diagnose(const Observation& observation, const PosteriorSamples& samples, const Predictions& predictions,
                     double accepted, const DiagnosticLimits& limits) {
  Diagnostics out{};
  out.accepted = accepted;
  const auto warn = [&](std::string text) { out.warnings.push_back("outside the prior's range? " + std::move(text)); };
  if (accepted < limits.min_accepted) {
    warn(fmt::format("only {:.1f}% of the network's samples describe a detached binary of the prior (expected at least {:.0f}%)",
                     100.0 * accepted, 100.0 * limits.min_accepted));
  }

  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = observation.light_curves[c];
    if (curve.empty()) continue;
    ChannelFit fit = judge_curve(curve, predictions.flux[c], predictions.draws, limits.min_signal);
    fit.channel = c;
    out.curves.push_back(fit);
    if (fit.unexplained > limits.max_unexplained) {
      warn(fmt::format("the best of {} predictions leaves {:.0f}% of the variance of the {} light curve unexplained "
                       "(expected at most {:.0f}%)",
                       predictions.draws, 100.0 * fit.unexplained, kChannels[c].name, 100.0 * limits.max_unexplained));
    }
  }

  out.sed_rms_mag = best_sed_rms(observation, predictions);
  if (out.sed_rms_mag > limits.max_sed_rms_mag) {
    warn(fmt::format("the best prediction of the photometry is off by {:.2f} mag (rms; expected at most {})", out.sed_rms_mag,
                     limits.max_sed_rms_mag));
  }

  std::vector<double> column(samples.z.size());
  for (std::size_t k = 0; k < kParameterCount; ++k) {
    std::transform(samples.z.begin(), samples.z.end(), column.begin(), [&](const Latent& z) { return z[k]; });
    const double median = summarize(column).median;
    if (std::fabs(median) > limits.max_latent) {
      warn(fmt::format("the {} is in the far tail of the prior ({:.1f} sigma; expected within {})", kLatentMeaning[k], median,
                       limits.max_latent));
    }
  }

  out.log_period_median = out.log_period_scatter = std::numeric_limits<double>::quiet_NaN();
  if (std::isfinite(observation.period_day)) {
    std::transform(samples.theta.begin(), samples.theta.end(), column.begin(), [&](const Theta& theta) {
      return std::log(derive_system(theta).period_day / observation.period_day);
    });
    const Summary period = summarize(column);
    out.log_period_median = period.median;
    out.log_period_scatter = 0.5 * (period.high68 - period.low68);
    const double off = std::fabs(period.median);
    if (off > limits.max_period_log && off > limits.max_period_sigma * out.log_period_scatter) {
      warn(fmt::format("the sampled masses and radii imply a period {:+.1f}% off the known one ({:.1f} sigma)",
                       100.0 * std::expm1(period.median), off / out.log_period_scatter));
    }
  }
  return out;
}

}  // namespace penumbra
