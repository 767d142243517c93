// The experiment experiments/spectra: its chains, and a short run.
#include <Eigen/Dense>
#include <cmath>

#include "experiments/spectra/chains.h"
#include "spectra/labels.h"
#include "tests/app/tiny_spectrum_network.h"
#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

// A correlated Gaussian of which the chains are told a covariance that is half as wide again.
TEST(Chains, SampleAGaussian) {
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(kLabelCount, kLabelCount);
  covariance(0, 0) = 4.0;
  covariance(0, 1) = covariance(1, 0) = 1.2;
  LabelLatent mode{};
  mode[1] = 3.0;
  const Eigen::LLT<Eigen::MatrixXd> factor(covariance);
  const auto density = [&](std::span<const LabelLatent> z) {
    std::vector<double> values;
    for (const LabelLatent& point : z) {
      Eigen::VectorXd x(kLabelCount);
      for (std::size_t i = 0; i < point.size(); ++i) x[static_cast<Eigen::Index>(i)] = point[i] - mode[i];
      values.push_back(-0.5 * x.dot(factor.solve(x)));
    }
    return values;
  };
  RandomStream random(1, 0, Stage::kTest);
  const Chains chains = run_chains(density, mode, 1.5 * covariance, {}, random);
  EXPECT_TRUE(chains.converged);
  EXPECT_LE(chains.r_hat, 1.05);
  double mean[2] = {}, square[2] = {}, product = 0.0;
  const double n = static_cast<double>(chains.draws.size());
  for (const LabelLatent& z : chains.draws) {
    for (std::size_t i = 0; i < 2; ++i) {
      mean[i] += z[i] / n;
      square[i] += std::pow(z[i] - mode[i], 2) / n;
    }
    product += (z[0] - mode[0]) * (z[1] - mode[1]) / n;
  }
  // At least 400 effective samples: 1/20 of a deviation, 7% of a variance; four times that.
  EXPECT_NEAR(mean[0], 0.0, 0.4);
  EXPECT_NEAR(mean[1], 3.0, 0.2);
  EXPECT_NEAR(square[0], 4.0, 1.2);
  EXPECT_NEAR(square[1], 1.0, 0.3);
  EXPECT_NEAR(product, 1.2, 0.4);
}

TEST(SpectraExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const std::filesystem::path data = PENUMBRA_SOURCE_DIR "/data", apogee = data / "tables/apogee";
  if (!std::filesystem::exists(apogee)) GTEST_SKIP() << apogee << " is absent: run tools/setup.sh tables";
  const ScratchFolder scratch("spectra_experiment");
  write_text(scratch.path() / "tiny.toml", kTinySpectrumPreset);
  const ProgramResult trained = run_program({"train", "--preset", "tiny.toml", "--out", "run", "--device", "cpu",
                                             "--data", data.string(), "--set", "threads=1"},
                                            scratch.path());
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const std::filesystem::path stars = scratch.path() / "stars";
  std::filesystem::create_directories(stars);
  std::filesystem::copy_file(apogee / "apStar-dr17-2M19485057+5005279.fits", stars / "star.fits");
  write_text(stars / "bad.fits", "not FITS");

  const SmokeRun run =
      run_smoke("spectra", {"--checkpoint", (scratch.path() / "run/weights.h5").string(), "--spectra", stars.string()});
  ASSERT_EQ(run.exit_code, 0) << run.log;
  EXPECT_NE(run.log.find("left out: "), std::string::npos) << run.log;
  expect_figures_and_provenance(run, {"recovery", "calibration", "coverage", "errors", "spectrum_0", "zoom_0"});
  EXPECT_EQ(run.table("labels.csv").rows(), static_cast<std::size_t>(kLabelCount));
  const TextTable calibration = run.table("calibration.csv");
  ASSERT_EQ(calibration.rows(), static_cast<std::size_t>(kLabelCount) + 1);
  for (const double p : calibration.numbers("p")) EXPECT_TRUE(p >= 0.0 && p <= 1.0);
  const TextTable cost = run.table("cost.csv");
  ASSERT_EQ(cost.rows(), 1u);
  // A fit is better than the truth, and that better than any of fifty random samples.
  EXPECT_LT(cost.numbers("chi2_fit")[0], cost.numbers("chi2_truth")[0] + 1.0);
  EXPECT_LT(cost.numbers("chi2_truth")[0], cost.numbers("chi2_best_sample")[0]);
  EXPECT_NEAR(cost.numbers("chi2_truth")[0] / cost.numbers("pixels")[0], 1.0, 0.1);
  const TextTable real = run.table("real.csv");
  ASSERT_GE(real.rows(), 1u);
  EXPECT_EQ(real.texts("name")[0], "2M19485057+5005279");
  EXPECT_LT(real.numbers("chi2_fit")[0], real.numbers("chi2_best_sample")[0]);
  EXPECT_EQ(run.table("work/spectra.csv").rows(), real.rows() * 7214u);
}

}  // namespace
}  // namespace penumbra
