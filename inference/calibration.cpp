#include "inference/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string_view>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/text_table.h"
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

UniformKs uniform_ks(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  double distance = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double before = static_cast<double>(i) / n;
    distance = std::max({distance, values[i] - before, before + 1.0 / n - values[i]});
  }
  const double lambda = (std::sqrt(n) + 0.12 + 0.11 / std::sqrt(n)) * distance;
  if (lambda < 0.2) return {distance, 1.0};  // the series needs many terms there, and its sum is 1 to 1e-12
  double p = 0.0;
  for (int k = 1; k <= 100; ++k) p += (k % 2 == 1 ? 2.0 : -2.0) * std::exp(-2.0 * k * k * lambda * lambda);
  return {distance, std::clamp(p, 0.0, 1.0)};
}

double Calibration::mean_log_q() const {
  return std::accumulate(log_q_.begin(), log_q_.end(), 0.0) / static_cast<double>(log_q_.size());
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
    const UniformKs ks = uniform_ks(ranks);
    c.ks_p = ks.p;
    c.ks_distance = ks.distance;
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

std::vector<CalibrationStatistic> Calibration::statistics() const {
  const double n = static_cast<double>(systems());
  const auto scatter = [](const std::vector<double>& values, double mean) {
    double sum = 0.0;
    for (const double v : values) sum += (v - mean) * (v - mean);
    return std::sqrt(sum / static_cast<double>(values.size()));
  };
  std::vector<CalibrationStatistic> all;
  const auto rows = summary();
  for (int p = 0; p < kParameterCount; ++p) {
    const ParameterCalibration& c = rows[p];
    const std::string parameter(kParameters[p].name);
    for (std::size_t level = 0; level < kCoverageLevels.size(); ++level) {
      const double nominal = kCoverageLevels[level];
      // Of the nominal level: an interval that covered all or none would otherwise have no scatter at all.
      all.push_back({parameter, fmt::format("coverage{:.0f}", 100.0 * nominal), c.coverage[level],
                     std::sqrt(nominal * (1.0 - nominal)), n});
    }
    all.push_back({parameter, "mean_rank", c.mean_rank, scatter(column(ranks_, p), c.mean_rank), n});
    all.push_back({parameter, "ks_distance", c.ks_distance, 0.0, n});
  }
  const double log_q = mean_log_q();
  all.push_back({"all", "ln_q", log_q, scatter(log_q_, log_q), static_cast<double>(log_q_.size())});
  return all;
}

void CalibrationRecord::write(const std::filesystem::path& file, const Calibration& calibration,
                              const std::vector<std::string>& provenance) {
  std::string text;
  for (const std::string& line : provenance) text += "# " + line + "\n";
  text += "parameter,statistic,value,scatter,systems\n";
  for (const CalibrationStatistic& s : calibration.statistics()) {
    text += fmt::format("{},{},{:.6f},{:.6f},{:.0f}\n", s.parameter, s.name, s.value, s.scatter, s.systems);
  }
  write_text_file(file, text);
}

CalibrationRecord CalibrationRecord::read(const std::filesystem::path& file) {
  const TextTable table = TextTable::read(file);
  const std::vector<std::string_view> parameter = table.texts("parameter"), name = table.texts("statistic");
  const std::vector<double> value = table.numbers("value"), scatter = table.numbers("scatter"),
                            systems = table.numbers("systems");
  CalibrationRecord record;
  record.file_ = file;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    if (!(scatter[i] >= 0.0 && systems[i] >= 1.0)) {
      throw UserError(fmt::format("{}: scatter {} and systems {}: the first is not negative, the second at least 1",
                                  table.where(i), scatter[i], systems[i]));
    }
    record.recorded_.push_back({std::string(parameter[i]), std::string(name[i]), value[i], scatter[i], systems[i]});
  }
  return record;
}

std::vector<std::string> CalibrationRecord::departures(const Calibration& now) const {
  constexpr double kStandardErrors = 4.0, kKsMargin = 2.23;
  const std::vector<CalibrationStatistic> current = now.statistics();
  const auto same = [](const CalibrationStatistic& a, const CalibrationStatistic& b) {
    return a.parameter == b.parameter && a.name == b.name;
  };
  for (const CalibrationStatistic& r : recorded_) {
    if (std::ranges::none_of(current, [&](const CalibrationStatistic& s) { return same(s, r); })) {
      throw UserError(
          fmt::format("{}: {} of {} is not a statistic of a calibration", file_.string(), r.name, r.parameter));
    }
  }
  std::vector<std::string> departures;
  for (const CalibrationStatistic& s : current) {
    const auto r = std::ranges::find_if(recorded_, [&](const CalibrationStatistic& x) { return same(s, x); });
    if (r == recorded_.end())
      throw UserError(fmt::format("{}: {} of {} is missing", file_.string(), s.name, s.parameter));
    const bool distance = s.name == "ks_distance";
    const double margin = distance ? kKsMargin / std::sqrt(s.systems)
                                   : kStandardErrors * r->scatter * std::sqrt(1.0 / s.systems + 1.0 / r->systems);
    const double lower = distance ? 0.0 : r->value - margin, upper = r->value + margin;
    if (!(s.value >= lower && s.value <= upper)) {
      departures.push_back(
          fmt::format("{} of {} is {:.4f}; its band is {:.4f} to {:.4f}", s.name, s.parameter, s.value, lower, upper));
    }
  }
  return departures;
}

}  // namespace penumbra
