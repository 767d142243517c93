// Needs the data tables (tools/setup.sh tables), but no network.
#include "inference/chain_coordinates.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "inference/likelihood.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

// ln |d point / d z| by central differences.
double log_derivative(const ChainCoordinates& coordinates, const Prior& prior, const Latent& z, double period_day) {
  constexpr double kStep = 1e-5;
  Eigen::Matrix<double, kParameterCount, kParameterCount> derivative;
  for (int d = 0; d < kParameterCount; ++d) {
    ChainPoint side[2];
    for (const int s : {0, 1}) {
      Latent moved = z;
      moved[static_cast<std::size_t>(d)] += s == 0 ? -kStep : kStep;
      Theta theta;
      prior.theta_from_latent(moved, period_day, theta);
      side[s] = coordinates.point(theta, moved);
    }
    for (int p = 0; p < kParameterCount; ++p)
      derivative(p, d) = (side[1][static_cast<std::size_t>(p)] - side[0][static_cast<std::size_t>(p)]) / (2.0 * kStep);
  }
  return std::log(std::abs(derivative.determinant()));
}

// The density over the chain's coordinates is that over z, changed by the Jacobian of the whole map, whose determinant
// is taken numerically; the other code's densities share nothing with it.
TEST(ChainCoordinates, HaveTheSameDensityAsZ) {
  if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
    GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  const Tables tables = Tables::load(kData);
  const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
  const Prior& prior = simulator.prior();
  for (const bool known : {true, false}) {
    for (std::uint64_t index = 0; index < 40; ++index) {
      const PriorDraw draw = prior.draw(31, index);
      Observation data;
      if (known) data.period_day = derive_system(draw.theta).period_day;
      Latent z = draw.z;
      if (known) z[kRsumFrac] = 0.7;  // not read
      const ExactPosterior posterior(simulator, data, 1);
      const ChainCoordinates coordinates(prior, data.period_day);
      const ChainPoint point = coordinates.point(draw.theta, z);

      const Theta theta = coordinates.theta(point);
      for (std::size_t p = 0; p < kParameterCount; ++p)
        EXPECT_NEAR(theta[p], draw.theta[p], 1e-9 * (1.0 + std::abs(draw.theta[p]))) << kParameters[p].name;
      const Latent back = coordinates.latent(point, theta);
      for (std::size_t p = 0; p < kParameterCount; ++p) EXPECT_NEAR(back[p], z[p], 1e-5) << kParameters[p].name;

      const double in_z = posterior.evaluate(z).log_prior, here = coordinates.log_prior(point, theta);
      EXPECT_NEAR(here, in_z - log_derivative(coordinates, prior, z, data.period_day), 1e-3)
          << index << (known ? ", known period" : "");
    }
  }
}

}  // namespace
}  // namespace penumbra
