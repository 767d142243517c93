#include "inference/calibration.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace penumbra {
namespace {

TEST(UniformKs, KnownValues) {
  // One value at .5: D = .5 exactly; the corrected statistic is (1 + .12 + .11) * .5 = .615.
  std::vector<double> one{0.5};
  EXPECT_NEAR(uniform_ks_p(one), 0.844, 0.002);
  // Evenly spaced midpoints are as uniform as can be.
  std::vector<double> even;
  for (int i = 0; i < 200; ++i) even.push_back((i + 0.5) / 200);
  EXPECT_GT(uniform_ks_p(even), 0.999);
  // All in one half: impossible by chance.
  for (double& v : even) v *= 0.5;
  EXPECT_LT(uniform_ks_p(even), 1e-12);
}

TEST(UniformKs, PValuesAreUniformUnderTheNull) {
  int below = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    RandomStream random(7, trial, Stage::kTest);
    std::vector<double> values(50);
    for (double& v : values) v = random.uniform();
    below += uniform_ks_p(values) < 0.1;
  }
  EXPECT_NEAR(below / 2000.0, 0.1, 0.025);
}

// truth ~ N(0, 1), datum = truth + N(0, 1): posterior N(datum / 2, 1 / sqrt 2), made `width` times wider.
Calibration gaussian_calibration(double width) {
  Calibration calibration;
  for (int n = 0; n < 1500; ++n) {
    RandomStream random(3, n, Stage::kTest);
    Theta truth, datum;
    for (int p = 0; p < kParameterCount; ++p) {
      truth[p] = random.normal();
      datum[p] = truth[p] + random.normal();
    }
    std::vector<Theta> samples(199);
    for (Theta& sample : samples)
      for (int p = 0; p < kParameterCount; ++p) sample[p] = 0.5 * datum[p] + width * std::sqrt(0.5) * random.normal();
    calibration.add(truth, samples);
  }
  return calibration;
}

TEST(Calibration, ExactPosteriorIsCalibrated) {
  for (const ParameterCalibration& c : gaussian_calibration(1.0).summary()) {
    EXPECT_GT(c.ks_p, 1e-3);
    for (std::size_t level = 0; level < kCoverageLevels.size(); ++level)
      EXPECT_NEAR(c.coverage[level], kCoverageLevels[level], 0.045);
    EXPECT_NEAR(c.median_width68, 2 * 0.99446 * std::sqrt(0.5), 0.04);
    EXPECT_NEAR(c.rms_error_over_prior, std::sqrt(0.5), 0.05);
  }
}

TEST(Calibration, OverconfidentPosteriorIsCaught) {
  for (const ParameterCalibration& c : gaussian_calibration(0.7).summary()) {
    EXPECT_LT(c.ks_p, 1e-3);
    EXPECT_LT(c.coverage[1], 0.58);
  }
}

}  // namespace
}  // namespace penumbra
