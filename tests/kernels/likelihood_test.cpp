#include "kernels/likelihood.h"

#include <gtest/gtest.h>

#include "kernels/likelihood_body.h"
#include "kernels/simulate_body.h"
#include "tests/kernels/judged_systems.h"

namespace penumbra {
namespace {

// What DeviceLikelihood does, on the host: shared memory as its launches state it.
std::vector<double> judge_by_bodies(const JudgedSystems& systems) {
  const std::size_t count = systems.theta.size();
  const Observed& data = systems.data;
  const SimulatorView simulator = systems.simulator().view();
  ExpandWork expand = expand_work(simulator, data);
  const auto curves = static_cast<std::size_t>(expand.curves);
  const std::size_t epochs = data.phase().size();
  std::vector<System> system(count);
  std::vector<StarBand> curve_bands(count * 2 * curves), sed_bands(count * 2 * kPassbandCount);
  std::vector<double> exposure(count * curves, -1.0), sed(count * kPassbandCount), flux(count * epochs, NAN), phase;
  std::vector<Status> status(count);
  std::vector<double> out(count, NAN);
  for (std::size_t i = 0; i < count; ++i) phase.insert(phase.end(), data.phase().begin(), data.phase().end());
  const std::vector<int> epoch_start = repeated_starts(data, count);
  expand.theta = systems.theta[0].data();
  expand.systems = system.data();
  expand.curve_bands = curve_bands.data();
  expand.sed_bands = sed_bands.data();
  expand.exposure = exposure.data();
  const SimulateView render{static_cast<int>(count),
                            expand.curves,
                            kPassbandCount,
                            system.data(),
                            curve_bands.data(),
                            sed_bands.data(),
                            epoch_start.data(),
                            phase.data(),
                            exposure.data(),
                            &gauss_table(),
                            simulator.options.resolution,
                            simulator.options.effects,
                            nullptr,
                            nullptr,
                            flux.data(),
                            sed.data(),
                            status.data()};
  const JudgeWork judge{data.view(), &simulator.surveys, simulator.zero_point_jy,  status.data(), system.data(),
                        sed.data(),  flux.data(),        static_cast<int>(epochs), out.data()};
  for (int i = 0; i < static_cast<int>(count); ++i) {
    HostBlock first(expand_shared_bytes());
    expand_body(first, expand, i);
    EXPECT_EQ(first.bytes_left(), 0u);
    HostBlock second(simulate_shared_bytes(render.resolution, expand.curves, kPassbandCount, 1));
    simulate_body(second, render, i);
    HostBlock third(judge_shared_bytes());
    judge_body(third, judge, i);
    EXPECT_EQ(third.bytes_left(), 0u);
  }
  return out;
}

TEST(LikelihoodBodies, GiveWhatTheCpuGives) {
  if (!JudgedSystems::tables_exist()) GTEST_SKIP() << "the data tables are absent: run tools/setup.sh tables";
  int without_curves = 0, without_answer = 0;
  for (std::uint64_t index = 0; index < 40; ++index) {
    JudgedSystems systems(index, 7);
    // Every fourth star is observed without light curves, every other fourth in days of an unknown period.
    const std::vector<double> got = judge_by_bodies(systems);
    without_curves += systems.data.view().curve_count == 0 ? 1 : 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double expected = systems.expected(i);
      without_answer += expected == -INFINITY ? 1 : 0;
      if (expected == -INFINITY) {
        EXPECT_EQ(got[i], expected);
      } else {
        EXPECT_NEAR(got[i], expected, 1e-9 * std::max(1.0, std::abs(expected)))
            << "system " << index << ", theta " << i;
      }
    }
  }
  EXPECT_GT(without_curves, 0);
  EXPECT_GT(without_answer, 0);
}

TEST(MedianOfPositive, IsTheMiddleElement) {
  RandomStream random(5, 0, Stage::kTest);
  for (const int count : {1, 2, 3, 8, 33, 1000}) {
    std::vector<double> values;
    for (int i = 0; i < count; ++i) values.push_back(std::exp(20.0 * random.normal()));
    if (count > 8) values[3] = values[4] = values[5];
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(median_of_positive(HostLanes{}, values.data(), count), sorted[static_cast<std::size_t>(count / 2)]);
  }
}

}  // namespace
}  // namespace penumbra
