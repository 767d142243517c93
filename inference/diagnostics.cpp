#include "inference/diagnostics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

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

struct Distances {
  double data;    // median over draws of the distance of the data
  double best;    // the smallest
  double spread;  // 95th percentile over draws of the median distance from the other draws
};

// to_data(d) and between(e, d): distances of draw d from the data and from draw e.
template <typename ToData, typename Between>
Distances compare(std::size_t draws, const ToData& to_data, const Between& between) {
  std::vector<double> data(draws), others(draws - 1), medians(draws);
  for (std::size_t e = 0; e < draws; ++e) {
    data[e] = to_data(e);
    for (std::size_t d = 0; d + 1 < draws; ++d) others[d] = between(e, d < e ? d : d + 1);
    medians[e] = others.empty() ? 0.0 : summarize(others).median;
  }
  return {summarize(data).median, *std::min_element(data.begin(), data.end()), summarize(medians).high90};
}

ChannelFit judge_curve(std::size_t channel, const LightCurve& data, const std::vector<double>& models,
                       std::size_t draws) {
  const std::size_t count = data.phase.size();
  LightCurve draw = data;  // a prediction in the place of the data, with the same errors
  std::size_t drawn = draws;
  const auto between = [&](std::size_t e, std::size_t d) {
    if (drawn != e) {
      std::copy_n(models.begin() + static_cast<std::ptrdiff_t>(e * count), count, draw.flux.begin());
      drawn = e;
    }
    return fit_scale(draw, models.data() + d * count).chi2;
  };
  const auto to_data = [&](std::size_t d) { return fit_scale(data, models.data() + d * count).chi2; };
  const Distances distances = compare(draws, to_data, between);
  const std::vector<double> constant(count, 1.0);
  const double points = static_cast<double>(count), noise = noise_level(data);
  const double median = distances.data / points, signal = fit_scale(data, constant.data()).chi2 / points - noise;
  return {channel,
          noise,
          distances.best / points,
          median,
          distances.spread / points,
          signal > 0.0 ? std::max(0.0, (median - noise) / signal) : 0.0};
}

// Magnitudes of D draws in the observed bands, and of the data.
void judge_sed(const Observation& observation, const Predictions& predictions, Diagnostics& out) {
  out.sed_rms_mag = out.sed_spread_mag = std::numeric_limits<double>::quiet_NaN();
  std::vector<std::size_t> bands;
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (observation.sed_flux_jy[k] > 0.0) bands.push_back(k);
  }
  if (bands.empty()) return;
  const auto rms_mag = [&](const double* a, const double* b) {
    double sum = 0.0;
    for (const std::size_t k : bands) sum += std::pow(2.5 * std::log10(a[k] / b[k]), 2);
    return std::sqrt(sum / static_cast<double>(bands.size()));
  };
  const double* draws = predictions.sed_jy.data();
  const Distances distances = compare(
      predictions.draws,
      [&](std::size_t d) { return rms_mag(observation.sed_flux_jy.data(), draws + d * kSedBandCount); },
      [&](std::size_t e, std::size_t d) { return rms_mag(draws + e * kSedBandCount, draws + d * kSedBandCount); });
  out.sed_rms_mag = distances.data;
  out.sed_spread_mag = distances.spread;
}

}  // namespace

double noise_level(const LightCurve& data) {
  std::vector<double> squares;
  for (std::size_t i = 1; i < data.phase.size(); ++i) {
    const double difference = data.flux[i] - data.flux[i - 1];
    squares.push_back(difference * difference /
                      (data.sigma[i] * data.sigma[i] + data.sigma[i - 1] * data.sigma[i - 1]));
  }
  constexpr double kMedianChiSquared = 0.4549364231195724;  // of one degree of freedom
  return squares.empty() ? 1.0 : std::max(1.0, summarize(squares).median / kMedianChiSquared);
}

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
                     const StatusCounts& verdicts, const DiagnosticLimits& limits) {
  Diagnostics out{};
  const auto warn = [&](std::string text) { out.warnings.push_back("outside the prior's range? " + std::move(text)); };
  const double drawn = static_cast<double>(std::accumulate(verdicts.begin(), verdicts.end(), std::size_t{0}));
  out.accepted = static_cast<double>(verdicts[static_cast<std::size_t>(Status::kOk)]) / drawn;
  out.overflow = static_cast<double>(verdicts[static_cast<std::size_t>(Status::kRocheOverflow)]) / drawn;
  if (out.overflow > limits.max_overflow) {
    warn(fmt::format(
        "in {:.0f}% of the network's samples a star overflows its Roche lobe (expected at most {:.0f}%): perhaps a "
        "semi-detached or contact binary",
        100.0 * out.overflow, 100.0 * limits.max_overflow));
  }
  if (out.accepted < limits.min_accepted) {
    warn(fmt::format("only {:.0f}% of the network's samples describe a binary of the prior (expected at least {:.0f}%)",
                     100.0 * out.accepted, 100.0 * limits.min_accepted));
  }

  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = observation.light_curves[c];
    if (curve.empty()) continue;
    const ChannelFit fit = judge_curve(c, curve, predictions.flux[c], predictions.draws);
    out.curves.push_back(fit);
    const double distance = fit.median_chi2 - fit.noise;
    if (distance > limits.max_ratio * fit.spread + limits.max_noise * fit.noise &&
        fit.unexplained > limits.min_unexplained) {
      warn(fmt::format(
          "the {} light curve is not among the predictions: {:.0f}% of its variance is unexplained, and it is "
          "{:.1f} times as far from them as 95% of them are from each other (expected at most {:.1f})",
          kChannels[c].name, 100.0 * fit.unexplained, std::sqrt(distance / fit.spread), std::sqrt(limits.max_ratio)));
    }
  }

  judge_sed(observation, predictions, out);
  if (out.sed_rms_mag > limits.max_ratio * out.sed_spread_mag + limits.max_sed_excess_mag) {
    warn(fmt::format("the photometry is not among the predictions: {:.2f} mag (rms) off them (expected at most {:.2f})",
                     out.sed_rms_mag, limits.max_ratio * out.sed_spread_mag + limits.max_sed_excess_mag));
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
