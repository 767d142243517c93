#include "kernels/prior.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"
#include "kernels/device.h"
#include "kernels/prior_body.h"
#include "kernels/prior_check.h"
#include "tests/kernels/prior_draws.h"

namespace penumbra {
namespace {

std::vector<PriorDraw> draw_by_body(const Prior& prior, std::uint64_t seed, std::uint64_t first, std::size_t count) {
  std::vector<PriorDraw> draws(count);
  for (PriorDraw& draw : draws) draw.rejected.fill(-1);  // a device's memory starts with garbage
  const PriorWork work{prior.view(), seed, first, static_cast<long>(count), draws.data()};
  for (long index = 0; index < prior_blocks(work.count); ++index) {
    HostBlock block(0);
    prior_body(block, work, index);
  }
  return draws;
}

class PriorKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kTrackTable)) GTEST_SKIP() << kTrackTable << " is absent: run tools/setup.sh tables";
  }
};

TEST_F(PriorKernel, BodyGivesTheDrawsOfThePrior) {
  const PriorDraws tables;
  for (const char* name : {"paper", "field"}) {
    const Prior prior = tables.prior(named_prior(name));
    for (const std::size_t count : {1u, 7u, 129u, 1024u, 2500u}) {
      for (const std::uint64_t first : {0ull, 1ull << 40}) {
        EXPECT_EQ(PriorDraws::differences(prior, 3, first, draw_by_body(prior, 3, first, count)).back(), 0.0)
            << name << ", " << count << " draws from " << first;
      }
    }
  }
}

TEST_F(PriorKernel, ADrawThatNeverPassesIsNamed) {
  const PriorDraws tables;
  PriorSpec spec = named_prior("paper");
  spec.feh_mean = spec.feh_tail_mean = 8.0;  // no tracks are so rich in metals
  const Prior prior = tables.prior(spec);
  const std::vector<PriorDraw> draws = draw_by_body(prior, 1, 40, 2);
  EXPECT_EQ(draws[1].rejected[static_cast<std::size_t>(Status::kOutsideTracks)], kMaxPriorTries);
  try {
    check_accepted(1, 40, draws);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("seed 1, draw 40"), std::string::npos) << error.what();
  }
  EXPECT_THROW(prior.draw(1, 40), std::runtime_error);
}

TEST(PriorOnDevice, SaysThatThereIsNoDevice) {
  std::string why;
  if (cuda_device_available(&why)) GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_THROW(DevicePrior(PriorView{}), EnvironmentError);
}

}  // namespace
}  // namespace penumbra
