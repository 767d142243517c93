// The experiment experiments/ppc: its checks on data whose answer is known.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "experiments/ppc/predictive.h"
#include "sim/orbit.h"
#include "tests/experiments/run_experiment.h"

namespace penumbra {
namespace {

constexpr std::size_t kPoints = 500;
constexpr double kSigma = 0.01;

Theta eccentric_binary() {
  Theta theta{};
  theta[kEccentricity] = 0.2;
  theta[kOmega] = 1.0;
  theta[kCosI] = 0.02;
  theta[kRsumFrac] = 0.25;
  theta[kDistance] = 100.0;
  return theta;
}

// Two V-shaped eclipses where the discs of that orbit overlap, in a curve that dims a little at quadrature.
std::vector<double> curve_of(const Theta& theta, const std::vector<double>& phase, double primary, double secondary) {
  const Orbit orbit = make_orbit(theta[kEccentricity], theta[kOmega], theta[kCosI]);
  std::vector<double> flux;
  for (const double p : phase) {
    const Aspect aspect = orbit.aspect(orbit.true_anomaly(p));
    const double inside = 1.0 - aspect.sky_distance / theta[kRsumFrac];
    const double depth = aspect.sight.x > 0.0 ? primary : secondary;
    flux.push_back(inside > 0.0 ? 1.0 - depth * inside : 1.0);
  }
  return flux;
}

struct Case {
  Theta theta = eccentric_binary();
  LightCurve data;
  std::vector<double> models;  // the same prediction for every draw
  std::vector<Theta> draws;
  std::vector<ScatterLaw> scatter;

  Case(std::size_t count, RandomStream& random) : draws(count, theta), scatter(count, ScatterLaw{0.0, 0.0}) {
    for (std::size_t t = 0; t < kPoints; ++t)
      data.phase.push_back((static_cast<double>(t) + random.uniform()) / double{kPoints});
    const std::vector<double> model = curve_of(theta, data.phase, 0.4, 0.25);
    for (std::size_t d = 0; d < count; ++d) models.insert(models.end(), model.begin(), model.end());
    data.sigma.assign(kPoints, kSigma);
    observe(model, random);
  }
  void observe(const std::vector<double>& truth, RandomStream& random, double factor = 1.0) {
    data.flux.clear();
    for (const double flux : truth) data.flux.push_back(1.3 * flux + factor * kSigma * random.normal());
  }
};

TEST(PredictiveChecks, AreUniformWhereTheModelIsTheTruth) {
  constexpr int kTrials = 200, kDraws = 39;
  std::array<int, 4> below_tenth{}, below_half{};
  RandomStream random(1, 0, Stage::kTest);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Case c(kDraws, random);
    const CurveCheck check = check_light_curve(c.data, c.models, c.draws, c.scatter, random);
    const std::array<double, 4> p{check.p_chi2, check.p_correlation, check.p_depth[0], check.p_depth[1]};
    for (std::size_t k = 0; k < p.size(); ++k) {
      below_tenth[k] += p[k] <= 0.1;
      below_half[k] += p[k] <= 0.5;
    }
  }
  for (std::size_t k = 0; k < below_tenth.size(); ++k) {
    EXPECT_NEAR(below_tenth[k], 0.1 * kTrials, 3.5 * std::sqrt(0.09 * kTrials)) << k;
    EXPECT_NEAR(below_half[k], 0.5 * kTrials, 3.5 * std::sqrt(0.25 * kTrials)) << k;
  }
}

TEST(PredictiveChecks, FindADeepPrimaryEclipseAndNothingElse) {
  RandomStream random(2, 0, Stage::kTest);
  Case c(199, random);
  c.observe(curve_of(c.theta, c.data.phase, 0.44, 0.25), random);
  const CurveCheck check = check_light_curve(c.data, c.models, c.draws, c.scatter, random);
  EXPECT_NEAR(check.depth[0], 1.1, 0.02);  // three standard deviations
  EXPECT_NEAR(check.depth[1], 1.0, 0.035);
  EXPECT_LE(check.p_depth[0], 0.01);
  EXPECT_GT(check.p_depth[1], 0.02);
}

TEST(PredictiveChecks, TellQuotedErrorsThatAreTooSmallFromStructure) {
  RandomStream random(3, 0, Stage::kTest);
  Case c(199, random);
  c.observe(curve_of(c.theta, c.data.phase, 0.4, 0.25), random, 1.5);
  const CurveCheck noisy = check_light_curve(c.data, c.models, c.draws, c.scatter, random);
  EXPECT_NEAR(noisy.chi2, 2.25, 0.43);  // three standard deviations
  EXPECT_LE(noisy.p_chi2, 0.01);
  c.scatter.assign(c.scatter.size(), {std::log10(1.5), 0.02});  // such a survey
  const CurveCheck usual = check_light_curve(c.data, c.models, c.draws, c.scatter, random);
  EXPECT_DOUBLE_EQ(usual.chi2, noisy.chi2);
  EXPECT_GT(usual.p_chi2, 0.02);
  EXPECT_GT(noisy.p_correlation, 0.02);
  EXPECT_GT(noisy.p_depth[0], 0.02);
  EXPECT_GT(noisy.p_depth[1], 0.02);

  std::vector<double> wave = curve_of(c.theta, c.data.phase, 0.4, 0.25);  // a spot of half a point's error
  for (std::size_t t = 0; t < kPoints; ++t)
    wave[t] += 0.5 * kSigma * std::sin(2.0 * std::numbers::pi * c.data.phase[t]);
  c.observe(wave, random);
  const CurveCheck spotted = check_light_curve(c.data, c.models, c.draws, c.scatter, random);
  EXPECT_NEAR(spotted.chi2, 1.125, 0.2);
  EXPECT_GT(spotted.correlation, 0.2);
  EXPECT_LE(spotted.p_correlation, 0.01);
}

TEST(PredictiveChecks, LeaveBadPointsOut) {
  RandomStream random(4, 0, Stage::kTest);
  Case c(19, random);
  c.data.flux[3] = NAN;
  c.data.sigma[5] = 0.0;
  const CurveCheck check = check_light_curve(c.data, c.models, c.draws, c.scatter, random);
  EXPECT_EQ(check.points, kPoints - 2);
  EXPECT_TRUE(std::isfinite(check.chi2));
  c.data.flux.assign(kPoints, NAN);
  EXPECT_TRUE(std::isnan(check_light_curve(c.data, c.models, c.draws, c.scatter, random).p_chi2));
}

TEST(PredictiveChecks, OfPhotometryAndParallax) {
  RandomStream random(5, 0, Stage::kTest);
  constexpr std::size_t kDraws = 400;
  std::vector<double> sed(kDraws * kSedBandCount);
  for (std::size_t d = 0; d < kDraws; ++d) {
    const double level = 1.0 + 0.03 * random.normal();
    for (std::size_t k = 0; k < kSedBandCount; ++k) sed[d * kSedBandCount + k] = level;
  }
  Observation data;
  data.sed_flux_jy[kGaiaG] = 1.1;
  data.sed_sigma_jy[kGaiaG] = 0.04;
  const SedCheck check = check_photometry(data, sed, random);
  EXPECT_EQ(check.points, 1u);
  EXPECT_NEAR(check.residual_mag[kGaiaG], -2.5 * std::log10(1.1), 0.01);
  EXPECT_NEAR(check.pull[kGaiaG], 2.0, 0.15);  // .1 over hypot(.04, .03)
  EXPECT_TRUE(std::isnan(check.pull[k2massJ]));
  EXPECT_NEAR(check.p_chi2, 0.0454, 0.03);  // mean of a normal's two tails beyond N(2.5, .75)
  EXPECT_EQ(check_photometry(Observation{}, sed, random).points, 0u);

  std::vector<Theta> draws(kDraws, eccentric_binary());  // 10 mas
  data.parallax_mas = 10.2;
  data.parallax_sigma_mas = 0.1;
  const ParallaxCheck parallax = check_parallax(data, draws, random);
  EXPECT_NEAR(parallax.predicted_mas, 10.0, 1e-12);
  EXPECT_NEAR(parallax.pull, 2.0, 1e-9);
  EXPECT_NEAR(parallax.p, 0.0455, 0.03);
  EXPECT_TRUE(std::isnan(check_parallax(Observation{}, draws, random).p));
}

TEST(PpcExperiment, RunsAndGoesOnWhereItStopped) {
  if (!tables_exist()) GTEST_SKIP() << "no data tables: run tools/setup.sh";
  const SmokeRun run = run_smoke("ppc");
  ASSERT_EQ(run.exit_code, 0) << run.log;
  const bool observations = run.log.find("skipped: real binaries") == std::string::npos;
  const std::size_t objects = observations ? 2 : 1;  // HD 23642, CW Eri
  const TextTable posteriors = run.table("posteriors.csv"), diagnostics = run.table("diagnostics.csv");
  const auto count = [](const std::vector<std::string_view>& texts, std::string_view text) {
    return static_cast<std::size_t>(std::count(texts.begin(), texts.end(), text));
  };
  // The network always answers; of its few samples none may have a density, which is said.
  EXPECT_EQ(count(posteriors.texts("posterior"), "neural"), objects * kQuantityCount);
  const std::size_t failed = count(diagnostics.texts("fact"), "failed");
  EXPECT_EQ(count(posteriors.texts("posterior"), "importance"), (objects - failed) * kQuantityCount);
  EXPECT_EQ(count(diagnostics.texts("fact"), "trusted"), 2 * objects - failed);
  for (const double p : run.table("photometry.csv").numbers("pull")) EXPECT_TRUE(std::isfinite(p));
  expect_figures_and_provenance(run, {"real_neural", "checks", "known"});

  // As if it had been stopped before HD 23642's last posterior: that is made again, to the same numbers, the other not.
  const std::filesystem::path work = run.out / "work" / "posteriors", done = work / "hd23642_neural.nc";
  const auto before = std::filesystem::last_write_time(done);
  const std::string tables = read_text(run.out / "posteriors.csv") + read_text(run.out / "checks.csv");
  std::filesystem::remove(work / "hd23642_importance" / "diagnostics.csv");
  const std::string again = fmt::format("'{}/bin/experiment_ppc' '{}/experiments/ppc/smoke.toml' '{}' >/dev/null 2>&1",
                                        PENUMBRA_BUILD_DIR, PENUMBRA_SOURCE_DIR, run.out.string());
  ASSERT_EQ(std::system(again.c_str()), 0);
  EXPECT_EQ(std::filesystem::last_write_time(done), before);
  EXPECT_TRUE(std::filesystem::exists(work / "hd23642_importance" / "diagnostics.csv"));
  EXPECT_EQ(read_text(run.out / "posteriors.csv") + read_text(run.out / "checks.csv"), tables);
}

}  // namespace
}  // namespace penumbra
