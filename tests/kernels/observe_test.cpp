#include "kernels/observe.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "base/error.h"
#include "kernels/device.h"
#include "kernels/observe_body.h"
#include "kernels/observe_check.h"
#include "tests/kernels/random_stars.h"

namespace penumbra {
namespace {

const Surveys& surveys() {
  static const Surveys bank = Surveys::load(kSurveyBank);
  return bank;
}

// What DeviceSurveys does, on the host: memory as long as it has it, shared memory as its launches state it.
Schedules schedule_by_bodies(const RandomStars& stars, std::uint64_t seed, std::uint64_t first) {
  const std::size_t curves = stars.apparent.size() * kChannelCount;
  const int systems = static_cast<int>(stars.apparent.size());
  std::vector<int> count(curves, -1);
  std::vector<double> row_phase(curves * kMaxEpochs, -1.0), row_sigma = row_phase;
  Schedules out;
  out.exposure.assign(curves, -1.0);
  const ScheduleWork work{surveys().view(),
                          seed,
                          first,
                          stars.apparent.data(),
                          stars.period_day.data(),
                          count.data(),
                          out.exposure.data(),
                          row_phase.data(),
                          row_sigma.data()};
  for (int i = 0; i < systems; ++i) {
    HostBlock block(schedule_shared_bytes(work.surveys));
    schedule_body(block, work, i);
    EXPECT_EQ(block.bytes_left(), 0u);
  }
  out.epoch_start.assign(curves + 1, -1);
  HostBlock starts_block(starts_shared_bytes());
  starts_body(starts_block, StartsWork{static_cast<int>(curves), count.data(), out.epoch_start.data()});
  EXPECT_EQ(starts_block.bytes_left(), 0u);
  out.phase.assign(static_cast<std::size_t>(out.epoch_start.back()), -1.0);
  out.sigma = out.phase;
  const PackWork pack{out.epoch_start.data(), row_phase.data(), row_sigma.data(), out.phase.data(), out.sigma.data()};
  for (int i = 0; i < systems; ++i) {
    HostBlock block(0);
    pack_body(block, pack, i);
  }
  return out;
}

void observe_by_body(RandomStars& stars, std::uint64_t seed, std::uint64_t first, const ObserveInput& in) {
  check_sizes(in, stars.output());
  const ObserveWork work{surveys().view(),
                         seed,
                         first,
                         in.apparent.data(),
                         in.distance_pc.data(),
                         in.sed_jy.data(),
                         in.epoch_start.data(),
                         in.sigma.data(),
                         stars.flux.data(),
                         stars.sed_flux_jy.data(),
                         stars.sed_sigma_jy.data(),
                         stars.parallax_mas.data(),
                         stars.parallax_sigma_mas.data(),
                         stars.status.data()};
  for (int i = 0; i < static_cast<int>(stars.apparent.size()); ++i) {
    HostBlock block(observe_shared_bytes());
    observe_body(block, work, i);
    EXPECT_EQ(block.bytes_left(), 0u);
  }
}

// The same functions in the same shares: no bit differs.
TEST(ObserveBody, GivesWhatTheCpuGives) {
  for (const int count : {1, 7, 300}) {
    for (const std::uint64_t first : {0ull, (1ull << 40) + 3}) {
      RandomStars stars(count);
      const Schedules schedules = schedule_by_bodies(stars, 4, first);
      observe_by_body(stars, 4, first, stars.input(schedules));
      const RandomStars::Differences differences = stars.from_cpu(surveys(), 4, first, schedules);
      EXPECT_EQ(differences.phase, 0.0) << count;
      EXPECT_EQ(differences.other, 0.0) << count;
      if (count < 300) continue;
      EXPECT_GT(differences.curves, 400);
      EXPECT_GT(differences.bands, 1500);
      EXPECT_GT(differences.parallaxes, 150);
    }
  }
}

TEST(ObserveBody, ABadSystemLeavesTheOthersAlone) {
  RandomStars good(60);
  const Schedules schedules = schedule_by_bodies(good, 4, 0);
  const ObserveInput input = good.input(schedules);
  RandomStars bad = good;
  std::vector<double> sigma = schedules.sigma;
  // The first three systems with a light curve: a flux that is not finite, one too many below zero, an error of zero.
  std::vector<int> broken;
  for (int i = 0; i < 60 && broken.size() < 3; ++i) {
    const int begin = schedules.epoch_start[static_cast<std::size_t>(i * kChannelCount)];
    const int end = schedules.epoch_start[static_cast<std::size_t>((i + 1) * kChannelCount)];
    if (begin == end) continue;
    if (broken.empty()) bad.flux[static_cast<std::size_t>(end - 1)] = std::numeric_limits<double>::infinity();
    if (broken.size() == 1)
      for (int t = begin; t < end; ++t) bad.flux[static_cast<std::size_t>(t)] = -1.0;
    if (broken.size() == 2) sigma[static_cast<std::size_t>(begin)] = 0.0;
    broken.push_back(i);
  }
  ASSERT_EQ(broken.size(), 3u);
  const std::vector<double> model = bad.flux;
  observe_by_body(good, 4, 0, input);
  observe_by_body(bad, 4, 0, {bad.apparent, bad.distance_pc, bad.sed_jy, schedules.epoch_start, sigma});
  for (int i = 0; i < 60; ++i) {
    const auto n = static_cast<std::size_t>(i);
    const bool is_broken = std::ranges::find(broken, i) != broken.end();
    EXPECT_EQ(bad.status[n], is_broken ? Status::kInvalidInput : Status::kOk) << i;
    for (int t = schedules.epoch_start[n * kChannelCount]; t < schedules.epoch_start[(n + 1) * kChannelCount]; ++t) {
      const auto e = static_cast<std::size_t>(t);
      EXPECT_EQ(bad.flux[e], is_broken ? model[e] : good.flux[e]);
    }
    for (std::size_t k = n * kSedBandCount; k < (n + 1) * kSedBandCount; ++k) {
      const double expected = is_broken ? kMissing : good.sed_flux_jy[k];
      EXPECT_TRUE(std::isnan(expected) ? std::isnan(bad.sed_flux_jy[k]) : bad.sed_flux_jy[k] == expected);
    }
    EXPECT_EQ(std::isnan(bad.parallax_mas[n]), is_broken || std::isnan(good.parallax_mas[n]));
  }
}

TEST(ObserveOnDevice, ChecksSizesAndPeriods) {
  RandomStars stars(3);
  stars.period_day[1] = 0.0;
  EXPECT_THROW(check_periods(stars.apparent, stars.period_day), std::invalid_argument);
  stars.period_day[1] = kMissing;
  EXPECT_THROW(check_periods(stars.apparent, stars.period_day), std::invalid_argument);
  stars.period_day.pop_back();
  EXPECT_THROW(check_periods(stars.apparent, stars.period_day), std::invalid_argument);

  Schedules schedules{std::vector<int>(3 * kChannelCount + 1, 0), {}, {}, {}};
  schedules.epoch_start.back() = 5;
  schedules.phase.assign(5, 0.1);
  schedules.sigma.assign(5, 0.1);
  const ObserveInput input = stars.input(schedules);
  EXPECT_NO_THROW(check_sizes(input, stars.output()));
  ObserveInput changed = input;
  changed.sed_jy = changed.sed_jy.first(20);
  EXPECT_THROW(check_sizes(changed, stars.output()), std::invalid_argument);
  changed = input;
  changed.sigma = changed.sigma.first(4);
  EXPECT_THROW(check_sizes(changed, stars.output()), std::invalid_argument);
  schedules.epoch_start.back() = kMaxEpochs + 1;
  schedules.phase.assign(kMaxEpochs + 1, 0.1);
  schedules.sigma.assign(kMaxEpochs + 1, 0.1);
  EXPECT_THROW(check_sizes(stars.input(schedules), stars.output()), std::invalid_argument);
}

TEST(ObserveOnDevice, SaysThatThereIsNoDevice) {
  std::string why;
  if (cuda_device_available(&why)) GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_THROW(DeviceSurveys(surveys().view()), EnvironmentError);
}

}  // namespace
}  // namespace penumbra
