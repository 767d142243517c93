// Needs the data tables (tools/setup.sh tables), but no network.
#include "inference/chain_problem.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "inference/bridge_sampling.h"
#include "inference/importance.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

struct Moments {
  double mean = 0.0, width = 0.0;
};

Moments moments(const std::vector<EnsemblePoint>& points, const std::vector<double>& weight, std::size_t d) {
  Moments out;
  double square = 0.0;
  for (std::size_t s = 0; s < points.size(); ++s) out.mean += weight[s] * points[s].at[0][d];
  for (std::size_t s = 0; s < points.size(); ++s) square += weight[s] * std::pow(points[s].at[0][d] - out.mean, 2);
  out.width = std::sqrt(square);
  return out;
}

// Photometry and a parallax no better than a factor of two: draws of the prior can be weighted, and the MCMC shares
// nothing with them but the density. Same evidence, same means and widths of all 16 coordinates.
TEST(ChainProblem, McmcAgreesWithWeightedDrawsOfThePrior) {
  if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
    GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  const Tables tables = Tables::load(kData);
  const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
  constexpr double kRelative = 1.0;
  const PriorDraw truth = simulator.prior().draw(41, 0);
  Observation clean, data;
  ASSERT_EQ(simulator.predict(truth.theta, data, clean), Status::kOk);
  data.period_day = derive_system(truth.theta).period_day;
  for (const Passband band : {kJohnsonB, kJohnsonV}) {
    data.sed_flux_jy[band] = clean.sed_flux_jy[band] * (1.0 + 0.5 * kRelative);
    data.sed_sigma_jy[band] = kRelative * clean.sed_flux_jy[band];
  }
  data.parallax_mas = clean.parallax_mas * (1.0 - 0.5 * kRelative);
  data.parallax_sigma_mas = kRelative * clean.parallax_mas;
  const ExactPosterior posterior(simulator, data, 0);
  const ChainProblem problem(simulator, data, posterior, 0);
  const auto density = [&](std::size_t system, std::span<EnsemblePoint> points) { problem.density(system, points); };
  RandomStream random(45, 0, Stage::kTest);

  std::vector<EnsemblePoint> drawn(5000);
  for (EnsemblePoint& point : drawn)
    for (double& value : point.at[0]) value = random.normal();
  density(0, drawn);
  std::vector<double> log_ratio;
  for (const EnsemblePoint& point : drawn) log_ratio.push_back(point.log_rest);
  const ImportanceWeights weights = importance_weights(log_ratio, drawn.size());
  ASSERT_LT(weights.pareto_k, kLargestParetoK);
  ASSERT_GT(weights.effective_size, 100.0);

  EnsembleOptions options;
  options.populations = 2;
  options.walkers = 64;
  options.chains = 32;
  options.budget = 16'000;
  options.unread = problem.coordinates().unread();
  options.mirrored = {kOmega};
  const EnsembleChain chain = sample_ensemble({problem.start_from_prior(128, random)}, options, random);
  ASSERT_GT(chain.effective_size, 30.0);
  EXPECT_LT(chain.evaluations, options.budget + 128);
  const double error = std::sqrt(1.0 / weights.effective_size + 1.0 / chain.effective_size);
  const std::vector<double> equal(chain.draws.size(), 1.0 / static_cast<double>(chain.draws.size()));
  for (std::size_t d = 0; d < kParameterCount; ++d) {
    const Moments ours = moments(chain.draws, equal, d), theirs = moments(drawn, weights.weight, d);
    EXPECT_NEAR(ours.mean, theirs.mean, 4.5 * error * theirs.width) << d;
    EXPECT_NEAR(ours.width / theirs.width, 1.0, 4.5 * error) << d;
  }

  // The same posterior from samples near it, of which some are outside the support: the density is divided otherwise.
  std::vector<Latent> samples;
  for (std::size_t s = 0; s < chain.draws.size(); s += 3) samples.push_back(chain.draws[s].at[0]);
  const std::size_t inside = samples.size();
  Latent outside{};
  outside[kMsum] = 40.0;
  samples.insert(samples.begin(), outside);
  const std::optional<EnsembleStart> near = problem.start_from_samples(samples, inside, random);
  ASSERT_TRUE(near);
  ASSERT_EQ(near->points.size(), inside);
  EXPECT_FALSE(problem.start_from_samples(samples, inside + 1, random));
  double largest_shift = 0.0;
  for (const std::size_t system : {std::size_t{0}, std::size_t{1}}) {
    std::vector<EnsemblePoint> points(near->points.begin(), near->points.begin() + 100), plain = points;
    near->density(system, points);
    density(system, plain);
    for (std::size_t s = 0; s < points.size(); ++s) {
      const EnsemblePoint& point = points[s];
      for (const std::size_t over : {std::size_t{0}, std::size_t{1}}) {
        EXPECT_NEAR(point.log_density(over), plain[s].log_density(over), 1e-8);
        EXPECT_NEAR(point.log_start[over], near->points[s].log_start[over], 1e-5);
      }
      largest_shift = std::max(largest_shift, std::abs(point.log_rest - plain[s].log_rest));
    }
  }
  EXPECT_GT(largest_shift, 1.0);

  const LogEvidence evidence = bridge_evidence(density, chain, options.unread, 1000, random);
  EXPECT_LT(evidence.error, 0.5);
  EXPECT_NEAR(evidence.value, weights.log_evidence, 4.5 * std::hypot(evidence.error, weights.log_evidence_error));
}

}  // namespace
}  // namespace penumbra
