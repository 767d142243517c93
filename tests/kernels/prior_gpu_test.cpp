#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/device.h"
#include "kernels/prior.h"
#include "tests/kernels/prior_draws.h"

namespace penumbra {
namespace {

// The device has its own elementary functions and contracts a * b + c: the last digits differ, the decisions do not.
TEST(PriorGpu, AgreesWithTheCpu) {
  std::string why;
  if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  if (!std::filesystem::exists(kTrackTable)) GTEST_SKIP() << kTrackTable << " is absent: run tools/setup.sh tables";
  const PriorDraws tables;
  for (const char* name : {"paper", "field"}) {
    const Prior prior = tables.prior(named_prior(name));
    const DevicePrior device(prior.view());
    for (const std::size_t count : {0u, 1u, 7u, 1025u, 100000u}) {
      std::vector<PriorDraw> draws(count);
      device.draw(3, 5, draws);
      const double difference = PriorDraws::difference(prior, 3, 5, draws);
      std::printf("%s, %zu draws: largest relative difference from the CPU %.1e\n", name, count, difference);
      EXPECT_LT(difference, 1e-12);
    }
  }
}

}  // namespace
}  // namespace penumbra
