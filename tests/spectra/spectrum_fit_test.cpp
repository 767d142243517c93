// Fits of simulated stars by the shipped emulator.
#include "spectra/spectrum_fit.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <filesystem>
#include <optional>

#include "sim/tracks.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;
const fs::path kData = PENUMBRA_SOURCE_DIR "/data";

class SpectrumFitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(kData / "tables/tracks.h5")) GTEST_SKIP() << "no data tables: run tools/setup.sh tables";
    prior_.emplace(TrackGrid::load(kData / "tables/tracks.h5").view());
    emulator_.emplace(Emulator::load(kData / "spectra/emulator.h5"));
  }
  // A star of the prior at one S/N, a tenth of its pixels masked.
  SpectrumObservation observe(const Labels& labels, double signal_to_noise, std::uint64_t seed) const {
    SpectrumObservation seen{std::vector<float>(kPixelCount),
                             std::vector<float>(kPixelCount, static_cast<float>(1.0 / signal_to_noise)),
                             std::vector<unsigned char>(kPixelCount)};
    emulator_->evaluate({&labels, 1}, seen.flux);
    RandomStream random(seed, 0, Stage::kTest);
    for (std::size_t p = 0; p < kPixelCount; ++p) {
      seen.flux[p] += static_cast<float>(random.normal() / signal_to_noise);
      seen.masked[p] = random.uniform() < 0.1;
    }
    return seen;
  }

  std::optional<LabelPrior> prior_;
  std::optional<Emulator> emulator_;
};

TEST_F(SpectrumFitTest, FindsTheLabels) {
  double squares = 0.0;
  int known = 0;
  for (std::uint64_t star = 0; star < 3; ++star) {
    const Labels truth = prior_->draw(7, star).labels;
    const SpectrumObservation seen = observe(truth, 200.0, star);
    const SpectrumLikelihood likelihood(*emulator_, seen);
    const SpectrumFit fit = fit_spectrum(likelihood, *prior_);
    // As good as the truth, and as much better as its freedom allows: 26 labels, chi^2_26 beyond 60 once in 6,000.
    const double at_truth = likelihood.models({&truth, 1}).chi_squared[0];
    EXPECT_LE(fit.chi_squared, at_truth + 0.1) << star;
    EXPECT_GE(fit.chi_squared, at_truth - 60.0) << star;
    EXPECT_LT(std::fabs(fit.labels[kLabelTeff] - truth[kLabelTeff]), 150.0) << star;
    for (std::size_t i = 0; i < kLabels.size(); ++i) {
      EXPECT_GE(fit.labels[i], kLabels[i].low);
      EXPECT_LE(fit.labels[i], kLabels[i].high);
      // Errors are those of a linear model: of labels that are known to a tenth of their range.
      if (!(fit.error[i] < 0.1 * (kLabels[i].high - kLabels[i].low))) continue;
      squares += std::pow((fit.labels[i] - truth[i]) / fit.error[i], 2);
      ++known;
    }
  }
  ASSERT_GT(known, 30);
  EXPECT_NEAR(squares / known, 1.0, 0.8);
}

// The mode is one, and the covariance tells how fast the density falls around it.
TEST_F(SpectrumFitTest, FindsTheModeOfThePosterior) {
  const SpectrumObservation seen = observe(prior_->draw(8, 0).labels, 100.0, 9);
  const SpectrumLikelihood likelihood(*emulator_, seen);
  const PosteriorMode mode = fit_posterior(likelihood, *prior_);
  const auto half_objective = [&](const LabelLatent& z) {
    const Labels labels = prior_->labels_of(z);
    double sum = likelihood.models({&labels, 1}).chi_squared[0];
    for (const double value : z) sum += value * value;
    return 0.5 * sum;
  };
  const double lowest = half_objective(mode.z);
  const Eigen::LLT<Eigen::MatrixXd> root(mode.covariance);
  const Eigen::MatrixXd lower = root.matrixL();
  RandomStream random(11, 0, Stage::kTest);
  double rise = 0.0;
  constexpr int kDraws = 20;
  for (int n = 0; n < kDraws; ++n) {
    Eigen::VectorXd unit(kLabelCount);
    for (double& u : unit) u = random.normal();
    unit *= 0.3 / unit.norm();
    LabelLatent z = mode.z;
    const Eigen::VectorXd step = lower * unit;
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += step[static_cast<Eigen::Index>(i)];
    rise += (half_objective(z) - lowest) / kDraws;
  }
  EXPECT_NEAR(rise, 0.5 * 0.3 * 0.3, 0.02);
}

}  // namespace
}  // namespace penumbra
