#include "sim/extinction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

const std::filesystem::path kPassbandsFile = PENUMBRA_SOURCE_DIR "/data/tables/passbands.h5";

#define NEED_PASSBANDS()                        \
  if (!std::filesystem::exists(kPassbandsFile)) \
  GTEST_SKIP() << kPassbandsFile << " is missing: run data/recipes/make_passbands.py"

TEST(F99, AgreesWithTheExtinctionPackage) {
  // fitzpatrick99 of the Python package extinction 0.4.9 (a C++ port of FMRCURVE) for E(B-V) = 1.
  struct Reference {
    double wavelength_um, curve[3];
  };
  const double r_v[3] = {2.3, 3.1, 5.0};
  const Reference references[] = {
      {0.0912, {22.8102999, 19.3985218, 16.6971543}},  {0.12, {12.6004597, 10.5814623, 9.40170764}},
      {0.1528, {9.03765544, 7.96540861, 7.81997895}},  {0.2175, {9.577126, 9.53523682, 10.5154729}},
      {0.2271, {8.88862943, 8.94960372, 10.0422181}},  {0.265, {6.02038564, 6.41466548, 7.87141619}},
      {0.28, {5.49463718, 5.99116029, 7.559251}},      {0.36, {4.02830646, 4.78960123, 6.64347894}},
      {0.44, {3.25499933, 4.05870021, 5.96446426}},    {0.55, {2.22915636, 3.03116563, 4.93559443}},
      {0.7, {1.43111435, 2.13347085, 3.80384073}},     {1.25, {0.593538029, 0.796111618, 1.27717561}},
      {2.16, {0.261820635, 0.346885245, 0.548838875}}, {3.4, {0.142422247, 0.195233045, 0.320699476}},
      {5.9, {0.075735151, 0.105913205, 0.177633882}},
  };
  for (const Reference& reference : references) {
    for (int k = 0; k < 3; ++k) {
      EXPECT_NEAR(f99_extinction(reference.wavelength_um, r_v[k]) / reference.curve[k], 1.0, 1e-8)
          << reference.wavelength_um << " um, R_V " << r_v[k];
    }
  }
}

TEST(F99, IsContinuousWhereTheSplineMeetsTheUltraviolet) {
  EXPECT_NEAR(f99_extinction(0.27 * (1.0 - 1e-9)), f99_extinction(0.27 * (1.0 + 1e-9)), 1e-6);
}

TEST(F99, IsNanOutsideItsRange) {
  EXPECT_TRUE(std::isnan(f99_extinction(0.0909)));
  EXPECT_TRUE(std::isnan(f99_extinction(6.01)));
  EXPECT_TRUE(std::isnan(f99_extinction(NAN)));
  EXPECT_FALSE(std::isnan(f99_extinction(0.0911)));
}

TEST(LogAttenuation, LeavesOutWhatTheLawDoesNotCover) {
  const Filter inside{{5.0, 5.5, 5.9}, {1.0, 1.0, 1.0}};
  Filter across = inside;
  across.wavelength_um.push_back(7.0);
  across.transmission.push_back(1.0);
  EXPECT_DOUBLE_EQ(log_attenuation(across, 1.0), log_attenuation(inside, 1.0));
  EXPECT_FALSE(std::isfinite(log_attenuation({{7.0, 8.0}, {1.0, 1.0}}, 1.0)));
}

TEST(LogAttenuation, IsMonochromaticForANarrowFilter) {
  const Filter narrow{{0.5499, 0.5501}, {1.0, 1.0}};
  EXPECT_NEAR(log_attenuation(narrow, 0.7), -0.4 * std::log(10.0) * 0.7 * f99_extinction(0.55), 1e-6);
}

TEST(Attenuation, AgreesWithTheIntegral) {
  NEED_PASSBANDS();
  const Extinction extinction = Extinction::load(kPassbandsFile);
  double worst = 0.0;
  for (int band = 0; band < kPassbandCount; ++band) {
    const auto passband = static_cast<Passband>(band);
    const Filter filter = load_filter(kPassbandsFile, passband);
    for (double ebv = 0.0; ebv < 20.0; ebv = 1.07 * ebv + 0.0031) {
      const double ratio = attenuation(extinction.view(), passband, ebv) / std::exp(log_attenuation(filter, ebv));
      worst = std::max(worst, std::abs(ratio - 1.0));
    }
  }
  EXPECT_LT(worst, 1e-4);
  RecordProperty("worst_relative_error", std::to_string(worst));
}

TEST(Attenuation, FallsWithReddeningAndRisesWithWavelength) {
  NEED_PASSBANDS();
  const Extinction extinction = Extinction::load(kPassbandsFile);
  for (int band = 0; band < kPassbandCount; ++band) {
    EXPECT_DOUBLE_EQ(attenuation(extinction.view(), static_cast<Passband>(band), 0.0), 1.0);
    double before = 1.0;
    for (double ebv = 0.013; ebv < 25.0; ebv += 0.073) {
      const double now = attenuation(extinction.view(), static_cast<Passband>(band), ebv);
      EXPECT_LT(now, before) << kPassbands[band].name << " " << ebv;
      EXPECT_GT(now, 0.0);
      before = now;
    }
  }
  const Passband by_wavelength[] = {kSdssU, kJohnsonB, kJohnsonV, kPs1R, kPs1Z, k2massJ, k2massH, k2massKs, kWiseW1};
  for (std::size_t k = 1; k < std::size(by_wavelength); ++k) {
    EXPECT_GT(attenuation(extinction.view(), by_wavelength[k], 0.3),
              attenuation(extinction.view(), by_wavelength[k - 1], 0.3));
  }
}

TEST(Attenuation, GivesTheColourExcessThatNamesIt) {
  NEED_PASSBANDS();
  for (const double r_v : {2.5, 3.1, 5.0}) {
    const Extinction extinction = Extinction::load(kPassbandsFile, r_v);
    const auto magnitudes = [&](Passband band) { return -2.5 * std::log10(attenuation(extinction.view(), band, 0.1)); };
    EXPECT_NEAR(magnitudes(kJohnsonV) / 0.1, r_v, 0.1);
    EXPECT_NEAR(magnitudes(kJohnsonB) - magnitudes(kJohnsonV), 0.1, 0.005);
  }
}

TEST(Attenuation, RefusesReddeningThatMeansNothing) {
  NEED_PASSBANDS();
  const Extinction extinction = Extinction::load(kPassbandsFile);
  EXPECT_TRUE(std::isnan(attenuation(extinction.view(), kJohnsonV, -0.01)));
  EXPECT_TRUE(std::isnan(attenuation(extinction.view(), kJohnsonV, NAN)));
}

// Published zero points, from elsewhere than the table's: Bessell, Castelli & Plez 1998 table A2 (U, B, V), Cohen et
// al. 2003 (J, H, Ks), Jarrett et al. 2011 (W1). They differ from Vega's spectrum by the uncertainty of Vega's flux.
TEST(ZeroPoints, AgreeWithPublishedOnes) {
  NEED_PASSBANDS();
  const std::vector<double> zero_points = load_zero_points_jy(kPassbandsFile);
  ASSERT_EQ(zero_points.size(), kPassbands.size());
  const std::pair<Passband, double> published[] = {{kJohnsonU, 1790.0}, {kJohnsonB, 4063.0}, {kJohnsonV, 3636.0},
                                                   {k2massJ, 1594.0},   {k2massH, 1024.0},   {k2massKs, 666.7},
                                                   {kWiseW1, 309.54},   {kGaiaG, 3270.0}};
  for (const auto& [band, zero_point] : published) {
    EXPECT_NEAR(zero_points[band] / zero_point, 1.0, band == kJohnsonU ? 0.04 : 0.012) << kPassbands[band].name;
  }
  for (std::size_t k = 0; k < kPassbands.size(); ++k) {
    if (kPassbands[k].system == MagnitudeSystem::kAb) {
      EXPECT_EQ(zero_points[k], 3631.0) << kPassbands[k].name;
    }
  }
}

TEST(LoadFilter, EveryPassbandPeaksNearItsPivot) {
  NEED_PASSBANDS();
  const Hdf5Reader file(kPassbandsFile);
  for (int band = 0; band < kPassbandCount; ++band) {
    const Filter filter = load_filter(kPassbandsFile, static_cast<Passband>(band));
    const double pivot = file.number_attribute("/" + std::string(kPassbands[band].name), "pivot_um");
    EXPECT_LT(filter.wavelength_um.front(), pivot);
    EXPECT_GT(filter.wavelength_um.back(), pivot);
    EXPECT_EQ(filter.transmission.front(), 0.0);
    EXPECT_EQ(filter.transmission.back(), 0.0);
    EXPECT_EQ(*std::max_element(filter.transmission.begin(), filter.transmission.end()), 1.0);
  }
}

TEST(LoadFilter, NamesTheFaultOfABrokenTable) {
  const auto file = std::filesystem::temp_directory_path() / "penumbra_extinction_test.h5";
  {
    Hdf5Writer writer(file);
    writer.doubles("/Johnson:V/wavelength_um", {0.5, 0.6, 0.55}, {3});
    writer.doubles("/Johnson:V/transmission", {0.0, 1.0, 0.0}, {3});
    writer.commit();
  }
  try {
    load_filter(file, kJohnsonV);
    FAIL() << "a curve that does not ascend was accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("Johnson:V"), std::string::npos) << error.what();
  }
  EXPECT_THROW(load_filter(file, kJohnsonB), UserError);
  std::filesystem::remove(file);
}

}  // namespace
}  // namespace penumbra
