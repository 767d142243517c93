#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/device.h"
#include "kernels/prior.h"
#include "tests/kernels/prior_draws.h"

namespace penumbra {
namespace {

// The device has its own elementary functions and contracts a * b + c: the last digits differ, the decisions do not.
// Where an isochrone is steep in mass, on the giant branch, a last digit of the mass grows: on the host, changes of z
// by 4e-16 moved 1 of 10,000 draws by more than 5e-13, and 1 of 400,000 by 6e-11.
TEST(PriorGpu, AgreesWithTheCpu) {
  std::string why;
  if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  if (!std::filesystem::exists(kTrackTable)) GTEST_SKIP() << kTrackTable << " is absent: run tools/setup.sh tables";
  const PriorDraws tables;
  for (const char* name : {"paper", "field"}) {
    const Prior prior = tables.prior(named_prior(name));
    const DevicePrior device(prior.view());
    for (const std::size_t count : {1u, 7u, 1025u, 100000u}) {
      std::vector<PriorDraw> draws(count);
      device.draw(3, 5, draws);
      const std::vector<double> differences = PriorDraws::differences(prior, 3, 5, draws);
      const double most = differences[count * 999 / 1000];
      std::printf("%s, %zu draws: relative difference from the CPU %.1e in 999 of 1000, at most %.1e\n", name, count,
                  most, differences.back());
      EXPECT_LT(most, 1e-12);
      EXPECT_LT(differences.back(), 1e-9);
    }
    std::vector<PriorDraw> none;
    device.draw(3, 5, none);
  }
}

}  // namespace
}  // namespace penumbra
