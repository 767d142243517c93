#include "inference/posterior_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/error.h"
#include "inference/netcdf_file.h"

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

void expect_same(const PosteriorRecord& a, const PosteriorRecord& b) {
  EXPECT_EQ(a.object.name, b.object.name);
  EXPECT_EQ(a.method, b.method);
  EXPECT_EQ(a.warnings, b.warnings);
  EXPECT_EQ(a.samples.theta, b.samples.theta);
  EXPECT_EQ(a.samples.z, b.samples.z);
  EXPECT_EQ(a.samples.log_q, b.samples.log_q);
  EXPECT_EQ(a.samples.log_prior, b.samples.log_prior);
  EXPECT_EQ(a.samples.log_likelihood, b.samples.log_likelihood);
  EXPECT_EQ(a.samples.log_density, b.samples.log_density);
  EXPECT_EQ(a.samples.log_ratio, b.samples.log_ratio);
  EXPECT_EQ(a.predictions.draws, b.predictions.draws);
  EXPECT_EQ(a.predictions.flux, b.predictions.flux);
  EXPECT_EQ(a.predictions.sed_jy, b.predictions.sed_jy);
  EXPECT_EQ(a.band_wavelength_um, b.band_wavelength_um);
  const Observation &x = a.object.observation, &y = b.object.observation;
  const auto same = [](double left, double right) { return left == right || (std::isnan(left) && std::isnan(right)); };
  EXPECT_TRUE(same(x.period_day, y.period_day) && same(x.parallax_mas, y.parallax_mas) &&
              same(x.parallax_sigma_mas, y.parallax_sigma_mas));
  EXPECT_TRUE(std::ranges::equal(x.sed_flux_jy, y.sed_flux_jy, same));
  EXPECT_TRUE(std::ranges::equal(x.sed_sigma_jy, y.sed_sigma_jy, same));
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    EXPECT_EQ(x.light_curves[c].phase, y.light_curves[c].phase);
    EXPECT_EQ(x.light_curves[c].flux, y.light_curves[c].flux);
    EXPECT_EQ(x.light_curves[c].sigma, y.light_curves[c].sigma);
    EXPECT_EQ(x.light_curves[c].exposure_day, y.light_curves[c].exposure_day);
  }
  ASSERT_EQ(a.object.literature.size(), b.object.literature.size());
  for (std::size_t i = 0; i < a.object.literature.size(); ++i) {
    const LiteratureValue &left = a.object.literature[i], &right = b.object.literature[i];
    EXPECT_TRUE(left.quantity == right.quantity && left.value == right.value && left.error == right.error &&
                left.source == right.source);
  }
  ASSERT_EQ(a.reweighting.has_value(), b.reweighting.has_value());
  if (!a.reweighting) return;
  EXPECT_EQ(a.reweighting->made_under, b.reweighting->made_under);
  EXPECT_EQ(a.reweighting->read_under, b.reweighting->read_under);
  EXPECT_EQ(a.reweighting->effective_samples, b.reweighting->effective_samples);
}

TEST_F(PosteriorFile, IsReadAsItWasWritten) {
  PosteriorRecord record = make_record(50, 5);
  record.attributes = {{"commit", "abc"}, {"prior", "paper"}};
  write_posterior(folder_ / "network.nc", record);
  PosteriorRecord read = read_posterior(folder_ / "network.nc");
  expect_same(read, record);
  EXPECT_EQ(read.attributes, record.attributes);
  EXPECT_EQ(read.object.file, folder_ / "network.nc");

  // An MCMC's, with nothing but photometry, read under another prior.
  record.samples.log_q.clear();
  record.samples.log_likelihood.assign(50, -7.0);
  record.samples.log_density.assign(50, -9.0);
  record.samples.log_ratio.assign(50, 0.25);
  record.reweighting = {"field", "paper", 12.5};
  record.warnings.clear();
  record.object.literature.clear();
  record.object.observation.light_curves[kKeplerChannel].clear();
  record.object.observation.period_day = record.object.observation.parallax_mas = kMissing;
  record.object.observation.parallax_sigma_mas = kMissing;
  record.predictions.flux[kKeplerChannel].clear();
  record.tell("mcmc_r_hat", 1.01, 4);
  write_posterior(folder_ / "mcmc.nc", record);
  read = read_posterior(folder_ / "mcmc.nc");
  expect_same(read, record);
  EXPECT_EQ(read.attributes, (std::vector<std::pair<std::string, std::string>>{
                                 {"commit", "abc"}, {"mcmc_r_hat", "1.01"}, {"prior", "paper"}}));
}

TEST_F(PosteriorFile, WhatIsNoPosteriorIsAUserError) {
  std::ofstream(folder_ / "text.nc") << "x";
  EXPECT_THROW(read_posterior(folder_ / "text.nc"), UserError);
  EXPECT_THROW(read_posterior(folder_ / "absent.nc"), UserError);
  write_posterior(folder_ / "whole.nc", make_record(50, 5));
  fs::copy_file(folder_ / "whole.nc", folder_ / "cut.nc");
  fs::resize_file(folder_ / "cut.nc", fs::file_size(folder_ / "cut.nc") / 2);
  EXPECT_THROW(read_posterior(folder_ / "cut.nc"), UserError);
  NetcdfWriter other(folder_ / "other.nc");
  other.attribute("object", "a star");
  other.commit();
  try {
    read_posterior(folder_ / "other.nc");
    FAIL() << "read";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("other.nc: not a posterior of a binary"), std::string::npos);
  }
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
