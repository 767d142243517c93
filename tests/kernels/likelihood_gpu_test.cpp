#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "kernels/device.h"
#include "kernels/likelihood.h"
#include "tests/kernels/judged_systems.h"

namespace penumbra {
namespace {

class LikelihoodGpu : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
    if (!JudgedSystems::tables_exist()) GTEST_SKIP() << "the data tables are absent: run tools/setup.sh tables";
  }
};

TEST_F(LikelihoodGpu, AgreesWithTheCpu) {
  for (std::uint64_t index = 0; index < 20; ++index) {
    const std::size_t counts[] = {1, 7, 33, 1000};
    const JudgedSystems systems(index, 2 + counts[index % 4]);
    DeviceLikelihood likelihood(JudgedSystems::simulator().view(), systems.data);
    std::vector<double> got(systems.theta.size());
    likelihood.evaluate(systems.theta, got);
    std::vector<double> again(got.size());
    likelihood.evaluate(systems.theta, again);
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i], again[i]);
      const double expected = systems.expected(i);
      if (expected == -INFINITY) {
        EXPECT_EQ(got[i], expected);
      } else {
        EXPECT_NEAR(got[i], expected, 1e-6 * std::max(1.0, std::abs(expected)))
            << "system " << index << ", theta " << i;
      }
    }
  }
}

TEST_F(LikelihoodGpu, Throughput) {
  for (const std::size_t count : {std::size_t{64}, std::size_t{512}, std::size_t{4096}}) {
    const JudgedSystems systems(1, count);
    DeviceLikelihood likelihood(JudgedSystems::simulator().view(), systems.data);
    std::vector<double> out(count);
    likelihood.evaluate(systems.theta, out);
    const auto start = std::chrono::steady_clock::now();
    for (int k = 0; k < 10; ++k) likelihood.evaluate(systems.theta, out);
    const std::chrono::duration<double> elapsed = (std::chrono::steady_clock::now() - start) / 10;
    std::printf("%zu together: %.2f ms, %.0f likelihoods a second\n", count, 1e3 * elapsed.count(),
                static_cast<double>(count) / elapsed.count());
    EXPECT_LT(elapsed.count(), 60.0);
  }
}

}  // namespace
}  // namespace penumbra
