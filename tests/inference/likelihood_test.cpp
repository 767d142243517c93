// Most of it needs the data tables (tools/setup.sh tables), but no network.
#include "inference/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>

#include "inference/best_fit.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

// Both integrals as sums over a lattice of level and ln factor, point by point.
double brute_force(const LightCurve& data, const std::vector<double>& model, const ScatterLaw& law) {
  const ScaledFit fit = fit_scale(data, model.data());
  constexpr int kNodes = 1500;
  std::vector<double> log_terms;
  const double mu = law.mean * std::log(10.0), s = law.sigma * std::log(10.0);
  const double low = mu - 9.0 * s, high = mu + 9.0 * s;
  for (int j = 0; j < kNodes; ++j) {
    const double x = low + (high - low) * (j + 0.5) / kNodes, factor = std::exp(x);
    const double width = factor / std::sqrt(fit.weight);
    double level_sum = 0.0;
    double common = 0.0;  // at the best level
    for (std::size_t t = 0; t < data.flux.size(); ++t) {
      const double sigma = factor * data.sigma[t];
      common -=
          0.5 * std::pow((data.flux[t] - fit.scale * model[t]) / sigma, 2) + std::log(sigma) + 0.5 * std::log(kTwoPi);
    }
    for (int a = -80; a <= 80; ++a) {
      const double level = fit.scale + 0.1 * a * width;
      double log_term = -common;
      for (std::size_t t = 0; t < data.flux.size(); ++t) {
        const double sigma = factor * data.sigma[t];
        log_term -=
            0.5 * std::pow((data.flux[t] - level * model[t]) / sigma, 2) + std::log(sigma) + 0.5 * std::log(kTwoPi);
      }
      level_sum += std::exp(log_term) * 0.1 * width;
    }
    log_terms.push_back(common + std::log(level_sum) - 0.5 * std::pow((x - mu) / s, 2) - std::log(s) -
                        0.5 * std::log(kTwoPi) + std::log((high - low) / kNodes));
  }
  const double top = *std::max_element(log_terms.begin(), log_terms.end());
  double sum = 0.0;
  for (const double term : log_terms) sum += std::exp(term - top);
  return top + std::log(sum);
}

TEST(CurveLikelihood, IsTheIntegralOverLevelAndScatter) {
  for (const std::size_t points : {1u, 2u, 3u, 10u, 40u}) {
    for (const double scatter : {0.5, 1.7, 8.0}) {
      RandomStream random(4, points, Stage::kTest);
      LightCurve data;
      std::vector<double> model;
      double log_sigma_sum = 0.0;
      for (std::size_t t = 0; t < points; ++t) {
        model.push_back(1.0 - 0.3 * random.uniform());
        data.phase.push_back(static_cast<double>(t) / static_cast<double>(points));
        data.sigma.push_back(0.01 * (1.0 + random.uniform()));
        data.flux.push_back(1.02 * model.back() + scatter * data.sigma.back() * random.normal());
        log_sigma_sum += std::log(data.sigma.back());
      }
      const ScatterLaw law{0.05, 0.2};
      EXPECT_NEAR(log_curve_likelihood(fit_scale(data, model.data()), static_cast<int>(points), log_sigma_sum, law),
                  brute_force(data, model, law), 2e-6)
          << points << " points, scatter " << scatter;
    }
  }
}

// However badly a model misses, the answer is a number.
TEST(CurveLikelihood, IsFiniteForHopelessModels) {
  double before = INFINITY;
  for (const double chi2 : {1e2, 1e4, 1e8, 1e12}) {
    const double log_likelihood = log_curve_likelihood({1.0, chi2, 1e8}, 2000, -2000.0, {0.1, 0.15});
    EXPECT_TRUE(std::isfinite(log_likelihood));
    EXPECT_LT(log_likelihood, before);
    before = log_likelihood;
  }
}

class ExactPosteriorTest : public ::testing::Test {
 protected:
  static const Tables& tables() {
    static const Tables tables = Tables::load(kData);
    return tables;
  }
  static const Simulator& simulator() {
    static const Simulator simulator(tables(),
                                     Prior(named_prior("field"), tables().tracks.view(), tables().dust.view()));
    return simulator;
  }
  void SetUp() override {
    if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
      GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  }
};

// With the period known, the density of z and of ln P is that of all 16 coordinates: change of variables, numerically.
TEST_F(ExactPosteriorTest, DensityOfThePeriodIsThatOfItsCoordinate) {
  const Prior& prior = simulator().prior();
  for (std::uint64_t index = 0; index < 50; ++index) {
    const PriorDraw draw = prior.draw(11, index);
    double log_period[2];
    for (const int side : {0, 1}) {
      Latent z = draw.z;
      z[kRsumFrac] += side == 0 ? -1e-4 : 1e-4;
      Theta theta;
      prior.theta_from_latent(z, theta);  // complete although it may be rejected
      log_period[side] = std::log(derive_system(theta).period_day);
    }
    const double slope = std::abs(log_period[1] - log_period[0]) / 2e-4;
    const double expected = -0.5 * std::pow(draw.z[kRsumFrac], 2) - 0.5 * std::log(kTwoPi) - std::log(slope);
    EXPECT_NEAR(prior.log_period_density(draw.theta), expected, 1e-5);
  }
}

TEST_F(ExactPosteriorTest, WithoutDataIsThePrior) {
  const ExactPosterior posterior(simulator(), Observation{}, 1);
  for (std::uint64_t index = 0; index < 20; ++index) {
    const PriorDraw draw = simulator().prior().draw(12, index);
    const PosteriorPoint point = posterior.evaluate(draw.z);
    EXPECT_EQ(point.log_likelihood, 0.0);
    // The same density as in theta, by its own code.
    EXPECT_NEAR(point.log_density(),
                simulator().prior().log_density(draw.theta) + simulator().prior().log_jacobian(draw.z, draw.theta),
                1e-6);
  }
  Latent outside{};
  outside[kMsum] = 9.0;  // no such stars
  EXPECT_EQ(posterior.evaluate(outside).log_density(), -INFINITY);
}

// What simulations do is what the likelihood says: at the true parameters light curves scatter by a factor of the
// stated law, and photometry and parallax by their quoted errors; each sum of squares within four of its standard
// deviations.
TEST_F(ExactPosteriorTest, ResidualsOfSimulatedSystemsFollowTheirLaws) {
  double curves = 0.0, curve_squares = 0.0, fluxes = 0.0, flux_squares = 0.0, parallaxes = 0.0, parallax_squares = 0.0;
  Simulation simulation;
  Observation model;
  Apparent apparent;
  for (std::uint64_t index = 0; index < 400; ++index) {
    simulator().simulate(21, index, simulation);
    const Observation& data = simulation.observation;
    ASSERT_EQ(simulator().predict(simulation.draw.theta, data, model, &apparent), Status::kOk);
    for (int c = 0; c < kChannelCount; ++c) {
      const LightCurve& curve = data.light_curves[static_cast<std::size_t>(c)];
      if (curve.phase.size() < 20) continue;
      std::vector<double> sigma = curve.sigma;
      std::nth_element(sigma.begin(), sigma.begin() + std::ssize(sigma) / 2, sigma.end());
      const ScatterLaw law =
          scatter_law(tables().surveys.view(), c, observable_magnitude(apparent, c), sigma[sigma.size() / 2]);
      const double freedom = static_cast<double>(curve.phase.size() - 1);
      const double chi2 = fit_scale(curve, model.light_curves[static_cast<std::size_t>(c)].flux.data()).chi2;
      const double log_factor = 0.5 * std::log10(chi2 / freedom),
                   error = 0.5 / std::log(10.0) * std::sqrt(2.0 / freedom);
      curves += 1.0;
      curve_squares += std::pow(log_factor - law.mean, 2) / (law.sigma * law.sigma + error * error);
    }
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      if (!std::isfinite(data.sed_flux_jy[k])) continue;
      fluxes += 1.0;
      flux_squares += std::pow((data.sed_flux_jy[k] - model.sed_flux_jy[k]) / data.sed_sigma_jy[k], 2);
    }
    if (data.has_parallax()) {
      parallaxes += 1.0;
      parallax_squares += std::pow((data.parallax_mas - model.parallax_mas) / data.parallax_sigma_mas, 2);
    }
  }
  EXPECT_GT(curves, 300.0);
  EXPECT_NEAR(flux_squares / fluxes, 1.0, 4.0 * std::sqrt(2.0 / fluxes));
  EXPECT_NEAR(parallax_squares / parallaxes, 1.0, 4.0 * std::sqrt(2.0 / parallaxes));
  // TESS's law has longer tails than a normal one (kurtosis about 6).
  EXPECT_NEAR(curve_squares / curves, 1.0, 4.0 * std::sqrt(4.0 / curves));
}

// The derivative of ln p(x | theta) at the truth has no sign of its own, whatever the parameter; at a distance it
// points back.
TEST_F(ExactPosteriorTest, SlopeAtTheTruthHasNoBias) {
  constexpr int kSystems = 120;
  constexpr double kStep = 1e-5;
  std::array<double, kParameterCount> sum{}, count{};
  int better = 0, compared = 0;
  Simulation simulation;
  for (std::uint64_t index = 0; index < kSystems; ++index) {
    simulator().simulate(22, index, simulation);
    const ExactPosterior posterior(simulator(), simulation.observation, 1);
    const Latent& truth = simulation.draw.z;
    const double at_truth = posterior.evaluate(truth).log_likelihood;
    ASSERT_TRUE(std::isfinite(at_truth)) << index;
    for (std::size_t p = 0; p < kParameterCount; ++p) {
      Latent up = truth, down = truth, away = truth;
      up[p] += kStep;
      down[p] -= kStep;
      away[p] += index % 2 == 0 ? 0.5 : -0.5;
      const double slope = posterior.evaluate(up).log_likelihood - posterior.evaluate(down).log_likelihood;
      if (p == kRsumFrac) {
        EXPECT_EQ(slope, 0.0);  // the period is known
        continue;
      }
      if (std::isfinite(slope) && slope != 0.0) {
        count[p] += 1.0;
        sum[p] += slope > 0.0 ? 1.0 : -1.0;
      }
      const double there = posterior.evaluate(away).log_likelihood;
      if (std::isfinite(there) && std::abs(there - at_truth) > 3.0) {
        ++compared;
        better += at_truth > there ? 1 : 0;
      }
    }
  }
  for (std::size_t p = 0; p < kParameterCount; ++p)
    EXPECT_LT(std::abs(sum[p]), 4.0 * std::sqrt(count[p]) + 1.0) << kParameters[p].name << " of " << count[p];
  EXPECT_GT(compared, 500);
  EXPECT_GT(better, 0.99 * compared);
}

// Points without a flux or an error carry nothing, and threads change no number.
TEST_F(ExactPosteriorTest, IgnoresInvalidPointsAndThreads) {
  Simulation simulation;
  std::uint64_t index = 0;
  do {
    simulator().simulate(23, index++, simulation);
  } while (simulation.observation.light_curves[kTessChannel].empty());
  Observation dirty = simulation.observation;
  LightCurve& curve = dirty.light_curves[kTessChannel];
  for (const auto& [flux, sigma] : {std::pair{NAN, 0.1}, {1.0, NAN}, {1.0, 0.0}, {1.0, -1.0}}) {
    curve.phase.push_back(0.999);
    curve.flux.push_back(flux);
    curve.sigma.push_back(sigma);
  }
  std::vector<Latent> z(9, simulation.draw.z);
  for (std::size_t s = 0; s < z.size(); ++s) z[s][kQ] += 0.01 * static_cast<double>(s);
  std::vector<PosteriorPoint> one(z.size()), two(z.size());
  ExactPosterior(simulator(), simulation.observation, 1).evaluate(z, one);
  ExactPosterior(simulator(), dirty, 2).evaluate(z, two);
  for (std::size_t s = 0; s < z.size(); ++s) {
    EXPECT_TRUE(std::isfinite(one[s].log_density()));
    EXPECT_EQ(one[s].log_density(), two[s].log_density());
  }
}

}  // namespace
}  // namespace penumbra
