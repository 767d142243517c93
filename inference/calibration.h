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
double uniform_ks_p(std::vector<double>& values);

struct ParameterCalibration {
  double ks_p;                     // of the ranks against uniform
  double mean_rank;                // 0.5 when unbiased
  std::array<double, 4> coverage;  // of the central 50, 68, 90 and 95% intervals
  double median_width68, median_width90;
  double rms_error_over_prior;  // rms(posterior median - truth) / standard deviation of the truths
};

inline constexpr std::array<double, 4> kCoverageLevels{0.50, 0.68, 0.90, 0.95};

// Collects system after system; not thread-safe.
class Calibration {
 public:
  // samples[S][16] row-major, the posterior of a system whose parameters are `truth`.
  void add(const Theta& truth, const std::vector<Theta>& samples);
  std::size_t systems() const { return truths_.size(); }
  std::array<ParameterCalibration, kParameterCount> summary() const;
  // One row a parameter: name, unit, the members of ParameterCalibration. `provenance`: lines written first, after "#
  // ".
  void write_csv(const std::filesystem::path& file, const std::vector<std::string>& provenance) const;
  std::string table() const;  // for people

 private:
  std::vector<Theta> truths_, medians_, ranks_;
  std::vector<std::array<double, kParameterCount>> width68_, width90_;
};

}  // namespace penumbra
