#include "inference/posterior_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/error.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// Sample s has every parameter at its own recognisable value.
PosteriorRecord make_record(std::size_t count, std::size_t draws) {
  PosteriorRecord record;
  record.object.name = "Test star";
  record.object.literature = {{kMass1, 2.273, 0.011, "Southworth et al. 2023"}};
  Observation& observation = record.object.observation;
  observation.period_day = 2.5;
  observation.parallax_mas = 7.0;
  observation.parallax_sigma_mas = 0.1;
  LightCurve& curve = observation.light_curves[kKeplerChannel];
  curve.phase = {0.1, 0.4, 0.9};
  curve.flux = {0.9, 1.0, 1.1};
  curve.sigma = {0.01, 0.02, 0.03};
  observation.sed_flux_jy[kJohnsonV] = 12.0;
  observation.sed_sigma_jy[kJohnsonV] = 0.5;
  for (std::size_t s = 0; s < count; ++s) {
    Theta theta{3.0, 0.5, 8.0, 0.0, 0.25, 0.1, 1.0, 0.5, 9000, 7000, 1.5, 0.8, 2.0, 1.0, 100.0, 0.05};
    theta[kMsum] += 0.001 * static_cast<double>(s);
    Latent z;
    z.fill(static_cast<double>(s));
    record.samples.theta.push_back(theta);
    record.samples.z.push_back(z);
    record.samples.log_q.push_back(-1.0 - static_cast<double>(s));
    record.samples.log_prior.push_back(-2.0);
  }
  record.predictions.draws = draws;
  record.predictions.flux[kKeplerChannel].assign(draws * 3, 1.0);
  record.predictions.sed_jy.assign(draws * kSedBandCount, 2.0);
  record.band_wavelength_um.assign(kSedBandCount, 0.5);
  record.warnings = {"first", "second"};
  record.attributes = {{"method", "neural posterior"}, {"commit", "abc"}, {"note", ""}};
  return record;
}

class PosteriorFile : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("penumbra_posterior_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

// The independent reader: ArviZ itself.
TEST_F(PosteriorFile, ArvizOpensIt) {
  const std::string python = PENUMBRA_PYTHON;
  if (std::system((python + " -c 'import arviz, netCDF4' >/dev/null 2>&1").c_str()) != 0) {
    GTEST_SKIP() << python << " has no arviz and netCDF4: run tools/setup.sh";
  }
  write_posterior(folder_ / "star.nc", make_record(50, 5));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
  std::ofstream(folder_ / "check.py") << R"(
import sys, warnings
warnings.simplefilter("ignore")
import arviz, numpy as np
data = arviz.from_netcdf(sys.argv[1])
posterior = data.posterior
assert posterior.sizes["chain"] == 1 and posterior.sizes["draw"] == 50
assert len(posterior.data_vars) == 16 + 9, list(posterior.data_vars)
msum, q = posterior["msum"].values, posterior["q"].values
assert np.allclose(msum[0], 3 + .001 * np.arange(50))
assert np.allclose(posterior["mass1"] + posterior["mass2"], msum) and np.allclose(posterior["mass2"] / posterior["mass1"], q)
assert np.allclose(posterior["inclination"], 60) and np.allclose(posterior["radius_ratio"], .5)
assert np.allclose(posterior["sma"], 12)
# Kepler's third law in solar units: P = 2 pi sqrt(a^3 / GM), 0.1159 d for 1 Rsun and 1 Msun
assert np.allclose(posterior["period"][0, 0], .11586 * np.sqrt(12 ** 3 / 3), rtol=1e-3)
assert np.allclose(posterior["age"], 100)
assert posterior["teff1"].attrs["units"] == "K"
summary = arviz.summary(data, var_names=["msum", "mass1"], kind="stats")
assert abs(summary.loc["msum", "mean"] - 3.0245) < 1e-3
assert data.sample_stats["log_q"].values[0, 49] == -50
assert data.unconstrained_posterior["z"].shape == (1, 50, 16)
assert data.posterior_predictive["kepler_kp"].shape == (1, 5, 3)
assert data.posterior_predictive["sed_flux"].shape == (1, 5, 23)
assert np.allclose(data.posterior_predictive["parallax"], 10)
assert np.allclose(data.observed_data["kepler_kp"], [.9, 1, 1.1])
assert np.allclose(data.constant_data["kepler_kp_phase"], [.1, .4, .9])
sed = data.observed_data["sed_flux"]
assert sed.sel(band="Johnson:V") == 12 and np.isnan(sed.sel(band="Johnson:B"))
assert data.constant_data["literature_value"].sel(quantity="mass1") == 2.273
assert str(data.constant_data["literature_source"].values[0]) == "Southworth et al. 2023"
attributes = data.attrs
assert attributes["object"] == "Test star" and attributes["warnings"] == "first\nsecond" and attributes["commit"] == "abc"
)";
  const std::string command =
      python + " " + (folder_ / "check.py").string() + " " + (folder_ / "star.nc").string() + " 2>&1";
  std::string output;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  char buffer[512];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) output += buffer;
  EXPECT_EQ(::pclose(pipe), 0) << output;
}

TEST_F(PosteriorFile, UnwritableFolderIsAUserErrorAndLeavesNothing) {
  std::ofstream(folder_ / "regular") << "x";
  EXPECT_THROW(write_posterior(folder_ / "regular" / "star.nc", make_record(2, 1)), UserError);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST(BandWavelengths, AreWhereTheBandsAre) {
  const fs::path file = fs::path(PENUMBRA_SOURCE_DIR) / "data/tables/passbands.h5";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is made by tools/setup.sh";
  const std::vector<double> um = load_band_wavelengths_um(file);
  ASSERT_EQ(um.size(), std::size_t{kSedBandCount});
  EXPECT_NEAR(um[kJohnsonV], 0.551, 0.01);  // Bessell & Murphy 2012
  EXPECT_NEAR(um[k2massKs], 2.16, 0.02);    // Cohen et al. 2003
  EXPECT_NEAR(um[kWiseW1], 3.35, 0.06);     // Wright et al. 2010
}

TEST(Quantities, NamesAreUniqueAndFound) {
  for (int k = 0; k < kQuantityCount; ++k) EXPECT_EQ(find_quantity(quantity_info(k).name), k);
  EXPECT_FALSE(find_quantity("mass3"));
}

}  // namespace
}  // namespace penumbra
