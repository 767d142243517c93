#include "sim/space_mission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace penumbra {
namespace {

TEST(SpaceMission, PublishedNoise) {
  // Ricker et al. (2015) and Sullivan et al. (2015): about 200 ppm in an hour at T = 10, floor of 60 ppm.
  EXPECT_NEAR(tess_noise(10.0, 1.0 / 24.0), 200e-6, 30e-6);
  EXPECT_NEAR(tess_noise(2.0, 1.0 / 24.0), 60e-6, 15e-6);
  EXPECT_DOUBLE_EQ(tess_noise(12.0, 0.01), 10.0 * tess_noise(12.0, 1.0));
  // Photon noise of 3.46e8 electrons a long cadence at Kp = 12; fainter: background, as 1 / flux.
  EXPECT_NEAR(kepler_noise(12.0), 54.3e-6, 0.2e-6);
  EXPECT_NEAR(kepler_noise(7.0), 5.4e-6, 0.1e-6);
  EXPECT_GT(kepler_noise(18.0) / kepler_noise(17.0), std::pow(10.0, 0.3));
}

TEST(SpaceMission, OneSlotFromEachStretch) {
  // Ten slots of .1 d, a pause of 1 d after the fifth, all kept, a period longer than the run: ten distinct times.
  BlockSchedule schedule;
  schedule.block_count = 1;
  schedule.exposure_day = 0.1;
  schedule.pause_day = 1.0;
  schedule.exposures_per_block = 10;
  ASSERT_EQ(schedule.epoch_count(), 10);
  const RandomStream random(1, 2, Stage::kTest);
  double phase[10];
  for (int begin = 0; begin < 10; begin += 5) draw_block_phases(schedule, 100.0, 3.0, random, begin, begin + 5, phase);
  for (int i = 1; i < 10; ++i) {
    const double step = fold_phase(phase[i] - phase[i - 1]) * 100.0;
    EXPECT_NEAR(step, i == 5 ? 1.1 : 0.1, 1e-9);
  }
  EXPECT_DOUBLE_EQ(schedule.epoch_sigma(0.01), 0.01);
}

TEST(SpaceMission, ThinningKeepsTheInformation) {
  BlockSchedule schedule;
  schedule.block_count = 2;
  schedule.start_day[1] = 50.0;
  schedule.exposure_day = 120.0 / 86400.0;
  schedule.exposures_per_block = 18000;
  schedule.kept = 0.5;
  ASSERT_EQ(schedule.epoch_count(), kMaxEpochs);
  const double sigma = schedule.epoch_sigma(0.003);
  EXPECT_NEAR(kMaxEpochs / (sigma * sigma), 18000.0 / (0.003 * 0.003), 1.0);
}

TEST(SpaceMission, ASectorWithoutGoodExposuresHasOne) {
  RandomStream random(1, 4, Stage::kTest);
  BlockSchedule schedule;
  draw_tess_schedule(0.0, random, schedule);
  ASSERT_EQ(schedule.epoch_count(), 1);
  double phase = -1.0;
  draw_block_phases(schedule, 2.0, 0.5, random, 0, 1, &phase);
  EXPECT_GE(phase, 0.0);
  EXPECT_LT(phase, 1.0);
}

TEST(SpaceMission, SchedulesAreSane) {
  int two_years_apart = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    RandomStream random(5, i, Stage::kTest);
    BlockSchedule tess, kepler;
    draw_tess_schedule(0.8, random, tess);
    const double sigma = draw_kepler_schedule(9.0, random, kepler);
    for (const BlockSchedule& schedule : {tess, kepler}) {
      ASSERT_GE(schedule.block_count, 1);
      ASSERT_LE(schedule.block_count, BlockSchedule::kMaxBlocks);
      ASSERT_GT(schedule.kept, 0.5);
      ASSERT_LE(schedule.kept, 1.0);
      const double length = schedule.exposures_per_block * schedule.exposure_day + schedule.pause_day;
      ASSERT_LT(length, 92.0);
      for (int b = 1; b < schedule.block_count; ++b) {
        ASSERT_GE(schedule.start_day[b] - schedule.start_day[b - 1], length - 1e-9);
      }
      if (schedule.block_count > 1 && schedule.start_day[1] > 300.0) ++two_years_apart;
    }
    ASSERT_GT(sigma, kepler_noise(9.0) * 0.5);
    ASSERT_LT(sigma, 1e-2);
  }
  EXPECT_GT(two_years_apart, 100);
}

TEST(SpaceMission, RealK2StarLiesInsideTheTrainingDistribution) {
  const char* shared = std::getenv("PENUMBRA_SHARED");
  const std::filesystem::path file =
      std::filesystem::path(shared ? shared : PENUMBRA_SOURCE_DIR "/../shared") / "observations" / "hd23642_k2.dat";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there: real light curves are no part of a clone";
  std::ifstream stream(file);
  std::vector<double> sigma;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream fields(line);
    double time, magnitude, error;
    if (fields >> time >> magnitude >> error) sigma.push_back(error * 0.4 * std::log(10.0));
  }
  ASSERT_GT(sigma.size(), 2000u);
  double real = 0.0;
  for (const double s : sigma) real += 1.0 / (s * s);
  // Error of the mean of the whole curve, which thinning does not change.
  std::vector<double> simulated;
  for (std::uint64_t i = 0; i < 4000; ++i) {
    RandomStream random(6, i, Stage::kTest);
    BlockSchedule schedule;
    const double error = draw_kepler_schedule(6.8, random, schedule);
    simulated.push_back(error / std::sqrt(schedule.block_count * schedule.exposures_per_block * schedule.kept));
  }
  std::ranges::sort(simulated);
  const auto below = std::ranges::lower_bound(simulated, 1.0 / std::sqrt(real)) - simulated.begin();
  EXPECT_GT(below, 400);   // not in the lowest tenth
  EXPECT_LT(below, 3880);  // nor among the noisiest 3%
}

}  // namespace
}  // namespace penumbra
