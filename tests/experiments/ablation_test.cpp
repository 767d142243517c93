// The experiment experiments/ablation: its statistics on data whose answer is known, and a short run.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numbers>

#include "base/random.h"
#include "experiments/ablation/independent_prior.h"
#include "experiments/ablation/measure.h"
#include "experiments/ablation/prior_structure.h"
#include "sim/simulate.h"
#include "tests/experiments/run_experiment.h"
#include "tests/sim/prior_tables.h"

namespace penumbra {
namespace {

TEST(Ablation, SpacingEntropyOfKnownDistributions) {
  RandomStream random(1, 0, Stage::kTest);
  std::vector<double> uniform(50'000), normal(50'000), skewed(50'000);
  for (std::size_t n = 0; n < normal.size(); ++n) {
    uniform[n] = 3.0 * random.uniform();
    normal[n] = 0.1 * random.normal();
    skewed[n] = std::exp(2.0 * random.normal());
  }
  const double of_unit_normal = 0.5 * std::log(2.0 * M_PI * M_E);
  // Standard errors of the mean of ln p: 0, .003 and, with ln x in it, .01.
  EXPECT_NEAR(spacing_entropy(uniform), std::log(3.0), 0.01);
  EXPECT_NEAR(spacing_entropy(normal), of_unit_normal + std::log(0.1), 0.02);
  EXPECT_NEAR(spacing_entropy(skewed), of_unit_normal + std::log(2.0), 0.04);
}

// Posteriors of 400 systems that are normal(mean, s) about a mean drawn from normal(truth, s): calibrated, of width 2
// s.
std::vector<SystemRecord> normal_posteriors(double s, double shift, double log_q) {
  RandomStream random(2, 0, Stage::kTest);
  std::vector<SystemRecord> records;
  for (int n = 0; n < 400; ++n) {
    Theta truth;
    std::vector<Theta> samples(500);
    for (std::size_t p = 0; p < truth.size(); ++p) {
      truth[p] = random.normal();
      const double mean = truth[p] + s * (random.normal() + shift);
      for (Theta& sample : samples) sample[p] = mean + s * random.normal();
    }
    records.push_back(record_system(truth, samples, log_q));
  }
  return records;
}

TEST(Ablation, MeasuresOfNormalPosteriors) {
  const auto narrow = normal_posteriors(0.1, 0.0, 3.0), wide = normal_posteriors(0.2, 0.5, 1.0);
  const double half_width = 0.9945;  // of normal(0, 1) between its 16 and 84% quantiles
  const Estimate same = relative_width(narrow, narrow, 3), twice = relative_width(wide, narrow, 3);
  EXPECT_EQ(same.value, 1.0);
  EXPECT_EQ(same.error, 0.0);
  EXPECT_NEAR(twice.value, 2.0, 0.03);
  EXPECT_GT(twice.error, 0.0);
  EXPECT_LT(twice.error, 0.03);
  EXPECT_NEAR(median_width(narrow, 3), 2.0 * half_width * 0.1, 0.004);
  EXPECT_NEAR(median_contraction(narrow, 3, 1.0), 0.99, 0.001);
  const Estimate bias = median_deviation(wide, 5), none = median_deviation(narrow, 5);
  EXPECT_NEAR(bias.value, 0.5 / half_width, 4.0 * bias.error);
  EXPECT_NEAR(none.value, 0.0, 4.0 * none.error);
  EXPECT_NEAR(bias.error, 1.2533 / std::sqrt(400.0), 0.03);  // of a median of normal deviates
  EXPECT_NEAR(coverage68(narrow, 0), 0.68, 4.0 * std::sqrt(0.68 * 0.32 / 400.0));
  EXPECT_EQ(lost_information(wide, narrow).value, 2.0);
  EXPECT_EQ(mean_log_q(narrow), 3.0);
}

TEST(Ablation, SystemsWithoutSamplesDoNotCount) {
  auto records = normal_posteriors(0.1, 0.0, 1.0);
  const auto reference = records;
  records[0] = record_system(Theta{}, {}, -1e9);
  EXPECT_FALSE(records[0].answered);
  EXPECT_EQ(mean_log_q(records), 1.0);
  EXPECT_EQ(lost_information(records, reference).value, 0.0);
  EXPECT_EQ(relative_width(records, reference, 0).value, 1.0);  // the same systems on both sides
}

using AblationPriors = PriorTest;

TEST_F(AblationPriors, IndependentDrawsAreHardlyEverPossible) {
  const Prior prior = make(named_prior("field"));
  const PriorStructure structure = measure_prior_structure(prior, 3, 4000, 2);
  ASSERT_EQ(structure.impossible.size(), 8u);
  double largest = 0.0;
  for (std::size_t r = 0; r + 1 < structure.impossible.size(); ++r)
    largest = std::max(largest, structure.impossible[r].share);
  const double any = structure.impossible.back().share;
  EXPECT_GE(any, largest);
  EXPECT_GT(any, 0.99);
  // By Jensen's inequality the divergence is at least -ln of what the independent prior gives to the support.
  EXPECT_GT(structure.information_nats, -std::log(1.0 - any + 1.0 / 4000.0));
  // Two samples agree within their errors: nothing but chance separates them.
  const PriorStructure again = measure_prior_structure(prior, 4, 4000, 2);
  EXPECT_NEAR(again.information_nats, structure.information_nats, 0.1);
}

TEST(Ablation, AMarginalIsTheDistributionOfItsSample) {
  RandomStream random(5, 0, Stage::kTest);
  std::vector<double> sample;
  for (int n = 0; n < 200'000; ++n) sample.push_back(std::exp(0.3 + 0.5 * random.normal()));
  for (const bool logarithmic : {false, true}) {
    const MarginalMap marginal(sample, logarithmic);
    for (const double z : {-2.0, -0.5, 0.0, 1.0, 2.5}) {
      const double x = std::exp(0.3 + 0.5 * z);
      EXPECT_NEAR(marginal.value(z), x, 0.02 * x) << z;
      const double density = -0.5 * z * z - 0.5 * std::log(2.0 * std::numbers::pi) - std::log(0.5 * x);
      EXPECT_NEAR(marginal.log_density(marginal.value(z)), density, 0.12) << z;
    }
    EXPECT_GT(marginal.value(7.0), marginal.value(6.0));  // beyond the sample too
    // It integrates to 1.
    double sum = 0.0;
    for (double x = 0.005; x < 40.0; x += 0.01) sum += 0.01 * std::exp(marginal.log_density(x));
    EXPECT_NEAR(sum, 1.0, 2e-3);
  }
  EXPECT_THROW(MarginalMap(std::vector<double>(10, 1.0), false), std::invalid_argument);
}

// Data that tell nothing leave the independent prior as it is: its parameters have the hierarchical prior's
// distributions, and hardly a draw is possible there.
TEST_F(AblationPriors, AnIndependentPriorKeepsTheMarginals) {
  const Prior prior = make(named_prior("field"));
  const IndependentPrior independent(prior, 3, 1000, 2);
  RandomStream random(6, 0, Stage::kTest);
  std::vector<double> mass, other;
  std::vector<Theta> draws;
  for (std::uint64_t n = 0; n < 4000; ++n) {
    Latent z;
    for (double& value : z) value = random.normal();
    draws.push_back(independent.theta(z, NAN));
    mass.push_back(draws.back()[kMsum]);
    other.push_back(prior.draw(7, n).theta[kMsum]);
    const double a = (draws.back()[kRadius1] + draws.back()[kRadius2]) / independent.theta(z, 3.0)[kRsumFrac];
    EXPECT_NEAR(a, sma_from_period_rsun(3.0, draws.back()[kMsum]), 1e-9 * a);
  }
  std::ranges::sort(mass);
  std::ranges::sort(other);
  for (const std::size_t n : {400u, 2000u, 3600u}) EXPECT_NEAR(mass[n] / other[n], 1.0, 0.08);
  EXPECT_LT(possible_share(prior, draws), 0.01);
  std::vector<Theta> hierarchical;
  for (std::uint64_t n = 0; n < 200; ++n) hierarchical.push_back(prior.draw(7, n).theta);
  EXPECT_EQ(possible_share(prior, hierarchical), 1.0);
}

// Both systems of coordinates: the same theta and z either way, and densities that differ by the determinant between
// them, here by differences.
TEST_F(AblationPriors, AnIndependentPriorsDensitiesAgree) {
  const Prior prior = make(named_prior("field"));
  const IndependentPrior independent(prior, 3, 1000, 2);
  RandomStream random(6, 1, Stage::kTest);
  constexpr double kStep = 1e-7;  // far below the marginals' pieces
  for (const double period : {3.0, double{NAN}}) {
    const ChainCoordinates coordinates(prior, period);
    for (int n = 0; n < 20; ++n) {
      EnsemblePoint point;
      for (double& value : point.at[0]) value = 0.7 * random.normal();
      const Theta theta = independent.complete(0, coordinates, point);
      EnsemblePoint back;
      back.at[1] = point.at[1];
      const Theta same = independent.complete(1, coordinates, back);
      for (std::size_t p = 0; p < kParameterCount; ++p) {
        EXPECT_NEAR(back.at[0][p], point.at[0][p], 1e-7) << p;
        if (p == kLogL1 || p == kLogL2) continue;
        EXPECT_NEAR(same[p], theta[p], 1e-9 * std::abs(theta[p])) << p;
      }
      for (std::size_t system = 0; system < 2; ++system)
        EXPECT_NEAR(back.log_start[system], point.log_start[system], 1e-6);

      Eigen::MatrixXd slope(kParameterCount, kParameterCount);
      for (std::size_t d = 0; d < kParameterCount; ++d) {
        EnsemblePoint moved;
        moved.at[0] = point.at[0];
        moved.at[0][d] += kStep;
        independent.complete(0, coordinates, moved);
        for (std::size_t p = 0; p < kParameterCount; ++p)
          slope(static_cast<Eigen::Index>(p), static_cast<Eigen::Index>(d)) = (moved.at[1][p] - point.at[1][p]) / kStep;
      }
      EXPECT_NEAR(point.log_start[0] - point.log_start[1], std::log(std::abs(slope.determinant())), 1e-3);
    }
  }
}

TEST(AblationExperiment, Runs) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const SmokeRun run = run_smoke("ablation");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  const TextTable rows = run.table("configurations.csv");
  ASSERT_EQ(rows.rows(), (7 + 1 + 2 * 2) * 16u);  // shipped; control; two retrained beside it masked
  const std::vector<double> width = rows.numbers("width68"), relative = rows.numbers("relative_width");
  const auto network = rows.texts("network"), configuration = rows.texts("configuration");
  for (std::size_t n = 0; n < rows.rows(); ++n) {
    EXPECT_GT(width[n], 0.0);
    if (configuration[n] == "all") {
      EXPECT_EQ(relative[n], 1.0);
    }
    if (network[n] == "shipped" && configuration[n] == "parallax" && rows.texts("parameter")[n] == "cos_i") {
      EXPECT_GT(relative[n], 2.0);  // without light curves and photometry nothing is known of the inclination
    }
  }
  const TextTable information = run.table("information.csv");
  EXPECT_EQ(information.rows(), 12u);
  for (const double systems : information.numbers("systems")) EXPECT_EQ(systems, 20.0);
  EXPECT_EQ(run.table("prior.csv").rows(), 9u);
  const TextTable priors = run.table("priors.csv");
  ASSERT_EQ(priors.rows(), 2 * 16u);
  EXPECT_EQ(priors.texts("prior").front(), "hierarchical");
  EXPECT_EQ(priors.texts("prior").back(), "independent");
  expect_figures_and_provenance(run, {"widths", "bias", "check", "priors"});
}

}  // namespace
}  // namespace penumbra
