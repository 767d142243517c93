#include "inference/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/atomic_file.h"
#include "inference/quantile.h"

namespace penumbra {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

template <class Rows>
std::vector<double> column(const Rows& rows, int p) {
  std::vector<double> values(rows.size());
  for (std::size_t n = 0; n < rows.size(); ++n) values[n] = rows[n][p];
  return values;
}

}  // namespace

double uniform_ks_p(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double before = static_cast<double>(i) / n;
    distance = std::max({distance, values[i] - before, before + 1.0 / n - values[i]});
  }
  const double lambda = (std::sqrt(n) + 0.12 + 0.11 / std::sqrt(n)) * distance;
  if (lambda < 0.2) return 1.0;  // the series needs many terms there, and its sum is 1 to 1e-12
  double p = 0.0;
  for (int k = 1; k <= 100; ++k) p += (k % 2 == 1 ? 2.0 : -2.0) * std::exp(-2.0 * k * k * lambda * lambda);
  return std::clamp(p, 0.0, 1.0);
}

void Calibration::add(const Theta& truth, const std::vector<Theta>& samples) {
  Theta medians, ranks;
  std::array<double, kParameterCount> width68, width90;
  std::vector<double> values(samples.size());
  for (int p = 0; p < kParameterCount; ++p) {
    for (std::size_t s = 0; s < samples.size(); ++s) values[s] = samples[s][p];
    std::sort(values.begin(), values.end());
    const auto below = std::lower_bound(values.begin(), values.end(), truth[p]) - values.begin();
    ranks[p] = (static_cast<double>(below) + 0.5) / static_cast<double>(values.size() + 1);
    medians[p] = quantile(values, 0.5);
    width68[p] = quantile(values, 0.84) - quantile(values, 0.16);
    width90[p] = quantile(values, 0.95) - quantile(values, 0.05);
  }
  truths_.push_back(truth);
  medians_.push_back(medians);
  ranks_.push_back(ranks);
  width68_.push_back(width68);
  width90_.push_back(width90);
}

std::array<ParameterCalibration, kParameterCount> Calibration::summary() const {
  std::array<ParameterCalibration, kParameterCount> result{};
  const double n = static_cast<double>(systems());
  for (int p = 0; p < kParameterCount; ++p) {
    ParameterCalibration& c = result[p];
    std::vector<double> ranks = column(ranks_, p);
    c.mean_rank = std::accumulate(ranks.begin(), ranks.end(), 0.0) / n;
    for (std::size_t level = 0; level < kCoverageLevels.size(); ++level) {
      // The truth is inside the central interval exactly when its rank is.
      const double half = 0.5 * kCoverageLevels[level];
      c.coverage[level] = static_cast<double>(std::count_if(ranks.begin(), ranks.end(),
                                                            [half](double r) { return std::abs(r - 0.5) <= half; })) /
                          n;
    }
    c.ks_p = uniform_ks_p(ranks);
    c.median_width68 = median(column(width68_, p));
    c.median_width90 = median(column(width90_, p));
    double error2 = 0.0, mean = 0.0, spread2 = 0.0;
    for (const Theta& truth : truths_) mean += truth[p] / n;
    for (std::size_t i = 0; i < truths_.size(); ++i) {
      error2 += std::pow(medians_[i][p] - truths_[i][p], 2);
      spread2 += std::pow(truths_[i][p] - mean, 2);
    }
    c.rms_error_over_prior = std::sqrt(error2 / spread2);
  }
  return result;
}

void Calibration::write_csv(const std::filesystem::path& file, const std::vector<std::string>& provenance) const {
  std::string text;
  for (const std::string& line : provenance) text += "# " + line + "\n";
  text +=
      "parameter,unit,ks_p,mean_rank,coverage50,coverage68,coverage90,coverage95,width68,width90,error_over_prior\n";
  const auto rows = summary();
  for (int p = 0; p < kParameterCount; ++p) {
    const ParameterCalibration& c = rows[p];
    text += fmt::format("{},{},{:.4g},{:.4f},{:.4f},{:.4f},{:.4f},{:.4f},{:.5g},{:.5g},{:.4f}\n", kParameters[p].name,
                        kParameters[p].unit, c.ks_p, c.mean_rank, c.coverage[0], c.coverage[1], c.coverage[2],
                        c.coverage[3], c.median_width68, c.median_width90, c.rms_error_over_prior);
  }
  write_text_file(file, text);
}

std::string Calibration::table() const {
  std::string text = fmt::format("{:<13}{:<10}{:>9}{:>8}{:>8}{:>8}{:>8}{:>11}{:>11}{:>9}\n", "parameter", "unit",
                                 "KS p", "50%", "68%", "90%", "95%", "68% width", "90% width", "error");
  const auto rows = summary();
  for (int p = 0; p < kParameterCount; ++p) {
    const ParameterCalibration& c = rows[p];
    text += fmt::format("{:<13}{:<10}{:>9.2g}{:>8.3f}{:>8.3f}{:>8.3f}{:>8.3f}{:>11.4g}{:>11.4g}{:>9.3f}\n",
                        kParameters[p].name, kParameters[p].unit, c.ks_p, c.coverage[0], c.coverage[1], c.coverage[2],
                        c.coverage[3], c.median_width68, c.median_width90, c.rms_error_over_prior);
  }
  return text +
         fmt::format("{} systems; error: rms of the posterior median over the spread of the truths\n", systems());
}

}  // namespace penumbra
