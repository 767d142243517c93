#include "spectra/spectrum_likelihood.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <Eigen/Dense>
#include <cmath>
#include <filesystem>

#include "sim/constants.h"
#include "tests/spectra/random_emulator.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

Emulator random_emulator() {
  const fs::path file = fs::temp_directory_path() / ("penumbra_likelihood_" + std::to_string(::getpid()) + ".h5");
  EmulatorArrays(kEmulatorLabelCount, 8, 8).write(file);
  Emulator emulator = Emulator::load(file);
  fs::remove(file);
  return emulator;
}

// A star's spectrum with noise; only every `stride`-th pixel is seen.
SpectrumObservation observe(const Emulator& emulator, const Labels& star, int stride) {
  SpectrumObservation seen{std::vector<float>(kPixelCount), std::vector<float>(kPixelCount),
                           std::vector<unsigned char>(kPixelCount, 1)};
  emulator.evaluate({&star, 1}, seen.flux);
  RandomStream random(3, 0, Stage::kTest);
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    seen.error[p] = static_cast<float>(0.01 + 0.02 * random.uniform());
    seen.flux[p] += seen.error[p] * static_cast<float>(random.normal());
    seen.masked[p] = static_cast<int>(p) % stride != 0;
    if (seen.masked[p]) seen.flux[p] = seen.error[p] = NAN;  // what is masked is not read
  }
  return seen;
}

// ln N(y; 0, Sigma + s^2 A A^T) of all pixels at once: the continuum's coefficients with a wide Gaussian prior instead
// of a flat one, times that prior's norm.
double dense_likelihood(const Emulator& emulator, const SpectrumObservation& seen, const Labels& labels) {
  constexpr double kWide = 300.0;
  std::vector<float> flux(kPixelCount);
  emulator.evaluate({&labels, 1}, flux);
  std::vector<std::size_t> pixels;
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    if (!seen.masked[p]) pixels.push_back(p);
  }
  const auto count = static_cast<Eigen::Index>(pixels.size());
  Eigen::MatrixXd design = Eigen::MatrixXd::Zero(count, kChipCount * 5);
  Eigen::VectorXd y(count), variance(count);
  for (Eigen::Index r = 0; r < count; ++r) {
    const int p = static_cast<int>(pixels[static_cast<std::size_t>(r)]);
    int chip = 0;
    while (p >= chip_start(chip + 1)) ++chip;
    const double x = 2.0 * (p - chip_start(chip)) / (chip_start(chip + 1) - 1.0 - chip_start(chip)) - 1.0;
    for (int n = 0; n < 5; ++n)
      design(r, 5 * chip + n) = static_cast<double>(flux[static_cast<std::size_t>(p)]) * std::cos(n * std::acos(x));
    y[r] = static_cast<double>(seen.flux[static_cast<std::size_t>(p)]);
    variance[r] = std::pow(static_cast<double>(seen.error[static_cast<std::size_t>(p)]), 2);
  }
  Eigen::MatrixXd covariance = kWide * kWide * design * design.transpose();
  covariance.diagonal() += variance;
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  const double log_determinant = 2.0 * factor.matrixL().toDenseMatrix().diagonal().array().log().sum();
  return -0.5 * (y.dot(factor.solve(y)) + log_determinant + static_cast<double>(count) * std::log(kTwoPi)) +
         15.0 * std::log(kWide * std::sqrt(kTwoPi));
}

TEST(SpectrumLikelihood, IntegratesOverTheContinuum) {
  const Emulator emulator = random_emulator();
  RandomStream random(2, 0, Stage::kTest);
  const Labels star = random_labels(random);
  const SpectrumObservation seen = observe(emulator, star, 97);
  const SpectrumLikelihood likelihood(emulator, seen);
  EXPECT_EQ(likelihood.pixels(), 75);
  std::vector<Labels> labels{star};
  for (int i = 0; i < 5; ++i) labels.push_back(random_labels(random));
  const std::vector<double> values = likelihood.log_likelihood(labels, 2);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double dense = dense_likelihood(emulator, seen, labels[i]);
    EXPECT_NEAR(values[i], dense, 1e-3 + 1e-4 * std::fabs(dense)) << i;
  }
}

// The observation as bright as twice its continuum, or tilted: nothing that can be known changes.
TEST(SpectrumLikelihood, DoesNotSeeAContinuum) {
  const Emulator emulator = random_emulator();
  RandomStream random(4, 0, Stage::kTest);
  const std::vector<Labels> labels{random_labels(random), random_labels(random)};
  const SpectrumObservation seen = observe(emulator, labels[0], 7);
  SpectrumObservation tilted = seen;
  for (int chip = 0; chip < kChipCount; ++chip) {
    for (int p = chip_start(chip); p < chip_start(chip + 1); ++p) {
      const auto factor = static_cast<float>(1.0 + 0.3 * chip + 1e-4 * (p - chip_start(chip)));
      tilted.flux[static_cast<std::size_t>(p)] *= factor;
      tilted.error[static_cast<std::size_t>(p)] *= factor;
    }
  }
  const auto before = SpectrumLikelihood(emulator, seen).models(labels);
  const auto after = SpectrumLikelihood(emulator, tilted).models(labels);
  // Nearly: a polynomial over a straight line is one of degree 4 to within a few 1e-5 of the continuum.
  EXPECT_NEAR(before.chi_squared[1] - before.chi_squared[0], after.chi_squared[1] - after.chi_squared[0],
              2e-3 * (before.chi_squared[1] - before.chi_squared[0]));
  EXPECT_NEAR(before.chi_squared[0], after.chi_squared[0], 2.0);
}

TEST(SpectrumLikelihood, IsZeroWhereTheEmulatorHasNoSpectrum) {
  const Emulator emulator = random_emulator();
  RandomStream random(5, 0, Stage::kTest);
  std::vector<Labels> labels(2, random_labels(random));
  const SpectrumObservation seen = observe(emulator, labels[0], 3);
  labels[1][kLabelTeff] = 9000.0;
  const SpectrumLikelihood likelihood(emulator, seen);
  EXPECT_TRUE(std::isfinite(likelihood.log_likelihood(labels, 1)[0]));
  EXPECT_EQ(likelihood.log_likelihood(labels, 1)[1], -INFINITY);
  EXPECT_EQ(likelihood.models(labels).chi_squared[1], INFINITY);
}

}  // namespace
}  // namespace penumbra
