#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/device.h"
#include "kernels/observe.h"
#include "tests/kernels/random_stars.h"

namespace penumbra {
namespace {

// The device has its own elementary functions and contracts a * b + c. A phase is what is left of up to 1e4 cycles: on
// the host, contraction alone moved phases of 3,000 stars by 9e-13 and all else by 2e-14 at most, and no decision.
TEST(ObserveGpu, AgreesWithTheCpu) {
  std::string why;
  if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  const Surveys surveys = Surveys::load(kSurveyBank);
  DeviceSurveys device(surveys.view());
  Schedules schedules;
  for (const int count : {1, 300, 7}) {
    RandomStars stars(count);
    device.schedule(4, 9, stars.apparent, stars.period_day, schedules);
    device.observe(4, 9, stars.input(schedules), stars.output());
    const RandomStars::Differences differences = stars.from_cpu(surveys, 4, 9, schedules);
    std::printf("%d systems: differences from the CPU: phases %.1e, all else %.1e of the value\n", count,
                differences.phase, differences.other);
    EXPECT_LT(differences.phase, 1e-11);
    EXPECT_LT(differences.other, 1e-12);
  }
  RandomStars none(0);
  device.schedule(4, 9, none.apparent, none.period_day, schedules);
  EXPECT_EQ(schedules.epoch_start, std::vector<int>{0});
  device.observe(4, 9, none.input(schedules), none.output());
}

}  // namespace
}  // namespace penumbra
