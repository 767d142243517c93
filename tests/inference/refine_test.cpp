// Needs the data tables (tools/setup.sh tables), but no network: the prior's own draws stand in for its samples.
#include "inference/refine.h"

#include <gtest/gtest.h>

#include <cmath>

#include "inference/likelihood.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

class RefineTest : public ::testing::Test {
 protected:
  static const Simulator& simulator() {
    static const Tables tables = Tables::load(kData);
    static const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
    return simulator;
  }
  void SetUp() override {
    if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
      GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  }

  // Photometry and a parallax of a simulated system, with errors `relative`, and as samples `count` draws of N(0, I)
  // inside the support.
  static PosteriorRecord record(double relative, std::size_t count, std::size_t& drawn) {
    PosteriorRecord out;
    out.object.name = "Test star";
    const PriorDraw truth = simulator().prior().draw(41, 0);
    Observation clean;
    EXPECT_EQ(simulator().predict(truth.theta, Observation{}, clean), Status::kOk);
    Observation& data = out.object.observation;
    data.period_day = derive_system(truth.theta).period_day;
    for (const Passband band : {kJohnsonB, kJohnsonV}) {
      data.sed_flux_jy[band] = clean.sed_flux_jy[band] * (1.0 + 0.5 * relative);
      data.sed_sigma_jy[band] = relative * clean.sed_flux_jy[band];
    }
    data.parallax_mas = clean.parallax_mas * (1.0 - 0.5 * relative);
    data.parallax_sigma_mas = relative * clean.parallax_mas;
    RandomStream random(42, 0, Stage::kTest);
    for (drawn = 0; out.samples.z.size() < count; ++drawn) {
      Latent z;
      for (double& value : z) value = random.normal();
      Theta theta;
      if (simulator().prior().theta_from_latent(z, data.period_day, theta) != Status::kOk) continue;
      out.samples.z.push_back(z);
      out.samples.theta.push_back(theta);
      out.samples.log_q.push_back(log_unit_normal(z));
      out.samples.log_prior.push_back(log_unit_normal(z));
    }
    return out;
  }

  static double fact(const PosteriorRecord& record, const std::string& name) {
    for (const auto& [key, value] : record.refinement)
      if (key == name) return std::stod(value);
    ADD_FAILURE() << "no " << name;
    return NAN;
  }
};

// Where the prior itself is a good proposal, auto stays with the weights.
TEST_F(RefineTest, AutoStaysWithWeightsThatHold) {
  std::size_t drawn = 0;
  PosteriorRecord importance = record(0.3, 6000, drawn);
  refine(simulator(), drawn, {Refinement::kAuto, 1}, 0, RandomStream(43, 0, Stage::kTest), importance);
  EXPECT_EQ(importance.method, "importance sampling of the neural posterior");
  EXPECT_EQ(importance.samples.z.size(), 6000u);
  EXPECT_TRUE(importance.warnings.empty());
  EXPECT_LT(fact(importance, "pareto_k"), 0.7);
  EXPECT_GT(fact(importance, "importance_effective_size"), 100.0);
}

// Precise data: the prior's draws cannot be weighted. Importance says so, auto turns to the MCMC, which says that its
// budget was too small.
TEST_F(RefineTest, AutoTurnsToMcmcWhereWeightsFail) {
  std::size_t drawn = 0;
  PosteriorRecord importance = record(0.003, 600, drawn), automatic = importance, none = importance;
  const RandomStream random(44, 0, Stage::kTest);
  refine(simulator(), drawn, {Refinement::kImportance, 1}, 1, random, importance);
  EXPECT_GT(fact(importance, "pareto_k"), 0.7);
  ASSERT_EQ(importance.warnings.size(), 1u);
  EXPECT_NE(importance.warnings[0].find("the importance weights fail"), std::string::npos);

  refine(simulator(), drawn, {Refinement::kAuto, 4000}, 1, random, automatic);
  EXPECT_EQ(automatic.method, "ensemble MCMC");
  ASSERT_EQ(automatic.warnings.size(), 1u);
  EXPECT_NE(automatic.warnings[0].find("has not converged"), std::string::npos);
  EXPECT_LE(fact(automatic, "mcmc_evaluations"), 4000.0 + 512.0);  // a generation more

  const std::vector<Latent> before = none.samples.z;
  refine(simulator(), drawn, {Refinement::kNone, 1}, 1, random, none);
  EXPECT_EQ(none.samples.z, before);
  EXPECT_TRUE(none.refinement.empty());

  PosteriorRecord impossible = record(0.003, 20, drawn);
  impossible.object.observation.period_day = 1e-3;  // stars would overlap
  EXPECT_THROW(refine(simulator(), drawn, {Refinement::kMcmc, 2000}, 1, random, impossible), OutsidePrior);
}

}  // namespace
}  // namespace penumbra
