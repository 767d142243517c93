// Widths that are wrong by known factors, in a world where each parameter is a known mixture of the dimensions.
#include "inference/width_calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "base/random.h"

namespace penumbra {
namespace {

constexpr std::size_t kSamples = 200;

// The truth is normal about a centre of its own in each dimension; samples are drawn with `width` times its deviation.
class World {
 public:
  std::array<double, kParameterCount> width;
  WidthCalibration::Restore restore;

  World() { width.fill(1.0); }

  WidthCalibration measure(std::size_t systems) const {
    WidthCalibration calibration;
    for (std::size_t i = 0; i < systems; ++i) {
      RandomStream random(3, i, Stage::kTest);
      std::array<float, kParameterCount> centre, truth;
      for (std::size_t d = 0; d < kParameterCount; ++d) {
        centre[d] = static_cast<float>(0.1 * random.normal());
        truth[d] = centre[d] + static_cast<float>(0.01 * random.normal());
      }
      std::vector<float> drawn(kSamples * kParameterCount);
      for (std::size_t s = 0; s < drawn.size(); ++s) {
        const std::size_t d = s % kParameterCount;
        drawn[s] = centre[d] + static_cast<float>(0.01 * width[d] * random.normal());
      }
      Theta theta;
      restore(truth.data(), theta);
      calibration.add(theta, drawn, restore, 1);
    }
    return calibration;
  }
};

bool as_it_is(const float* sample, Theta& theta) {
  std::copy_n(sample, kParameterCount, theta.begin());
  return true;
}

TEST(WidthCalibration, FindsTheFactorOfADimension) {
  World world;
  world.restore = as_it_is;
  world.width[kRsumFrac] = 1.06;
  world.width[kQ] = 0.95;
  const WidthCalibration::Fit fit = world.measure(6000).fit();
  // A normal truth's mean |2 u - 1| has the slope 1 / pi in ln scale, so its error of .29 / sqrt(N) is .012 of a scale,
  // and the prior of .02 takes a quarter of what is found.
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    EXPECT_NEAR(fit.parameters[p].error, std::sqrt(1.0 / 12.0 / 6000.0), 2e-4);
    const double wanted = -std::log(world.width[p]), shrunk = wanted * 0.02 * 0.02 / (0.02 * 0.02 + 0.0117 * 0.0117);
    EXPECT_NEAR(std::log(fit.scale[p]), shrunk, 3.5 * 0.0117) << p;
    EXPECT_NEAR(fit.parameters[p].excess, wanted / M_PI, 4.0 * fit.parameters[p].error) << p;
    EXPECT_LT(std::fabs(fit.parameters[p].left), std::fabs(fit.parameters[p].excess) + 1e-9) << p;
  }
  EXPECT_LT(fit.scale[kRsumFrac], 0.985);
  EXPECT_GT(fit.scale[kQ], 1.01);
}

// A parameter that several dimensions make up: it is wide because of one of them, and that one is narrowed.
TEST(WidthCalibration, LooksAtTheParametersNotTheDimensions) {
  World world;
  world.width[kCosI] = 1.1;
  world.restore = [](const float* sample, Theta& theta) {
    as_it_is(sample, theta);
    theta[kRsumFrac] = sample[kRsumFrac] + 2.0 * sample[kCosI];
    return true;
  };
  const WidthCalibration::Fit fit = world.measure(6000).fit();
  EXPECT_LT(fit.parameters[kRsumFrac].excess, -4.0 * fit.parameters[kRsumFrac].error);
  EXPECT_LT(fit.scale[kCosI], 0.95);
  EXPECT_NEAR(fit.scale[kRsumFrac], 1.0, 0.03);
  EXPECT_LT(std::fabs(fit.parameters[kRsumFrac].left), -0.4 * fit.parameters[kRsumFrac].excess);
}

TEST(WidthCalibration, SystemsWithoutSamplesDoNotCount) {
  World world;
  world.restore = [](const float* sample, Theta& theta) { return as_it_is(sample, theta) && sample[0] > 5.0f; };
  const WidthCalibration none = world.measure(30);
  EXPECT_EQ(none.systems(), 0u);
  EXPECT_THROW(none.fit(), std::runtime_error);
}

}  // namespace
}  // namespace penumbra
