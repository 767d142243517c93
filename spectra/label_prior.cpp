#include "spectra/label_prior.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "sim/axis.h"
#include "sim/constants.h"
#include "sim/special_functions.h"

namespace penumbra {
namespace {

constexpr double kLogAgeMin = 9.0, kLogAgeMax = 10.0;

const Label& label(int i) { return kLabels[static_cast<std::size_t>(i)]; }

double logg_at(std::size_t n) { return label(kLabelLogg).low + LabelPrior::kLoggStep * static_cast<double>(n); }
double teff_at(std::size_t n) { return label(kLabelTeff).low + LabelPrior::kTeffStepK * static_cast<double>(n); }

// Densities at equal steps -> the cumulative distribution there, from 0 to 1. Uniform where there is nothing.
void cumulate(double* density, std::size_t count) {
  double before = density[0], sum = 0.0;
  density[0] = 0.0;
  for (std::size_t n = 1; n < count; ++n) {
    sum += 0.5 * (before + density[n]);
    before = density[n];
    density[n] = sum;
  }
  for (std::size_t n = 0; n < count; ++n) {
    density[n] = sum > 0.0 ? density[n] / sum : static_cast<double>(n) / static_cast<double>(count - 1);
  }
}

// A cumulative distribution given at equal steps from `first`: straight between them.
struct Distribution {
  double first, step;
  std::size_t count;

  template <class Node>
  double quantile(double u, const Node& node) const {
    std::size_t low = 0, high = count - 1;
    while (high - low > 1) {
      const std::size_t middle = (low + high) / 2;
      (node(middle) <= u ? low : high) = middle;
    }
    const double from = node(low), rise = node(low + 1) - from;
    const double t = rise > 0.0 ? std::clamp((u - from) / rise, 0.0, 1.0) : 0.5;
    return first + step * (static_cast<double>(low) + t);
  }
  // F(x) and its slope; outside: NaN.
  template <class Node>
  std::pair<double, double> at(double x, const Node& node) const {
    const double position = (x - first) / step;
    if (!(position >= 0.0 && position <= static_cast<double>(count - 1))) return {NAN, 0.0};
    const std::size_t low = std::min(static_cast<std::size_t>(position), count - 2);
    const double from = node(low), rise = node(low + 1) - from;
    return {from + rise * (position - static_cast<double>(low)), rise / step};
  }
};

bool is_log_uniform(int i) { return i == kLabelC12C13; }

// The labels that do not depend on others: all but Teff and log g.
double uniform_value(int i, double u) {
  const double low = label(i).low, high = label(i).high;
  return is_log_uniform(i) ? low * std::pow(high / low, u) : low + (high - low) * u;
}
double uniform_share(int i, double value) {
  const double low = label(i).low, high = label(i).high;
  return is_log_uniform(i) ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
}
double uniform_density(int i, double value) {
  const double low = label(i).low, high = label(i).high;
  if (!(value >= low && value <= high)) return 0.0;
  return is_log_uniform(i) ? 1.0 / (value * std::log(high / low)) : 1.0 / (high - low);
}

// Accurate in both tails.
double normal_of(double u) { return u < 0.5 ? normal_quantile(u) : -normal_quantile(1.0 - u); }

}  // namespace

LabelPrior::LabelPrior(const TrackView& tracks)
    : logg_count_(static_cast<std::size_t>(std::lround((label(kLabelLogg).high - label(kLabelLogg).low) / kLoggStep)) +
                  1),
      teff_count_(static_cast<std::size_t>(std::lround((label(kLabelTeff).high - label(kLabelTeff).low) / kTeffStepK)) +
                  1) {
  constexpr double kEdge = 1e-6;
  for (int f = 0; f < tracks.feh_count; ++f) {
    const double feh = tracks.feh_axis[f];
    if (feh < label(kLabelIron).low - kEdge || feh > label(kLabelIron).high + kEdge) continue;
    std::vector<double> density(logg_count_ * teff_count_);
    for (int a = 0; a < tracks.age_count; ++a) {
      if (tracks.log_age_axis[a] < kLogAgeMin - kEdge || tracks.log_age_axis[a] > kLogAgeMax + kEdge) continue;
      const int cell = f * tracks.age_count + a;
      for (long row = tracks.row_offset[cell]; row < tracks.row_offset[cell] + tracks.eep_count[cell]; ++row) {
        const double log_teff = static_cast<double>(tracks.log_teff[row]);
        if (std::isnan(log_teff)) continue;
        const double teff = std::pow(10.0, log_teff), sigma = kTeffBroadening * teff;
        const double logg = kLogGSun + std::log10(static_cast<double>(tracks.mass_msun[row])) -
                            2.0 * static_cast<double>(tracks.log_radius[row]);
        for (std::size_t g = 0; g < logg_count_; ++g) {
          const double x = (logg_at(g) - logg) / kLoggBroadening;
          if (std::fabs(x) > 5.0) continue;
          const double share = normal_pdf(x) / sigma;
          const auto first = static_cast<std::size_t>(
              std::clamp((teff - 5.0 * sigma - teff_at(0)) / kTeffStepK, 0.0, static_cast<double>(teff_count_)));
          for (std::size_t t = first; t < teff_count_ && teff_at(t) <= teff + 5.0 * sigma; ++t) {
            density[g * teff_count_ + t] += share * normal_pdf((teff_at(t) - teff) / sigma);
          }
        }
      }
    }
    std::vector<double> of_logg(logg_count_);
    for (std::size_t g = 0; g < logg_count_; ++g) {
      for (std::size_t t = 0; t < teff_count_; ++t) of_logg[g] += density[g * teff_count_ + t];
      cumulate(&density[g * teff_count_], teff_count_);
    }
    cumulate(of_logg.data(), logg_count_);
    feh_.push_back(feh);
    logg_cdf_.insert(logg_cdf_.end(), of_logg.begin(), of_logg.end());
    teff_cdf_.insert(teff_cdf_.end(), density.begin(), density.end());
  }
  if (feh_.size() < 2 || feh_.front() > label(kLabelIron).low + kEdge || feh_.back() < label(kLabelIron).high - kEdge) {
    throw UserError("the stellar tracks have no isochrones at the ends of the range of [Fe/H] of the spectra's labels");
  }
}

LabelPrior::Place LabelPrior::place_of(double feh) const {
  const int f = find_interval(feh_.data(), static_cast<int>(feh_.size()), std::clamp(feh, feh_.front(), feh_.back()));
  const auto row = static_cast<std::size_t>(std::max(f, 0));  // NaN is told by whoever asked
  return {row, (feh - feh_[row]) / (feh_[row + 1] - feh_[row])};
}

double LabelPrior::logg_node(const Place& feh, std::size_t n) const {
  const std::size_t at = feh.index * logg_count_ + n;
  return (1.0 - feh.share) * logg_cdf_[at] + feh.share * logg_cdf_[at + logg_count_];
}

LabelPrior::Corners LabelPrior::corners(const Place& feh, double logg) const {
  const double position =
      std::clamp((logg - label(kLabelLogg).low) / kLoggStep, 0.0, static_cast<double>(logg_count_ - 1));
  const std::size_t g = std::min(static_cast<std::size_t>(position), logg_count_ - 2);
  const double u = feh.share, v = position - static_cast<double>(g);
  const std::size_t row = feh.index * logg_count_ + g;
  return {{row, row + 1, row + logg_count_, row + logg_count_ + 1},
          {(1.0 - u) * (1.0 - v), (1.0 - u) * v, u * (1.0 - v), u * v}};
}

double LabelPrior::teff_node(const Corners& corners, std::size_t n) const {
  double sum = 0.0;
  for (std::size_t k = 0; k < 4; ++k) sum += corners.weight[k] * teff_cdf_[corners.row[k] * teff_count_ + n];
  return sum;
}

LabelDraw LabelPrior::draw(std::uint64_t seed, std::uint64_t index) const {
  RandomStream random(seed, index, Stage::kPrior);
  return draw(random);
}

LabelDraw LabelPrior::draw(RandomStream& random) const {
  LabelDraw draw;
  for (double& z : draw.z) z = random.normal();
  draw.labels = labels_of(draw.z);
  return draw;
}

Labels LabelPrior::labels_of(const LabelLatent& z) const {
  Labels labels;
  for (int i = 0; i < kLabelCount; ++i) {
    if (i == kLabelTeff || i == kLabelLogg) continue;
    labels[static_cast<std::size_t>(i)] = uniform_value(i, normal_cdf(z[static_cast<std::size_t>(i)]));
  }
  const Place feh = place_of(labels[kLabelIron]);
  labels[kLabelLogg] = Distribution{label(kLabelLogg).low, kLoggStep, logg_count_}.quantile(
      normal_cdf(z[kLabelLogg]), [&](std::size_t n) { return logg_node(feh, n); });
  const Corners cell = corners(feh, labels[kLabelLogg]);
  labels[kLabelTeff] = Distribution{label(kLabelTeff).low, kTeffStepK, teff_count_}.quantile(
      normal_cdf(z[kLabelTeff]), [&](std::size_t n) { return teff_node(cell, n); });
  return labels;
}

LabelLatent LabelPrior::latent_of(const Labels& labels) const {
  LabelLatent z;
  z.fill(NAN);
  if (!(log_density(labels) > -std::numeric_limits<double>::infinity())) return z;
  for (int i = 0; i < kLabelCount; ++i) {
    if (i == kLabelTeff || i == kLabelLogg) continue;
    z[static_cast<std::size_t>(i)] = normal_of(uniform_share(i, labels[static_cast<std::size_t>(i)]));
  }
  const Place feh = place_of(labels[kLabelIron]);
  z[kLabelLogg] = normal_of(Distribution{label(kLabelLogg).low, kLoggStep, logg_count_}
                                .at(labels[kLabelLogg], [&](std::size_t n) { return logg_node(feh, n); })
                                .first);
  const Corners cell = corners(feh, labels[kLabelLogg]);
  z[kLabelTeff] = normal_of(Distribution{label(kLabelTeff).low, kTeffStepK, teff_count_}
                                .at(labels[kLabelTeff], [&](std::size_t n) { return teff_node(cell, n); })
                                .first);
  return z;
}

double LabelPrior::log_density(const Labels& labels) const {
  double density = 1.0;
  for (int i = 0; i < kLabelCount; ++i) {
    if (i != kLabelTeff && i != kLabelLogg) density *= uniform_density(i, labels[static_cast<std::size_t>(i)]);
  }
  if (!(density > 0.0)) return -std::numeric_limits<double>::infinity();
  const Place feh = place_of(labels[kLabelIron]);
  density *= Distribution{label(kLabelLogg).low, kLoggStep, logg_count_}
                 .at(labels[kLabelLogg], [&](std::size_t n) { return logg_node(feh, n); })
                 .second;
  const Corners cell = corners(feh, labels[kLabelLogg]);
  density *= Distribution{label(kLabelTeff).low, kTeffStepK, teff_count_}
                 .at(labels[kLabelTeff], [&](std::size_t n) { return teff_node(cell, n); })
                 .second;
  return density > 0.0 ? std::log(density) : -std::numeric_limits<double>::infinity();
}

}  // namespace penumbra
