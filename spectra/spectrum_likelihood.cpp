#include "spectra/spectrum_likelihood.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "base/parallel.h"
#include "sim/constants.h"
#include "spectra/continuum.h"

namespace penumbra {
namespace {

constexpr std::size_t kPart = 32;  // spectra in memory at once
using Terms = Eigen::Matrix<double, kContinuumTerms, 1>;
using Normal = Eigen::Matrix<double, kContinuumTerms, kContinuumTerms>;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

}  // namespace

SpectrumLikelihood::SpectrumLikelihood(const Emulator& emulator, const SpectrumObservation& observation)
    : emulator_(emulator), observation_(observation) {
  for (int chip = 0; chip < kChipCount; ++chip) {
    int seen = 0;
    for (int p = chip_start(chip); p < chip_start(chip + 1); ++p) {
      terms_.push_back(continuum_terms(chip, p));
      const bool masked = observation.masked[index(p)];
      const double sigma = static_cast<double>(observation.error[index(p)]);
      weight_.push_back(masked ? 0.0 : 1.0 / sigma);
      if (masked) continue;
      ++seen;
      log_norm_ -= 0.5 * std::log(kTwoPi) + std::log(sigma);
    }
    if (seen < kContinuumTerms) throw std::invalid_argument("SpectrumLikelihood: a detector without pixels");
    pixels_ += seen;
    log_norm_ += 0.5 * kContinuumTerms * std::log(kTwoPi);
  }
}

SpectrumLikelihood::Fit SpectrumLikelihood::fit(const float* flux) const {
  Fit out;
  for (int chip = 0; chip < kChipCount; ++chip) {
    Normal normal = Normal::Zero();
    Terms right = Terms::Zero();
    double square = 0.0;
    for (int p = chip_start(chip); p < chip_start(chip + 1); ++p) {
      const std::size_t i = index(p);
      if (weight_[i] == 0.0) continue;
      const double y = static_cast<double>(observation_.flux[i]) * weight_[i];
      const Terms row = Eigen::Map<const Terms>(terms_[i].data()) * (static_cast<double>(flux[i]) * weight_[i]);
      normal.noalias() += row * row.transpose();
      right.noalias() += row * y;
      square += y * y;
    }
    const Eigen::LDLT<Normal> factors(normal);
    const Terms continuum = factors.solve(right);
    std::ranges::copy(continuum, out.continuum[index(chip)].begin());
    out.chi_squared += std::max(square - right.dot(continuum), 0.0);
    out.log_determinant += factors.vectorD().array().log().sum();
  }
  return out;
}

std::vector<double> SpectrumLikelihood::log_likelihood(std::span<const Labels> labels, int threads) const {
  std::vector<double> out(labels.size());
  parallel_for((labels.size() + kPart - 1) / kPart, threads, [&](std::uint64_t part) {
    const std::size_t first = part * kPart, count = std::min(kPart, labels.size() - first);
    std::vector<float> flux(count * kPixelCount);
    emulator_.evaluate(labels.subspan(first, count), flux);
    for (std::size_t b = 0; b < count; ++b) {
      const float* const row = &flux[b * kPixelCount];
      if (std::isnan(*row)) {
        out[first + b] = -std::numeric_limits<double>::infinity();
        continue;
      }
      const Fit best = fit(row);
      out[first + b] = log_norm_ - 0.5 * (best.chi_squared + best.log_determinant);
    }
  });
  return out;
}

SpectrumLikelihood::Models SpectrumLikelihood::models(std::span<const Labels> labels) const {
  Models out;
  out.flux.resize(labels.size() * kPixelCount);
  emulator_.evaluate(labels, out.flux);
  for (std::size_t b = 0; b < labels.size(); ++b) {
    float* const row = &out.flux[b * kPixelCount];
    if (std::isnan(*row)) {
      out.chi_squared.push_back(std::numeric_limits<double>::infinity());
      continue;
    }
    const Fit best = fit(row);
    out.chi_squared.push_back(best.chi_squared);
    for (int chip = 0; chip < kChipCount; ++chip) {
      const Terms continuum(best.continuum[index(chip)].data());
      for (int p = chip_start(chip); p < chip_start(chip + 1); ++p) {
        row[p] *= static_cast<float>(continuum.dot(Eigen::Map<const Terms>(terms_[index(p)].data())));
      }
    }
  }
  return out;
}

void SpectrumLikelihood::residuals(const float* model, double* residual) const {
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    const double difference = static_cast<double>(observation_.flux[p]) - static_cast<double>(model[p]);
    residual[p] = weight_[p] == 0.0 ? 0.0 : difference * weight_[p];
  }
}

}  // namespace penumbra
