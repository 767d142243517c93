// Is a posterior calibrated? Ranks, coverage and widths over many simulated systems with known truth
// (simulation-based calibration: Talts et al. 2018; the paper, section 4.2).
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/parameters.h"

namespace penumbra {

// Two-sided Kolmogorov-Smirnov test of N values against the uniform distribution on [0, 1]: p from the asymptotic
// series with Stephens' (1970) correction, good to a few per cent for N >= 20. Sorts `values`.
struct UniformKs {
  double distance, p;
};
UniformKs uniform_ks(std::vector<double>& values);

struct ParameterCalibration {
  double ks_p;                     // of the ranks against uniform
  double ks_distance;              // the largest difference of the two distribution functions
  double mean_rank;                // 0.5 when unbiased
  std::array<double, 4> coverage;  // of the central 50, 68, 90 and 95% intervals
  double median_width68, median_width90;
  double rms_error_over_prior;  // rms(posterior median - truth) / standard deviation of the truths
};

inline constexpr std::array<double, 4> kCoverageLevels{0.50, 0.68, 0.90, 0.95};

// A mean over systems (coverage of an interval, rank, ln q) with the scatter of one system about it, or a KS distance.
struct CalibrationStatistic {
  std::string parameter;  // a parameter's name, or "all" for ln q
  std::string name;       // coverage50 | coverage68 | coverage90 | coverage95 | mean_rank | ks_distance | ln_q
  double value;
  double scatter;  // standard deviation of one system; 0 for a KS distance
  double systems;  // that it was measured on
};

// Collects system after system; not thread-safe.
class Calibration {
 public:
  // samples[S][16] row-major, the posterior of a system whose parameters are `truth`.
  void add(const Theta& truth, const std::vector<Theta>& samples);
  // ln q(truth | x) of a system, whether or not it had samples to add.
  void add_log_q(double log_q) { log_q_.push_back(log_q); }
  double mean_log_q() const;
  std::size_t systems() const { return truths_.size(); }
  std::array<ParameterCalibration, kParameterCount> summary() const;
  // One row a parameter: name, unit, the members of ParameterCalibration. `provenance`: lines written first, after "#
  // ".
  void write_csv(const std::filesystem::path& file, const std::vector<std::string>& provenance) const;
  std::string table() const;  // for people

  // Every statistic that CalibrationRecord keeps.
  std::vector<CalibrationStatistic> statistics() const;

 private:
  std::vector<Theta> truths_, medians_, ranks_;
  std::vector<std::array<double, kParameterCount>> width68_, width90_;
  std::vector<double> log_q_;
};

// A calibration that was measured once, and whether another one of the same network is still the same.
class CalibrationRecord {
 public:
  static void write(const std::filesystem::path& file, const Calibration& calibration,
                    const std::vector<std::string>& provenance);
  // UserError: a missing column or statistic, one that is not known, a value out of its range.
  static CalibrationRecord read(const std::filesystem::path& file);

  // One line for each statistic of `now` outside its band; none: nothing has changed that can be told from chance.
  // A mean's band is 4 standard errors of both measurements together; that of a KS distance is the recorded one + what
  // n values exceed with a probability of 1e-4 (2.23 / sqrt n): by the triangle inequality it then holds for the
  // recorded distribution too. With 16 parameters chance alone leaves some band once in 150 times.
  std::vector<std::string> departures(const Calibration& now) const;

 private:
  std::filesystem::path file_;
  std::vector<CalibrationStatistic> recorded_;
};

}  // namespace penumbra
