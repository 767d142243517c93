#include "inference/width_calibration.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base/parallel.h"
#include "inference/ranks.h"
#include "nn/width_factor.h"

namespace penumbra {
namespace {

constexpr std::size_t kFewest = 20;  // samples and systems

// |2 u - 1| of every parameter; nothing where too few samples are accepted.
std::optional<Theta> distances(const Theta& truth, const std::vector<float>& samples,
                               const WidthCalibration::Restore& restore) {
  std::vector<Theta> accepted;
  Theta theta;
  for (std::size_t first = 0; first < samples.size(); first += kParameterCount) {
    if (restore(&samples[first], theta)) accepted.push_back(theta);
  }
  if (accepted.size() < kFewest) return std::nullopt;
  Theta result;
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    const Marginal line = marginal(truth, accepted, static_cast<Parameter>(p));
    const auto below = std::ranges::count_if(line.samples, [&](double value) { return value < line.truth; });
    result[p] = std::fabs(2.0 * (static_cast<double>(below) + 0.5) / static_cast<double>(accepted.size() + 1) - 1.0);
  }
  return result;
}

}  // namespace

void WidthCalibration::add(const Theta& truth, std::span<const float> drawn, const Restore& restore, int threads) {
  constexpr std::size_t kWidth = kParameterCount;
  const std::size_t count = drawn.size() / kWidth;
  std::array<double, kWidth> centre{}, narrowing{};
  for (std::size_t d = 0; d < kWidth; ++d) {
    double square = 0.0;
    for (std::size_t i = d; i < drawn.size(); i += kWidth) centre[d] += drawn[i] / static_cast<double>(count);
    for (std::size_t i = d; i < drawn.size(); i += kWidth) square += (drawn[i] - centre[d]) * (drawn[i] - centre[d]);
    narrowing[d] = width_factor(kNarrowed, std::sqrt(square / static_cast<double>(count)));
  }
  std::array<std::optional<Theta>, kWidth + 1> measured;
  parallel_for(measured.size(), threads, [&](std::size_t variant) {
    std::vector<float> samples(drawn.begin(), drawn.end());
    for (std::size_t i = variant - 1; variant > 0 && i < samples.size(); i += kWidth) {
      samples[i] = static_cast<float>(std::lerp(centre[variant - 1], double{samples[i]}, narrowing[variant - 1]));
    }
    measured[variant] = distances(truth, samples, restore);
  });
  if (!std::ranges::all_of(measured, [](const auto& one) { return one.has_value(); })) return;
  ++systems_;
  for (std::size_t variant = 0; variant <= kWidth; ++variant) {
    for (std::size_t p = 0; p < kWidth; ++p) sums_[variant][p] += (*measured[variant])[p];
  }
  for (std::size_t p = 0; p < kWidth; ++p) squares_[p] += (*measured[0])[p] * (*measured[0])[p];
}

WidthCalibration::Fit WidthCalibration::fit() const {
  constexpr int kWidth = kParameterCount;
  constexpr double kPriorDeviation = 0.02;
  if (systems_ < kFewest) throw std::runtime_error("width calibration: expected samples of at least 20 systems");
  const double n = static_cast<double>(systems_);
  Fit fit;
  Eigen::Vector<double, kWidth> excess;  // in standard errors, as the slopes with ln scale are
  Eigen::Matrix<double, kWidth, kWidth> slope;
  for (int p = 0; p < kWidth; ++p) {
    const auto i = static_cast<std::size_t>(p);
    const double mean = sums_[0][i] / n, error = std::sqrt((squares_[i] / n - mean * mean) / n);
    fit.parameters[i] = {mean - 0.5, error, 0.0};
    excess[p] = (mean - 0.5) / error;
    for (int d = 0; d < kWidth; ++d) {
      slope(p, d) = (sums_[static_cast<std::size_t>(d) + 1][i] / n - mean) / std::log(kNarrowed) / error;
    }
  }
  const Eigen::Matrix<double, kWidth, kWidth> precision =
      slope.transpose() * slope +
      Eigen::Matrix<double, kWidth, kWidth>::Identity() / (kPriorDeviation * kPriorDeviation);
  const Eigen::Vector<double, kWidth> log_scale = precision.ldlt().solve(-slope.transpose() * excess);
  const Eigen::Vector<double, kWidth> left = excess + slope * log_scale;
  for (int d = 0; d < kWidth; ++d) {
    const auto i = static_cast<std::size_t>(d);
    fit.scale[i] = std::exp(log_scale[d]);
    fit.parameters[i].left = left[d] * fit.parameters[i].error;
  }
  return fit;
}

}  // namespace penumbra
