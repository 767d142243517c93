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
constexpr std::array<std::string_view, kParameterCount> kLatentMeaning{"total mass",
                                                                       "mass ratio",
                                                                       "age",
                                                                       "metallicity",
                                                                       "(R1 + R2)/a",
                                                                       "e cos omega",
                                                                       "e sin omega",
                                                                       "inclination",
                                                                       "Teff1 off the track",
                                                                       "Teff2 off the track",
                                                                       "log L1 off the track",
                                                                       "log L2 off the track",
                                                                       "R1 off the track",
                                                                       "R2 off the track",
                                                                       "distance",
                                                                       "E(B-V)"};

ChannelFit judge_curve(const LightCurve& data, const std::vector<double>& models, std::size_t draws,
                       double min_signal) {
  const std::size_t count = data.phase.size();
  std::vector<double> chi2(draws);
  for (std::size_t d = 0; d < draws; ++d) chi2[d] = fit_scale(data, models.data() + d * count).chi2;
  const std::vector<double> constant(count, 1.0);
  const double points = static_cast<double>(count), flat = fit_scale(data, constant.data()).chi2;
  const double median = summarize(chi2).median;
  ChannelFit fit{0, *std::min_element(chi2.begin(), chi2.end()) / points, median / points,
                 std::numeric_limits<double>::quiet_NaN()};
  if (flat > min_signal * points) fit.unexplained = std::max(0.0, (median - points) / (flat - points));
  return fit;
}

double median_sed_rms(const Observation& observation, const Predictions& predictions) {
  std::vector<double> rms;
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
    if (count > 0) rms.push_back(std::sqrt(sum / count));
  }
  return rms.empty() ? std::numeric_limits<double>::quiet_NaN() : summarize(rms).median;
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

Diagnostics diagnose(const Observation& observation, const std::vector<Latent>& latents, const Predictions& predictions,
                     double accepted, const DiagnosticLimits& limits) {
  Diagnostics out{};
  out.accepted = accepted;
  const auto warn = [&](std::string text) { out.warnings.push_back("outside the prior's range? " + std::move(text)); };
  if (accepted < limits.min_accepted) {
    warn(fmt::format(
        "only {:.1f}% of the network's samples describe a detached binary of the prior (expected at least {:.0f}%)",
        100.0 * accepted, 100.0 * limits.min_accepted));
  }

  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = observation.light_curves[c];
    if (curve.empty()) continue;
    ChannelFit fit = judge_curve(curve, predictions.flux[c], predictions.draws, limits.min_signal);
    fit.channel = c;
    out.curves.push_back(fit);
    if (fit.unexplained > limits.max_unexplained) {
      warn(fmt::format(
          "predictions leave {:.0f}% of the variance of the {} light curve unexplained (expected at most {:.0f}%)",
          100.0 * fit.unexplained, kChannels[c].name, 100.0 * limits.max_unexplained));
    }
  }

  out.sed_rms_mag = median_sed_rms(observation, predictions);
  if (out.sed_rms_mag > limits.max_sed_rms_mag) {
    warn(fmt::format("predictions of the photometry are off by {:.2f} mag (rms; expected at most {})", out.sed_rms_mag,
                     limits.max_sed_rms_mag));
  }

  std::vector<double> column(latents.size());
  for (std::size_t k = 0; k < kParameterCount; ++k) {
    std::transform(latents.begin(), latents.end(), column.begin(), [&](const Latent& z) { return z[k]; });
    const double median = summarize(column).median;
    if (std::fabs(median) > limits.max_latent) {
      warn(fmt::format("the {} is in the far tail of the prior ({:.1f} sigma; expected within {})", kLatentMeaning[k],
                       median, limits.max_latent));
    }
  }
  return out;
}

}  // namespace penumbra
