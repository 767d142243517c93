#include "sim/atmosphere.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/hdf5_file.h"
#include "sim/blackbody.h"
#include "sim/constants.h"
#include "sim/extinction.h"

namespace penumbra {
namespace {

const std::filesystem::path kTables = PENUMBRA_SOURCE_DIR "/data/tables";

#define NEED_TABLES()                                                                                             \
  if (!std::filesystem::exists(kTables / "atmospheres.h5") || !std::filesystem::exists(kTables / "passbands.h5")) \
  GTEST_SKIP() << "no tables in " << kTables << ": run data/recipes/make_passbands.py and make_atmospheres.py"

std::vector<Passband> every_passband() {
  std::vector<Passband> bands;
  for (int k = 0; k < kPassbandCount; ++k) bands.push_back(static_cast<Passband>(k));
  return bands;
}

Star star_at(double teff_k, double logg) { return {1.0, 1.0, teff_k, logg, 0.32}; }

// A small table of one passband whose values are known in closed form.
struct SmallTable {
  std::vector<double> log_teff{3.5, 3.6, 3.64, 3.75, 3.8, 4.0}, logg{3.0, 4.0, 4.5}, feh{-1.0, 0.0};
  std::vector<double> ld_log_teff{3.6, 3.8}, ld_logg{4.0, 4.5}, ld_feh{-1.0, 0.0};
  std::vector<double> log_intensity, limb;

  // Quadratic in log Teff, linear in log g and [Fe/H]: what the interpolation reproduces exactly.
  static double value(double t, double g, double f) {
    return 30.0 + 8.0 * (t - 3.7) - 11.0 * (t - 3.7) * (t - 3.7) + 0.3 * g - 0.2 * f;
  }
  static double limb_value(int k, double t, double g, double f) {
    return 0.1 * k + 0.5 * (t - 3.7) + 0.02 * g + 0.03 * f;
  }

  SmallTable() {
    for (const double f : feh)
      for (const double g : logg)
        for (const double t : log_teff) log_intensity.push_back(value(t, g, f));
    for (const double f : ld_feh)
      for (const double g : ld_logg)
        for (const double t : ld_log_teff)
          for (int k = 0; k < 4; ++k) limb.push_back(limb_value(k, t, g, f));
  }
  double& cell(std::size_t f, std::size_t g, std::size_t t) {
    return log_intensity[(f * logg.size() + g) * log_teff.size() + t];
  }
  AtmosphereView view() const {
    AtmosphereView v;
    v.log_intensity = log_intensity.data();
    v.log_teff_axis = log_teff.data();
    v.logg_axis = logg.data();
    v.feh_axis = feh.data();
    v.teff_count = 6, v.logg_count = 3, v.feh_count = 2;
    v.limb_darkening = limb.data();
    v.ld_log_teff_axis = ld_log_teff.data();
    v.ld_logg_axis = ld_logg.data();
    v.ld_feh_axis = ld_feh.data();
    v.ld_teff_count = v.ld_logg_count = v.ld_feh_count = 2;
    return v;
  }
  Status expand(double log10_teff, double g, double f, StarBand& out, bool tabulated_limb = false) const {
    const Passband band = static_cast<Passband>(0);
    return expand_star(view(), star_at(std::pow(10.0, log10_teff), g), f, &band, 1, &out, tabulated_limb);
  }
};

TEST(ExpandStar, ReproducesAQuadraticTableWithItsDerivatives) {
  const SmallTable table;
  const double ln10 = std::log(10.0);
  for (const double t : {3.53, 3.6, 3.62, 3.7, 3.76, 3.8, 3.93, 3.97}) {
    StarBand band{};
    ASSERT_EQ(table.expand(t, 3.4, -0.3, band), Status::kOk) << t;
    EXPECT_NEAR(band.log_intensity, SmallTable::value(t, 3.4, -0.3), 1e-10) << t;
    EXPECT_NEAR(band.slope_t, (8.0 - 22.0 * (t - 3.7)) / ln10, 1e-9) << t;
    EXPECT_NEAR(band.curve_t, -22.0 / (ln10 * ln10), 1e-8) << t;
    EXPECT_NEAR(band.slope_g, 0.3 / ln10, 1e-10) << t;
  }
}

TEST(ExpandStar, LimbDarkeningIsLinearInsideItsTable) {
  const SmallTable table;
  StarBand band{};
  ASSERT_EQ(table.expand(3.71, 4.2, -0.4, band, true), Status::kOk);
  for (int k = 0; k < 4; ++k) EXPECT_NEAR(band.limb.c[k], SmallTable::limb_value(k, 3.71, 4.2, -0.4), 1e-12);
  // Beyond the limb-darkening table, inside the other.
  for (const auto& [t, g] : {std::pair{3.9, 4.2}, {3.56, 4.2}, {3.71, 3.1}}) {
    EXPECT_EQ(table.expand(t, g, -0.4, band, true), Status::kOutsideAtmospheres);
    ASSERT_EQ(table.expand(t, g, -0.4, band, false), Status::kOk);
    EXPECT_EQ(band.limb.disc_integral(), 1.0);
  }
}

TEST(ExpandStar, RefusesWhatTheTableDoesNotHold) {
  SmallTable table;
  StarBand band{};
  EXPECT_EQ(table.expand(3.49, 3.4, -0.3, band), Status::kOutsideAtmospheres);
  EXPECT_EQ(table.expand(3.51, 3.4, -0.3, band), Status::kOutsideAtmospheres);  // its cooler parts are
  EXPECT_EQ(table.expand(3.99, 3.4, -0.3, band), Status::kOutsideAtmospheres);
  EXPECT_EQ(table.expand(3.7, 2.9, -0.3, band), Status::kOutsideAtmospheres);
  EXPECT_EQ(table.expand(3.7, 3.4, 0.1, band), Status::kOutsideAtmospheres);
  EXPECT_EQ(table.expand(NAN, 3.4, -0.3, band), Status::kOutsideAtmospheres);
  EXPECT_EQ(table.expand(3.7, NAN, -0.3, band), Status::kOutsideAtmospheres);

  table.cell(0, 0, 3) = NAN;  // [Fe/H] -1, log g 3, log Teff 3.75
  EXPECT_EQ(table.expand(3.7, 3.4, -0.3, band), Status::kOutsideAtmospheres);
  EXPECT_EQ(table.expand(3.9, 3.4, -0.3, band), Status::kOutsideAtmospheres);  // a parabola needs the cell
  EXPECT_EQ(table.expand(3.7, 4.2, -0.3, band), Status::kOk);
  EXPECT_EQ(table.expand(3.7, 3.4, 0.0, band), Status::kOk);  // on a metallicity node: the other one is not needed
}

std::vector<StarBand> expand_all(const Atmosphere& atmosphere, double teff, double logg) {
  const std::vector<Passband> bands = every_passband();
  std::vector<StarBand> out(bands.size());
  EXPECT_EQ(expand_star(atmosphere.view(), star_at(teff, logg), -0.13, bands.data(), kPassbandCount, out.data(), false),
            Status::kOk);
  return out;
}

TEST(Atmosphere, ExpansionIsTheTableWithinItsStep) {
  NEED_TABLES();
  const Atmosphere atmosphere = Atmosphere::load(kTables / "atmospheres.h5");
  for (const double teff : {3610.0, 5120.0, 5772.0, 9123.0, 15300.0, 41000.0}) {
    const auto centre = expand_all(atmosphere, teff, 4.2);
    for (const double x : {-kExpansionStep, -0.02, 0.03, kExpansionStep}) {
      const auto there = expand_all(atmosphere, teff * std::exp(x), 4.2);
      for (int k = kJohnsonB; k < kPassbandCount; ++k) {
        const double expanded = centre[k].log_intensity + centre[k].slope_t * x + 0.5 * centre[k].curve_t * x * x;
        const double tolerance = std::abs(x) == kExpansionStep ? 1e-9 : 0.02;  // a cubic term and the models' roughness
        EXPECT_NEAR(expanded, there[k].log_intensity, tolerance) << kPassbands[k].name << " " << teff << " " << x;
      }
    }
    const double y = 1e-3;
    const auto dense = expand_all(atmosphere, teff, 4.2 + y / std::log(10.0));
    for (int k = 0; k < kPassbandCount; ++k) {
      EXPECT_NEAR(centre[k].slope_g, (dense[k].log_intensity - centre[k].log_intensity) / y, 1e-8) << k << " " << teff;
    }
  }
}

// The expansion of a star does not jump where its temperature passes a node of the table.
TEST(Atmosphere, ExpansionIsContinuous) {
  NEED_TABLES();
  const Atmosphere atmosphere = Atmosphere::load(kTables / "atmospheres.h5");
  const AtmosphereView view = atmosphere.view();
  for (int node = 2; node + 2 < view.teff_count; ++node) {
    const double teff = std::pow(10.0, view.log_teff_axis[node]);
    const auto below = expand_all(atmosphere, teff * (1 - 1e-9), 4.0),
               above = expand_all(atmosphere, teff * (1 + 1e-9), 4.0);
    for (int k = 0; k < kPassbandCount; ++k) {
      EXPECT_NEAR(below[k].log_intensity, above[k].log_intensity, 1e-6) << teff;
      EXPECT_NEAR(below[k].slope_t, above[k].slope_t, 1e-4) << teff;
      EXPECT_NEAR(below[k].curve_t, above[k].curve_t, 1e-3) << teff;
    }
  }
}

// Absolute magnitudes of the Sun: Willmer 2018, ApJS 236, 47, table 3 (the system of each passband in sim/passbands.h).
// The models are brighter by .01 to .04 mag; the ultraviolet of a real chromosphere is not in them.
TEST(Atmosphere, SunHasItsAbsoluteMagnitudes) {
  NEED_TABLES();
  const Atmosphere atmosphere = Atmosphere::load(kTables / "atmospheres.h5");
  const std::vector<double> zero_points = load_zero_points_jy(kTables / "passbands.h5");
  const std::pair<Passband, double> published[] = {
      {kJohnsonB, 5.44}, {kJohnsonV, 4.81}, {kSdssG, 5.11},   {kSdssR, 4.65},  {kSdssI, 4.53}, {kSdssZ, 4.50},
      {k2massJ, 3.67},   {k2massH, 3.32},   {k2massKs, 3.27}, {kWiseW1, 3.26}, {kTess, 4.19},
  };
  for (const auto& [band, magnitude] : published) {
    StarBand sun{};
    ASSERT_EQ(expand_star(atmosphere.view(), star_at(kTeffSun, kLogGSun), 0.0, &band, 1, &sun), Status::kOk);
    const double radius_over_distance = kRsun / (10.0 * kParsec);
    const double flux_jy = kPi * radius_over_distance * radius_over_distance * std::exp(sun.log_intensity);
    EXPECT_NEAR(-2.5 * std::log10(flux_jy / zero_points[band]), magnitude, 0.05) << kPassbands[band].name;
  }
}

// A star like Vega (Teff 9400 K, log g 3.9, [Fe/H] -.5: the model that extends the spectrum of Bohlin 2007 to the
// infrared) has no colour in Vega magnitudes.
TEST(Atmosphere, StarLikeVegaHasNoColour) {
  NEED_TABLES();
  const Atmosphere atmosphere = Atmosphere::load(kTables / "atmospheres.h5");
  const std::vector<double> zero_points = load_zero_points_jy(kTables / "passbands.h5");
  const auto magnitude = [&](Passband band) {
    StarBand vega{};
    EXPECT_EQ(expand_star(atmosphere.view(), star_at(9400.0, 3.9), -0.5, &band, 1, &vega), Status::kOk);
    return -2.5 * std::log10(std::exp(vega.log_intensity) / zero_points[band]);
  };
  for (const Passband band : {kJohnsonB, kGaiaG, kGaiaBp, kGaiaRp, k2massJ, k2massH, k2massKs, kWiseW1, kTess}) {
    EXPECT_NEAR(magnitude(band) - magnitude(kJohnsonV), 0.0, 0.03) << kPassbands[band].name;
  }
  EXPECT_NEAR(magnitude(kKepler) - magnitude(kJohnsonV), 0.12, 0.03);  // AB - Vega
}

// At 3.4 um hot stars shine like blackbodies of .7 to 1 times Teff (free-free opacity forms the light higher up): an
// independent check of the unit and of the factor pi.
TEST(Atmosphere, HotStarsInTheInfraredAreLikeBlackbodies) {
  NEED_TABLES();
  const Atmosphere atmosphere = Atmosphere::load(kTables / "atmospheres.h5");
  const Passband band = kWiseW1;
  const Filter filter = load_filter(kTables / "passbands.h5", band);
  const double pivot_m = Hdf5Reader(kTables / "passbands.h5").number_attribute("/WISE:W1", "pivot_um") * 1e-6;
  for (const double teff : {8000.0, 10000.0, 15000.0}) {
    StarBand star{};
    ASSERT_EQ(expand_star(atmosphere.view(), star_at(teff, 4.0), 0.0, &band, 1, &star), Status::kOk);
    const double b_lambda = std::exp(blackbody_star_band(filter, teff, {}).log_intensity);
    const double blackbody_jy = b_lambda * pivot_m * pivot_m / kLightSpeed * 1e26;
    EXPECT_GT(std::exp(star.log_intensity) / blackbody_jy, 0.7) << teff;
    EXPECT_LT(std::exp(star.log_intensity) / blackbody_jy, 1.0) << teff;
  }
}

TEST(Atmosphere, LimbDarkeningIsPhysical) {
  NEED_TABLES();
  const Atmosphere atmosphere = Atmosphere::load(kTables / "atmospheres.h5");
  const std::vector<Passband> bands = every_passband();
  std::vector<StarBand> out(bands.size());
  for (const double teff : {3500.0, 4400.0, 5772.0, 7700.0, 12000.0, 30000.0, 50000.0}) {
    for (const double logg : {0.5, 3.0, 4.4, 5.0}) {
      ASSERT_EQ(expand_star(atmosphere.view(), star_at(teff, logg), 0.0, bands.data(), kPassbandCount, out.data()),
                Status::kOk);
      for (int k = 0; k < kPassbandCount; ++k) {
        EXPECT_NEAR(out[k].limb(1.0), 1.0, 1e-12);
        EXPECT_GT(out[k].limb.disc_integral(), 0.6);
        EXPECT_LT(out[k].limb.disc_integral(), 1.0);
        for (double mu = 0.05; mu < 1.0; mu += 0.05) {
          EXPECT_GT(out[k].limb(mu), 0.0) << teff << " " << logg << " " << kPassbands[k].name;
          EXPECT_LT(out[k].limb(mu), 1.02) << teff << " " << logg << " " << kPassbands[k].name;
        }
      }
    }
  }
  // The Sun's V band: Claret's quoted cell at (5750, 4.5, 0) is .4482 .2143 .3961 -.2625.
  const Passband v = kJohnsonV;
  ASSERT_EQ(expand_star(atmosphere.view(), star_at(5750.0, 4.5), 0.0, &v, 1, out.data()), Status::kOk);
  const double claret[4] = {0.4482, 0.2143, 0.3961, -0.2625};
  for (int k = 0; k < 4; ++k) EXPECT_NEAR(out[0].limb.c[k], claret[k], 1e-6);
}

TEST(LimbDarkening, DiscIntegralIsTheIntegral) {
  for (const LimbDarkening& limb :
       {LimbDarkening::linear(0.6), LimbDarkening::logarithmic(0.7, 0.25), LimbDarkening::square_root(0.2, 0.5),
        LimbDarkening::claret(0.4482, 0.2143, 0.3961, -0.2625)}) {
    double sum = 0.0;
    const int n = 20000;
    for (int i = 0; i < n; ++i) sum += 2.0 * limb((i + 0.5) / n) * (i + 0.5) / n / n;
    EXPECT_NEAR(limb.disc_integral(), sum, 1e-7);
  }
}

TEST(LimbDarkening, LawsAreThoseOfTheLiterature) {
  for (const double mu : {0.0, 1e-3, 0.2, 0.7, 1.0}) {
    const double log_term = mu > 0.0 ? mu * std::log(mu) : 0.0;
    EXPECT_NEAR(LimbDarkening::linear(0.6)(mu), 1.0 - 0.6 * (1.0 - mu), 1e-15);
    EXPECT_NEAR(LimbDarkening::logarithmic(0.7, 0.25)(mu), 1.0 - 0.7 * (1.0 - mu) - 0.25 * log_term, 1e-15);
    EXPECT_NEAR(LimbDarkening::square_root(0.2, 0.5)(mu), 1.0 - 0.2 * (1.0 - mu) - 0.5 * (1.0 - std::sqrt(mu)), 1e-15);
  }
}

TEST(Atmosphere, RefusesAFileOfOtherPassbands) {
  const auto file = std::filesystem::temp_directory_path() / "penumbra_atmosphere_test.h5";
  {
    Hdf5Writer writer(file);
    writer.strings("passband", {"Johnson:V", "Johnson:B"});
    writer.commit();
  }
  try {
    Atmosphere::load(file);
    FAIL() << "a table of two passbands was accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos) << error.what();
  }
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace penumbra
