#include "sim/extinction.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
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
  EXPECT_FALSE(std::isfinite(log_attenuation(Filter{{7.0, 8.0}, {1.0, 1.0}}, 1.0)));
}

TEST(LogAttenuation, IsMonochromaticForANarrowFilter) {
  const Filter narrow{{0.5499, 0.5501}, {1.0, 1.0}};
  EXPECT_NEAR(log_attenuation(narrow, 0.7), -0.4 * std::log(10.0) * 0.7 * f99_extinction(0.55), 1e-6);
}

// The paper's convolution for E(B-V) = .5 and R_V = 2.5, 3.1, 5, computed in Python from fitzpatrick99 of the package
// extinction 0.4.9 and the same curves, each of their intervals divided by 40.
TEST(Attenuation, AgreesWithTheExtinctionPackageInEveryPassband) {
  NEED_PASSBANDS();
  struct Reference {
    std::string_view passband;
    double factor[3];
  };
  const Reference references[] = {
      {"GALEX:FUV", {0.01849199, 0.0250096, 0.02632608}}, {"GALEX:NUV", {0.03158739, 0.02909191, 0.01675195}},
      {"Johnson:B", {0.2080075, 0.1577659, 0.06575137}},  {"Johnson:U", {0.143567, 0.1103812, 0.0470829}},
      {"Johnson:V", {0.3266199, 0.2477868, 0.1033186}},   {"PanSTARRS:g", {0.2537762, 0.1924958, 0.08024811}},
      {"PanSTARRS:i", {0.5185554, 0.4180668, 0.2116203}}, {"PanSTARRS:r", {0.4030013, 0.308214, 0.1318569}},
      {"PanSTARRS:w", {0.4105714, 0.3216163, 0.1492413}}, {"PanSTARRS:y", {0.6411532, 0.5626012, 0.3720421}},
      {"PanSTARRS:z", {0.5923896, 0.5022156, 0.297814}},  {"SDSS:g", {0.2377587, 0.1803509, 0.07519243}},
      {"SDSS:i", {0.5157128, 0.4150217, 0.2088819}},      {"SDSS:r", {0.4007473, 0.3058725, 0.1299923}},
      {"SDSS:u", {0.1423314, 0.1094798, 0.04673209}},     {"SDSS:z", {0.6046437, 0.5173676, 0.3163821}},
      {"Gaia:BP", {0.2921466, 0.2220509, 0.09308961}},    {"Gaia:G", {0.404616, 0.320599, 0.1553598}},
      {"Gaia:RP", {0.5326799, 0.4366198, 0.2350813}},     {"2MASS:J", {0.7387806, 0.6872185, 0.5467958}},
      {"2MASS:H", {0.8227249, 0.788853, 0.6906201}},      {"2MASS:Ks", {0.8775885, 0.8521495, 0.7763907}},
      {"WISE:W1", {0.9296796, 0.9126653, 0.8608137}},     {"ZTF:g", {0.2467504, 0.1871552, 0.07801264}},
      {"ZTF:r", {0.4245013, 0.3269406, 0.1430992}},       {"TESS:T", {0.5384025, 0.4453321, 0.2479477}},
      {"Kepler:Kp", {0.4104821, 0.3229514, 0.1525262}},
  };
  const double r_v[3] = {2.5, 3.1, 5.0};
  ASSERT_EQ(std::size(references), kPassbands.size());
  double worst = 0.0;
  for (int k = 0; k < 3; ++k) {
    const Extinction extinction(load_filters(kPassbandsFile), {.r_v = r_v[k]});
    for (int band = 0; band < kPassbandCount; ++band) {
      ASSERT_EQ(references[band].passband, kPassbands[band].name);
      const double ratio =
          attenuation(extinction.view(), static_cast<Passband>(band), 0.5) / references[band].factor[k];
      EXPECT_NEAR(ratio, 1.0, 1e-4) << kPassbands[band].name << ", R_V " << r_v[k];
      worst = std::max(worst, std::abs(ratio - 1.0));
    }
  }
  std::printf("largest relative difference from the extinction package: %.1e\n", worst);
}

TEST(Attenuation, AgreesWithTheIntegral) {
  NEED_PASSBANDS();
  const Extinction extinction(load_filters(kPassbandsFile), {});
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
  const Extinction extinction(load_filters(kPassbandsFile), {});
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
    const Extinction extinction(load_filters(kPassbandsFile), {.r_v = r_v});
    const auto magnitudes = [&](Passband band) { return -2.5 * std::log10(attenuation(extinction.view(), band, 0.1)); };
    EXPECT_NEAR(magnitudes(kJohnsonV) / 0.1, r_v, 0.1);
    EXPECT_NEAR(magnitudes(kJohnsonB) - magnitudes(kJohnsonV), 0.1, 0.005);
  }
}

TEST(Attenuation, RefusesReddeningThatMeansNothing) {
  NEED_PASSBANDS();
  const Extinction extinction(load_filters(kPassbandsFile), {});
  EXPECT_TRUE(std::isnan(attenuation(extinction.view(), kJohnsonV, -0.01)));
  EXPECT_TRUE(std::isnan(attenuation(extinction.view(), kJohnsonV, NAN)));
}

// Spectrum-weighted extinction. What it is compared with is made by extinction_reference.py from the pinned package of
// bolometric corrections and, where PENUMBRA_SHARED names the folder that holds them, Castelli & Kurucz's spectra.
class SpectrumWeighted : public testing::Test {
 protected:
  static constexpr int kNode = 3;  // Teff, log g, [Fe/H]
  static inline const std::filesystem::path kAtmospheres = PENUMBRA_SOURCE_DIR "/data/tables/atmospheres.h5";

  void SetUp() override {
    if (!std::filesystem::exists(kAtmospheres)) GTEST_SKIP() << kAtmospheres << " is missing: run tools/setup.sh";
    filters_ = load_filters(kPassbandsFile);
  }

  void make_reference() {
    const char* folder = std::getenv("PENUMBRA_SHARED");
    const std::filesystem::path spectra =
        (folder != nullptr ? std::filesystem::path(folder)
                           : std::filesystem::path(PENUMBRA_SOURCE_DIR) / ".." / "shared") /
        "grids" / "ck04_compact.npz";
    const auto path =
        std::filesystem::temp_directory_path() / ("penumbra_extinction_reference_" + std::to_string(getpid()) + ".h5");
    std::string command =
        "'" PENUMBRA_PYTHON "' '" PENUMBRA_SOURCE_DIR "/tests/sim/extinction_reference.py' '" + path.string() + "'";
    if (std::filesystem::exists(spectra)) command += " '" + spectra.string() + "'";
    ASSERT_EQ(std::system(command.c_str()), 0);
    {
      const Hdf5Reader file(path);
      node_ = file.doubles("node");
      count_ = node_.size() / kNode;
      a_v_ = file.doubles("a_v");
      extinction_ = file.doubles("extinction", {count_, kPassbands.size(), a_v_.size()});
      if (file.has("log_flux")) {
        wavelength_ = file.doubles("wavelength_um");
        log_flux_ = file.doubles("log_flux", {count_, wavelength_.size()});
      }
    }
    std::filesystem::remove(path);
  }

  Star star(std::size_t n) const { return {1.0, 1.0, node_[kNode * n], node_[kNode * n + 1], 0.3}; }
  double feh(std::size_t n) const { return node_[kNode * n + 2]; }
  double table_extinction(std::size_t n, int band, std::size_t i) const {
    return extinction_[(n * kPassbands.size() + static_cast<std::size_t>(band)) * a_v_.size() + i];
  }

  // A(lambda) / A(V) of Cardelli, Clayton & Mathis 1989, R_V = 3.1: the law of the bolometric corrections.
  static double ccm89(double um) {
    const double x = 1.0 / um, y = x - 1.82, u = x > 5.9 ? x - 5.9 : 0.0;
    double a = 0.574 * std::pow(x, 1.61), b = -0.527 * std::pow(x, 1.61);
    if (x >= 3.3) {
      a = 1.752 - 0.316 * x - 0.104 / ((x - 4.67) * (x - 4.67) + 0.341) - u * u * (0.04473 + 0.009779 * u);
      b = -3.090 + 1.825 * x + 1.206 / ((x - 4.62) * (x - 4.62) + 0.263) + u * u * (0.2130 + 0.1207 * u);
    } else if (x >= 1.1) {
      const double ca[] = {1.0, 0.17699, -0.50447, -0.02427, 0.72085, 0.01979, -0.77530, 0.32999};
      const double cb[] = {0.0, 1.41338, 2.28305, 1.07233, -5.38434, -0.62251, 5.30260, -2.09002};
      a = b = 0.0;
      for (int k = 7; k >= 0; --k) {
        a = a * y + ca[k];
        b = b * y + cb[k];
      }
    }
    return a + b / 3.1;
  }

  // The band's points with the law of the corrections; what stands for E(B-V) is then A_V.
  BandPoints ccm_points(int band) const {
    BandPoints points = band_points(filters_[static_cast<std::size_t>(band)], 3.1);
    for (std::size_t i = 0; i < points.curve.size(); ++i) points.curve[i] = ccm89(std::exp(points.log_wavelength[i]));
    return points;
  }

  // Extinction in mag of node n's own spectrum.
  double spectrum_extinction(std::size_t n, const BandPoints& points, bool per_photon, double ebv) const {
    AttenuationSums sums;
    const double* flux = log_flux_.data() + n * wavelength_.size();
    for (std::size_t i = 0; i < points.weight.size(); ++i) {
      const double um = std::exp(points.log_wavelength[i]);
      const int k = find_interval(wavelength_.data(), static_cast<int>(wavelength_.size()), um);
      const double share = (um - wavelength_[k]) / (wavelength_[k + 1] - wavelength_[k]);
      const double weight = std::exp(flux[k] + share * (flux[k + 1] - flux[k])) * (per_photon ? um : 1.0);
      sums.add(points.weight[i] * weight, points.log_wavelength[i], points.curve[i], ebv, 0.0);
    }
    return -2.5 * std::log10(sums.attenuation());
  }

  static constexpr double kMagnitudePerLn = -1.0857362047581294;
  std::size_t count_ = 0;
  std::vector<double> node_, a_v_, extinction_, wavelength_, log_flux_;
  std::vector<Filter> filters_;
};

// One slope per star and band, read off at A_V = 1, gives the tables' extinction at every A_V to .005 mag. With the
// node itself left out the slope is interpolated over twice the grid's spacing in Teff, which quadruples what
// interpolation costs: then .01 mag, and .05 in GALEX's bands (their worst is at 3500 K, where the corrections change
// models).
TEST_F(SpectrumWeighted, AgreesWithTheBolometricCorrections) {
  make_reference();
  const Atmosphere atmosphere = Atmosphere::load(kAtmospheres);
  const AtmosphereView view = atmosphere.view();
  double worst = 0.0, worst_left_out = 0.0, worst_left_out_galex = 0.0;
  for (int band = 0; band < kPassbandCount; ++band) {
    // For ZTF the corrections are those of Pan-STARRS.
    const int own = band == kZtfG ? kPs1G : (band == kZtfR ? kPs1R : band);
    const BandPoints points = ccm_points(own);
    const double per_photon = filters_[static_cast<std::size_t>(own)].per_photon ? 1.0 : 0.0;
    for (std::size_t n = 0; n < count_; ++n) {
      const SpectralSlopeNode at = spectral_slope_node(view, star(n), feh(n));
      ASSERT_TRUE(at.inside());
      const double slope = spectral_slope(view, at, static_cast<Passband>(band));
      const double log_teff = std::log10(star(n).teff_k);
      const int here =
          static_cast<int>(std::lower_bound(view.log_teff_axis, view.log_teff_axis + view.teff_count, log_teff - 1e-6) -
                           view.log_teff_axis);
      double left_out = 0.0;
      const double share =
          (log_teff - view.log_teff_axis[here - 1]) / (view.log_teff_axis[here + 1] - view.log_teff_axis[here - 1]);
      for (const int side : {-1, 1}) {
        Star neighbour = star(n);
        neighbour.teff_k = std::pow(10.0, view.log_teff_axis[here + side]);
        const SpectralSlopeNode beside = spectral_slope_node(view, neighbour, feh(n));
        left_out += (side < 0 ? 1.0 - share : share) * spectral_slope(view, beside, static_cast<Passband>(band));
      }
      for (std::size_t i = 0; i < a_v_.size(); ++i) {
        const double expected = table_extinction(n, band, i);
        const double found = kMagnitudePerLn * log_attenuation(points, a_v_[i], slope + per_photon);
        const double interpolated = kMagnitudePerLn * log_attenuation(points, a_v_[i], left_out + per_photon);
        worst = std::max(worst, std::abs(found - expected));
        double& left_out_of = band <= kGalexNuv ? worst_left_out_galex : worst_left_out;
        left_out_of = std::max(left_out_of, std::abs(interpolated - expected));
        EXPECT_NEAR(found, expected, 0.005) << kPassbands[band].name << ", Teff " << star(n).teff_k;
        EXPECT_NEAR(interpolated, expected, band <= kGalexNuv ? 0.05 : 0.01)
            << kPassbands[band].name << ", Teff " << star(n).teff_k;
      }
    }
  }
  std::printf("%zu stars: at most %.4f mag from the corrections' A_V axis, %.4f with the node left out\n", count_,
              worst, worst_left_out);
}

// F99 with the slope against F99 integrated over Castelli & Kurucz's spectra. Their spectra and filters are not those
// of the corrections: the same differences appear between the corrections and CCM89 integrated over those spectra. What
// the slope adds, going from one law to the other, is the difference of the differences.
TEST_F(SpectrumWeighted, AgreesWithCastelliKuruczSpectra) {
  make_reference();
  if (log_flux_.empty()) GTEST_SKIP() << "no ck04_compact.npz (PENUMBRA_SHARED names the folder that holds grids/)";
  const Atmosphere atmosphere = Atmosphere::load(kAtmospheres);
  const Extinction extinction(filters_, {.spectrum_weighted = true});
  const std::size_t at_one = a_v_.size() - 1;
  ASSERT_EQ(a_v_[at_one], 1.0);
  const double ebv = 1.0 / 3.1;
  double worst_transfer = 0.0, worst_hot = 0.0, worst_cool = 0.0, worst_nuv = 0.0;
  for (int band = 0; band < kPassbandCount; ++band) {
    const auto passband = static_cast<Passband>(band);
    const bool per_photon = filters_[static_cast<std::size_t>(band)].per_photon;
    const BandPoints f99 = band_points(filters_[static_cast<std::size_t>(band)], 3.1), ccm = ccm_points(band);
    for (std::size_t n = 0; n < count_; ++n) {
      if (std::isnan(log_flux_[n * wavelength_.size()])) continue;
      StarBand dimmed{};
      ASSERT_EQ(redden(extinction.view(), atmosphere.view(), star(n), feh(n), ebv, &passband, 1, &dimmed), Status::kOk);
      const double found = kMagnitudePerLn * dimmed.log_intensity;
      const double difference = found - spectrum_extinction(n, f99, per_photon, ebv);
      double& worst = band == kGalexNuv ? worst_nuv : (star(n).teff_k < 5000.0 ? worst_cool : worst_hot);
      worst = std::max(worst, std::abs(difference));
      if (band == kZtfG || band == kZtfR) continue;  // the corrections have another filter
      const double corrections = table_extinction(n, band, at_one) - spectrum_extinction(n, ccm, per_photon, 1.0);
      worst_transfer = std::max(worst_transfer, std::abs(difference - corrections));
      EXPECT_NEAR(difference, corrections, 0.005)
          << kPassbands[band].name << ", Teff " << star(n).teff_k << " " << star(n).logg << " " << feh(n);
    }
  }
  std::printf("A_V = 1 against the spectra: %.4f mag from 5000 K, %.4f below, GALEX NUV %.4f; by the slope %.4f\n",
              worst_hot, worst_cool, worst_nuv, worst_transfer);
  EXPECT_LT(worst_hot, 0.015);
  EXPECT_LT(worst_cool, 0.02);
  EXPECT_LT(worst_nuv, 0.05);
}

TEST_F(SpectrumWeighted, TableAgreesWithTheIntegral) {
  for (const double r_v : {2.5, 3.1, 5.5}) {
    const Extinction extinction(filters_, {r_v, true});
    double worst = 0.0;
    for (int band = 0; band < kPassbandCount; ++band) {
      const Filter& filter = filters_[static_cast<std::size_t>(band)];
      const BandPoints points = band_points(filter, r_v);
      for (double slope = -5.9; slope < 40.0; slope += 2.3) {
        for (double ebv = 0.0; ebv < 20.0; ebv = 1.7 * ebv + 0.013) {
          const double found = log_attenuation(extinction.view(), static_cast<Passband>(band), ebv, slope);
          const double expected = log_attenuation(points, ebv, slope + (filter.per_photon ? 1.0 : 0.0));
          // 1e-4 of the factor, where there is much of it left; beyond, of its logarithm.
          worst = std::max(worst, std::abs(found - expected) / std::max(1.0, -expected));
        }
      }
    }
    EXPECT_LT(worst, 1e-4) << "R_V " << r_v;
    std::printf("R_V %.1f: the table is within %.1e of the integral\n", r_v, worst);
  }
}

TEST_F(SpectrumWeighted, NamesWhatItCannotRedden) {
  const Atmosphere atmosphere = Atmosphere::load(kAtmospheres);
  for (const bool weighted : {false, true}) {
    const Extinction extinction(filters_, {.spectrum_weighted = weighted});
    const Passband passband = kJohnsonV;
    const auto status = [&](double teff_k, double feh, double ebv) {
      StarBand band{};
      const Status found =
          redden(extinction.view(), atmosphere.view(), {1.0, 1.0, teff_k, 4.0, 0.3}, feh, ebv, &passband, 1, &band);
      EXPECT_EQ(band.log_intensity < 0.0, found == Status::kOk);
      return found;
    };
    EXPECT_EQ(status(6000.0, 0.0, 0.1), Status::kOk);
    EXPECT_EQ(status(6000.0, 0.0, -0.1), Status::kInvalidInput);
    EXPECT_EQ(status(6000.0, 0.0, NAN), Status::kInvalidInput);
    const Status outside = weighted ? Status::kOutsideAtmospheres : Status::kOk;
    EXPECT_EQ(status(2000.0, 0.0, 0.1), outside);
    EXPECT_EQ(status(NAN, 0.0, 0.1), outside);
    EXPECT_EQ(status(6000.0, 0.7, 0.1), outside);
  }
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
    writer.text_attribute("/Johnson:V", "detector", "photon");
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
