#include "spectra/continuum.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "spectra/pixels.h"

namespace penumbra {
namespace {

constexpr int kFewest = 10;
using Terms = Eigen::Matrix<double, kContinuumTerms, 1>;

Terms terms_of(int chip, int pixel) { return Terms(continuum_terms(chip, pixel).data()); }

struct Point {
  Terms terms;
  double flux, weight;
  bool kept;
};

Terms least_squares(const std::vector<Point>& points) {
  Eigen::Matrix<double, kContinuumTerms, kContinuumTerms> normal =
      Eigen::Matrix<double, kContinuumTerms, kContinuumTerms>::Zero();
  Terms right = Terms::Zero();
  for (const Point& p : points) {
    if (!p.kept) continue;
    normal.noalias() += p.weight * p.terms * p.terms.transpose();
    right.noalias() += p.weight * p.flux * p.terms;
  }
  return normal.ldlt().solve(right);
}

}  // namespace

std::array<double, kContinuumTerms> continuum_terms(int chip, int pixel) {
  const int first = chip_start(chip), last = chip_start(chip + 1) - 1;
  const double x = 2.0 * (pixel - first) / (last - first) - 1.0;
  std::array<double, kContinuumTerms> terms{1.0, x};
  for (std::size_t n = 2; n < terms.size(); ++n) terms[n] = 2.0 * x * terms[n - 1] - terms[n - 2];
  return terms;
}

Continuum::Continuum(std::span<const float> flux) {
  std::vector<double> distance(kPixelCount);
  bool any = false;
  for (std::size_t row = 0; row + kPixelCount <= flux.size(); row += kPixelCount) {
    if (std::isnan(flux[row])) continue;
    any = true;
    for (std::size_t p = 0; p < kPixelCount; ++p) {
      const double from_one = static_cast<double>(flux[row + p]) - 1.0;
      distance[p] += from_one * from_one;
    }
  }
  if (!any) throw std::invalid_argument("Continuum: no spectrum to choose its pixels from");
  for (int chip = 0; chip < kChipCount; ++chip) {
    for (int from = chip_start(chip); from < chip_start(chip + 1); from += kStretch) {
      std::vector<int> stretch(static_cast<std::size_t>(std::min(kStretch, chip_start(chip + 1) - from)));
      std::iota(stretch.begin(), stretch.end(), from);
      const int chosen = std::min(kChosen, static_cast<int>(stretch.size()));
      std::ranges::partial_sort(stretch, stretch.begin() + chosen, {},
                                [&](int p) { return distance[static_cast<std::size_t>(p)]; });
      pixels_.insert(pixels_.end(), stretch.begin(), stretch.begin() + chosen);
    }
  }
  std::ranges::sort(pixels_);
}

bool Continuum::fit(const float* flux, const float* error, const unsigned char* masked, float* continuum) const {
  for (int chip = 0; chip < kChipCount; ++chip) {
    std::vector<Point> points;
    for (const int p : pixels_) {
      if (p < chip_start(chip) || p >= chip_start(chip + 1) || masked[p]) continue;
      const double sigma = static_cast<double>(error[p]);
      points.push_back({terms_of(chip, p), static_cast<double>(flux[p]), 1.0 / (sigma * sigma), true});
    }
    const auto kept = [&] { return std::ranges::count(points, true, &Point::kept); };
    if (kept() < kFewest) return false;
    Terms coefficients = least_squares(points);
    for (int round = 0; round < kRounds; ++round) {
      std::vector<double> residuals;
      residuals.reserve(points.size());
      for (const Point& p : points) residuals.push_back(std::fabs(p.flux - p.terms.dot(coefficients)));
      std::vector<double> sorted = residuals;
      std::ranges::nth_element(sorted, sorted.begin() + std::ssize(sorted) / 2);
      const double limit = kClip * 1.4826 * sorted[sorted.size() / 2];  // a Gaussian's sigma from the median
      bool changed = false;
      for (std::size_t i = 0; i < points.size(); ++i) {
        const bool keep = residuals[i] <= limit;
        changed = changed || keep != points[i].kept;
        points[i].kept = keep;
      }
      if (!changed || kept() < kFewest) break;
      coefficients = least_squares(points);
    }
    for (int p = chip_start(chip); p < chip_start(chip + 1); ++p) {
      const double value = terms_of(chip, p).dot(coefficients);
      if (!(value > 0.0)) return false;
      continuum[p] = static_cast<float>(value);
    }
  }
  return true;
}

}  // namespace penumbra
