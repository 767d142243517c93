// The systems that checks of a network look at: reproducible, in order, edited as asked, never those of the training.
#include "inference/held_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "sim/system.h"
#include "tests/app/run_program.h"

namespace penumbra {
namespace {

constexpr std::size_t kSystems = 60;  // more than are sampled together

class HeldOutSystems : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  }

  static HeldOutSettings settings(int threads, std::size_t systems = kSystems) {
    const std::filesystem::path data = std::filesystem::path(PENUMBRA_SOURCE_DIR) / "data";
    return {data, data / "checkpoints" / "compact.h5", "", {1, "cpu", threads}, systems, 40};
  }

  struct Seen {
    std::vector<Simulation> simulations;
    std::vector<PosteriorSamples> samples;
    std::vector<double> log_q;
  };
  static Seen look(const HeldOut& held_out, const HeldOut::Edit& edit = {}) {
    Seen seen;
    held_out.visit(
        [&](const HeldOutSystem& system) {
          EXPECT_EQ(system.index, seen.samples.size());
          seen.simulations.push_back(system.simulation);
          seen.samples.push_back(system.samples);
          seen.log_q.push_back(system.log_q);
        },
        edit);
    return seen;
  }
};

TEST_F(HeldOutSystems, AreTheSameWhateverTheThreads) {
  constexpr std::size_t kFew = 8;  // LibTorch's threads wait for each other busily
  const Seen one = look(HeldOut(settings(1, kFew))), two = look(HeldOut(settings(2, kFew)));
  ASSERT_EQ(one.samples.size(), kFew);
  for (std::size_t i = 0; i < kFew; ++i) {
    EXPECT_EQ(one.simulations[i].draw.theta, two.simulations[i].draw.theta);
    EXPECT_NEAR(one.log_q[i], two.log_q[i], 1e-3);  // single precision, summed in another order
    ASSERT_EQ(one.samples[i].z.size(), two.samples[i].z.size());
    for (std::size_t s = 0; s < one.samples[i].z.size(); ++s) {
      for (std::size_t p = 0; p < kParameterCount; ++p)
        EXPECT_NEAR(one.samples[i].z[s][p], two.samples[i].z[s][p], 1e-3);
    }
  }
}

TEST_F(HeldOutSystems, HaveSamplesOfTheirPeriod) {
  const HeldOut held_out(settings(1));
  const Seen seen = look(held_out);
  for (std::size_t i = 0; i < kSystems; ++i) {
    const double period = seen.simulations[i].observation.period_day;
    const PosteriorSamples& samples = seen.samples[i];
    EXPECT_LE(samples.theta.size(), 40u);
    EXPECT_EQ(samples.theta.size(), samples.log_q.size());
    for (std::size_t s = 0; s < samples.theta.size(); ++s) {
      Theta theta;
      ASSERT_EQ(held_out.simulator().prior().theta_from_latent(samples.z[s], period, theta), Status::kOk);
      EXPECT_EQ(theta, samples.theta[s]);
      if (std::isfinite(period)) {
        EXPECT_NEAR(derive_system(theta).period_day, period, 1e-9 * period);
      }
    }
  }
}

TEST_F(HeldOutSystems, AreReadAsEdited) {
  const HeldOut held_out(settings(1));
  const Seen whole = look(held_out);
  const Seen masked = look(held_out, [](std::size_t index, Observation& observation) {
    if (index % 2 == 0) return;
    observation.sed_flux_jy.fill(kMissing);
    observation.sed_sigma_jy.fill(kMissing);
  });
  double loss = 0.0;
  for (std::size_t i = 0; i < kSystems; ++i) {
    EXPECT_EQ(whole.simulations[i].draw.theta, masked.simulations[i].draw.theta);
    const auto& before = whole.simulations[i].observation.sed_flux_jy;
    const bool had_photometry = std::ranges::any_of(before, [](double flux) { return std::isfinite(flux); });
    EXPECT_EQ(whole.samples[i].z == masked.samples[i].z, i % 2 == 0 || !had_photometry) << i;
    EXPECT_TRUE(i % 2 == 0 || std::isnan(masked.simulations[i].observation.sed_flux_jy[0]));
    loss += whole.log_q[i] - masked.log_q[i];
  }
  EXPECT_GT(2.0 * loss / kSystems, 1.0);  // nats a system: photometry tells temperatures, distance and reddening
}

TEST_F(HeldOutSystems, AreNeverThoseOfTheTraining) {
  HeldOutSettings same = settings(1);
  const HeldOut held_out(same);
  same.run.seed += held_out.posterior().info().seed - held_out.seed();
  try {
    const HeldOut refused(same);
    FAIL() << "the training's seed was taken";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("compact.h5: trained with seed"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace penumbra
