// The verb lightcurve as a user calls it: its curves against PHOEBE's, its observables against one another and against
// analytic limits.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/sha256.h"
#include "base/text_table.h"
#include "sim/orbit.h"
#include "sim/passbands.h"
#include "tests/app/run_program.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

const fs::path kExample = fs::path(PENUMBRA_SOURCE_DIR) / "examples" / "lightcurve";

class Lightcurve : public testing::Test {
 protected:
  // Runs `penumbra lightcurve` with system.toml, and reads what it wrote.
  TextTable run(std::vector<std::string> arguments, const std::string& read = "curve.csv") {
    arguments.insert(arguments.begin(), {"lightcurve", (folder() / "system.toml").string()});
    const ProgramResult result = run_program(arguments, folder());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return TextTable::read(folder() / read);
  }
  void use_example() { fs::copy_file(kExample / "system.toml", folder() / "system.toml"); }
  const fs::path& folder() const { return scratch_.path(); }

 private:
  ScratchFolder scratch_{"lightcurve"};
};

class LightcurveTables : public Lightcurve {
 protected:
  void SetUp() override {
    if (!tables_exist()) GTEST_SKIP() << "data/tables is made by tools/setup.sh";
    use_example();
  }
};

// --- PHOEBE's curves

fs::path phoebe_folder() {
  const char* shared = std::getenv("PENUMBRA_SHARED");
  return (shared != nullptr ? fs::path(shared) : fs::path(PENUMBRA_SOURCE_DIR) / ".." / "shared") / "peers" / "phoebe";
}

// The text after "key": in a JSON object, up to the end of the number or list.
std::string json_value(const std::string& object, const std::string& key) {
  std::size_t at = object.find('"' + key + '"');
  if (at == std::string::npos) throw std::runtime_error("no key " + key);
  at = object.find_first_not_of(" \n", object.find(':', at) + 1);
  const std::size_t end = object[at] == '[' ? object.find(']', at) + 1 : object.find_first_of(",}\n", at);
  return object.substr(at, end - at);
}

double json_number(const std::string& object, const std::string& key) {
  return std::strtod(json_value(object, key).c_str(), nullptr);
}

struct PhoebeRun {
  std::string column;     // without the number of triangles
  std::string law;        // system.toml's
  std::string ld_key;     // params.json's
  std::string weighting;  // system.toml's
};

const PhoebeRun kPhoebeRuns[] = {{"bb_lin", "linear", "ld_lin", "energy"},
                                 {"bb_log", "logarithmic", "ld_log", "energy"},
                                 {"bb_linphoton", "linear", "ld_lin", "photon"}};

std::string system_toml(const std::string& json, const PhoebeRun& run, const std::string& reflection = "none") {
  std::string text = "[system]\n";
  const auto line = [&](const std::string& key, const std::string& json_key) {
    text += key + " = " + json_value(json, json_key) + "\n";
  };
  line("period_day", "period_d");
  line("sma_rsun", "sma_Rsun");
  line("q", "q");
  line("inclination_deg", "incl_deg");
  line("eccentricity", "ecc");
  line("omega_deg", "per0_deg");
  for (const std::string which : {"1", "2"}) {
    const std::string star = which == "1" ? "primary" : "secondary";
    text += "[" + star + "]\n";
    line("radius_rsun", "requiv" + which + "_Rsun");
    line("teff_k", "teff" + which);
    line("gravity_darkening", "gravb" + which);
    line("albedo", "irrad_frac_refl" + which);
    text += "[" + star + ".limb_darkening]\nlaw = '" + run.law + "'\n";
    line("coefficients", run.ld_key + which);
  }
  text += "[effects]\nreflection = '" + reflection + "'\n";
  return text + "[atmosphere]\nmodel = 'blackbody'\nweighting = '" + run.weighting + "'\npassband_file = '" +
         (phoebe_folder() / "ptf_johnsonV.csv").string() + "'\n";
}

class LightcurvePhoebe : public Lightcurve {
 protected:
  void SetUp() override {
    if (!fs::exists(phoebe_folder() / "params.json"))
      GTEST_SKIP() << "PHOEBE's reference curves are not at " << phoebe_folder()
                   << " (PENUMBRA_SHARED names the folder that holds peers/)";
  }
};

// The systems of params.json as JSON text, with their names.
std::vector<std::pair<std::string, std::string>> phoebe_systems() {
  const std::string text = read_text(phoebe_folder() / "params.json");
  std::vector<std::pair<std::string, std::string>> systems;
  for (std::size_t at = text.find("\"id\""); at != std::string::npos;) {
    const std::size_t next = text.find("\"id\"", at + 1);
    const std::string json = text.substr(at, next == std::string::npos ? next : next - at);
    const std::string id = json_value(json, "id");
    systems.emplace_back(id.substr(1, id.size() - 2), json);
    at = next;
  }
  return systems;
}

// PHOEBE's error falls as 1 / triangles: the limit of its two meshes is the reference.
TEST_F(LightcurvePhoebe, CurvesAgree) {
  const auto systems = phoebe_systems();
  EXPECT_EQ(systems.size(), 20u);
  std::printf(
      "system: largest difference normalised out of eclipse, flux ratio out of eclipse - 1 (linear law;\n"
      "logarithmic law; linear law, photons counted)\n");
  for (const auto& [id, json] : systems) {
    std::printf("%s:", id.c_str());
    const fs::path reference = phoebe_folder() / (id + ".csv");
    const TextTable table = TextTable::read(reference);
    const std::vector<double> phase = table.numbers("phase");
    const Orbit orbit = make_orbit(json_number(json, "ecc"), json_number(json, "per0_deg") * kPi / 180.0,
                                   std::cos(json_number(json, "incl_deg") * kPi / 180.0));
    const double reach = 1.06 * (json_number(json, "r1") + json_number(json, "r2"));
    for (const PhoebeRun& phoebe : kPhoebeRuns) {
      write_text(folder() / "system.toml", system_toml(json, phoebe));
      const std::vector<double> ours = run({"--phases", reference.string()}).numbers("flux");
      ASSERT_EQ(ours.size(), phase.size());
      std::vector<double> theirs = table.numbers("phoebe_" + phoebe.column + "_10000");
      const std::vector<double> coarse = table.numbers("phoebe_" + phoebe.column + "_1500");
      double mean_ours = 0.0, mean_theirs = 0.0;
      int outside = 0;
      for (std::size_t i = 0; i < phase.size(); ++i) {
        theirs[i] += (theirs[i] - coarse[i]) * 1500.0 / (10000.0 - 1500.0);
        if (orbit.aspect(orbit.true_anomaly(phase[i])).sky_distance < reach) continue;
        mean_ours += ours[i];
        mean_theirs += theirs[i];
        ++outside;
      }
      double difference = 0.0;
      for (std::size_t i = 0; i < phase.size(); ++i)
        difference = std::max(difference, outside * std::abs(ours[i] / mean_ours - theirs[i] / mean_theirs));
      std::printf("  %.2e %+.2e", difference, mean_ours / mean_theirs - 1.0);
      EXPECT_LT(difference, 1.0e-4) << id << " " << phoebe.column;
      EXPECT_NEAR(mean_ours / mean_theirs, 1.0, 3e-4) << id << " " << phoebe.column;
    }
    std::printf("\n");
  }
}

// Heating as the ratio of the light with it to that without, both with 1500 triangles.
TEST_F(LightcurvePhoebe, HeatedCurvesAgree) {
  int compared = 0;
  for (const auto& [id, json] : phoebe_systems()) {
    const fs::path reference = phoebe_folder() / (id + ".csv");
    const TextTable table = TextTable::read(reference);
    std::vector<double> plain;
    for (const std::string scheme : {"wilson", "horvat"}) {
      const std::string column = "phoebe_bb_lin_" + scheme + "_1500";
      if (!table.has(column)) continue;
      if (plain.empty()) {
        write_text(folder() / "system.toml", system_toml(json, kPhoebeRuns[0]));
        plain = run({"--phases", reference.string()}).numbers("flux");
      }
      write_text(folder() / "system.toml", system_toml(json, kPhoebeRuns[0], scheme));
      const std::vector<double> heated = run({"--phases", reference.string()}).numbers("flux");
      const std::vector<double> their_plain = table.numbers("phoebe_bb_lin_1500"), theirs = table.numbers(column);
      double difference = 0.0;
      for (std::size_t i = 0; i < plain.size(); ++i)
        difference = std::max(difference, std::abs(heated[i] / plain[i] - theirs[i] / their_plain[i]));
      std::printf("%s %s: %.2e\n", id.c_str(), scheme.c_str(), difference);
      EXPECT_LT(difference, 3e-4) << id << " " << scheme;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 7);
}

// --- One observable against another

TEST_F(LightcurveTables, TheExampleRunsAndSaysWhereItComesFrom) {
  const TextTable curve = run({"--phases", (kExample / "phases.csv").string()});
  EXPECT_EQ(curve.names(), (std::vector<std::string>{"phase", "flux"}));
  EXPECT_EQ(curve.numbers("phase"), TextTable::read(kExample / "phases.csv").numbers("phase"));
  const std::string text = read_text(folder() / "curve.csv");
  EXPECT_NE(text.find("sha256 " + sha256_of_file(folder() / "system.toml")), std::string::npos);
  EXPECT_NE(text.find("\n#   secondary.teff_k = 5850\n"), std::string::npos);
}

TEST_F(LightcurveTables, RangesAndNamelessColumnsAreTheSamePhases) {
  write_text(folder() / "p.csv", "0\n0.25\n0.5\n");
  write_text(folder() / "q.csv", "index,phase\n1,0\n2,0.25\n3,0.5\n");
  const std::vector<double> flux = run({"--phases", "0:0.5:3"}).numbers("flux");
  EXPECT_EQ(run({"--phases", "p.csv"}).numbers("flux"), flux);
  EXPECT_EQ(run({"--phases", "q.csv"}).numbers("flux"), flux);
}

TEST_F(LightcurveTables, TimesCountFromTheEpoch) {
  const std::vector<double> flux = run({"--phases", "-0.1:1.1:50"}).numbers("flux");
  const TextTable curve = run({"--times", "2000.5:2006.5:50", "--set", "system.epoch=2001"});
  EXPECT_EQ(curve.names(), (std::vector<std::string>{"time", "phase", "flux"}));
  const std::vector<double> at_times = curve.numbers("flux");
  for (std::size_t i = 0; i < flux.size(); ++i) EXPECT_NEAR(at_times[i] / flux[i], 1.0, 1e-9);
}

TEST_F(LightcurveTables, InterpolatedIsExactWithinTheSettingsError) {
  const std::vector<std::string> precise{"--set", "resolution.setting=precise", "--phases", "-0.05:0.55:200"};
  std::vector<std::string> exactly = precise;
  exactly.emplace_back("--exact");
  const std::vector<double> exact = run(exactly).numbers("flux");
  const std::vector<double> precise_flux = run(precise).numbers("flux");
  const std::vector<double> flux = run({"--phases", "-0.05:0.55:200"}).numbers("flux");
  for (std::size_t i = 0; i < flux.size(); ++i) {
    EXPECT_NEAR(flux[i] / exact[i], 1.0, 5e-5);
    EXPECT_NEAR(precise_flux[i] / exact[i], 1.0, 1e-5);
  }
}

TEST_F(LightcurveTables, AnExposureIsTheMeanOfItsInstants) {
  // 0.01 periods about phase 0.02, in ingress; midpoints of 500 parts.
  const std::vector<double> instants = run({"--phases", "0.01501:0.02499:500"}).numbers("flux");
  double mean = 0.0;
  for (const double flux : instants) mean += flux / static_cast<double>(instants.size());
  const std::vector<double> averaged =
      run({"--phases", "0.02:0.03:2", "--set", "effects.exposure_s=4320"}).numbers("flux");
  EXPECT_NEAR(averaged[0] / mean, 1.0, 1e-6);
}

TEST_F(LightcurveTables, TheSedIsTheMeanOfFourPhases) {
  for (const std::string model : {"blackbody", "table"}) {
    const std::vector<std::string> set{"--set", "atmosphere.model=" + model,
                                       "--set", "atmosphere.passband=['Johnson:V', '2MASS:J']",
                                       "--set", "system.ebv=0.2"};
    std::vector<std::string> arguments{"--phases", "0.125:0.875:4", "--sed", "sed.csv", "--exact"};
    arguments.insert(arguments.end(), set.begin(), set.end());
    const TextTable curve = run(arguments), sed = TextTable::read(folder() / "sed.csv");
    ASSERT_EQ(sed.rows(), static_cast<std::size_t>(kSedBandCount));
    const std::vector<double> jy = sed.numbers("flux_jy"), magnitude = sed.numbers("magnitude");
    const std::vector<double> watt = sed.numbers("flux_w_m2");
    for (const Passband band : {kJohnsonV, k2massJ}) {
      double mean = 0.0;
      for (const double flux : curve.numbers("flux_" + std::string(kPassbands[band].name))) mean += 0.25 * flux;
      // Johnson V counts energy as the curve does; 2MASS counts photons, a mean over J that the slope of the spectrum
      // sets apart.
      const bool same = band == kJohnsonV || model == "table";
      EXPECT_NEAR(watt[static_cast<std::size_t>(band)] / mean, 1.0, same ? 1e-6 : 0.02) << model << " " << band;
    }
    EXPECT_NEAR(magnitude[kPs1R], -2.5 * std::log10(jy[kPs1R] / 3631.0), 1e-12);
  }
}

TEST_F(LightcurveTables, ADistantDimmedBinaryScales) {
  const double flux = run({"--phases", "0.2:0.3:2"}).numbers("flux")[0];
  const double farther = run({"--phases", "0.2:0.3:2", "--set", "system.distance_pc=1000"}).numbers("flux")[0];
  EXPECT_NEAR(farther / flux, 0.01, 1e-12);
  const double reddened = run({"--phases", "0.2:0.3:2", "--set", "system.ebv=1.0"}).numbers("flux")[0];
  EXPECT_NEAR(-2.5 * std::log10(reddened / flux), 3.1, 0.1);  // A_V = R_V E(B-V)
}

// Weighted by the light, the flux through a passband of two parts is the sum of the fluxes through each, whatever the
// dust takes of them; A_lambda averaged over the passband is not.
TEST_F(Lightcurve, ExtinctionWeightedByTheSpectrumAddsUp) {
  const std::string toml = read_text(kExample / "system.toml");
  const std::string blue = "4.000e-7,0\n4.001e-7,1\n4.002e-7,0\n", red = "8.000e-7,0\n8.001e-7,1\n8.002e-7,0\n";
  write_text(folder() / "blue.csv", blue);
  write_text(folder() / "red.csv", red);
  write_text(folder() / "both.csv", blue + red);
  std::string text = toml;
  const std::string line = "passband = \"Johnson:V\"";
  text.replace(text.find(line), line.size(), "passband_file = ['blue.csv', 'red.csv', 'both.csv']");
  write_text(folder() / "system.toml", text);
  for (const std::string weighting : {"spectrum", "band"}) {
    const TextTable curve =
        run({"--phases", "0.25:0.75:2", "--set", "system.ebv=1.0", "--set", "effects.extinction=" + weighting});
    const double sum = curve.numbers("flux_blue")[0] + curve.numbers("flux_red")[0];
    const double both = curve.numbers("flux_both")[0];
    if (weighting == "spectrum") {
      EXPECT_NEAR(both / sum, 1.0, 1e-4);
    } else {
      EXPECT_GT(std::abs(both / sum - 1.0), 0.05);
    }
  }
}

TEST_F(LightcurveTables, ThirdLightIsAShareOfTheLightOfAll) {
  const std::vector<double> flux = run({"--phases", "0.125:0.875:4"}).numbers("flux");
  const std::vector<double> diluted =
      run({"--phases", "0.125:0.875:4", "--set", "effects.third_light=0.2"}).numbers("flux");
  double mean = 0.0, third = 0.0;
  for (std::size_t i = 0; i < flux.size(); ++i) {
    mean += 0.25 * flux[i];
    third += 0.25 * (diluted[i] - flux[i]);
  }
  EXPECT_NEAR(third / (third + mean), 0.2, 1e-5);
}

// Kepler's velocities of the centres, from the mean anomaly by fixed-point iteration; the light of nearly round stars
// follows them here: no eclipse reaches them.
TEST_F(LightcurveTables, VelocitiesFollowKeplerAwayFromEclipses) {
  const double e = 0.3, omega = 40.0 * kPi / 180.0, q = 0.9, a_km = 16.1956 * kRsun / 1000.0;
  const TextTable curve =
      run({"--phases", "0:1:101", "--rv", "--set", "system.eccentricity=0.3", "--set", "system.omega_deg=40", "--set",
           "system.gamma_km_s=-20", "--set", "primary.radius_rsun=0.2", "--set", "secondary.radius_rsun=0.2"});
  const std::vector<double> phase = curve.numbers("phase");
  const std::vector<double> rv[2] = {curve.numbers("rv1_km_s"), curve.numbers("rv2_km_s")};
  const double k = kTwoPi * a_km * std::sin(88.0 * kPi / 180.0) / (5.0 * kDaySeconds * std::sqrt(1.0 - e * e));
  // Superior conjunction of the primary: true anomaly pi / 2 - omega.
  const auto mean_anomaly = [&](double nu) {
    const double anomaly = 2.0 * std::atan(std::sqrt((1.0 - e) / (1.0 + e)) * std::tan(0.5 * nu));
    return anomaly - e * std::sin(anomaly);
  };
  for (std::size_t i = 0; i < phase.size(); ++i) {
    const double m = mean_anomaly(0.5 * kPi - omega) + kTwoPi * phase[i];
    double anomaly = m;
    for (int step = 0; step < 100; ++step) anomaly = m + e * std::sin(anomaly);
    const double nu =
        2.0 * std::atan2(std::sqrt(1.0 + e) * std::sin(0.5 * anomaly), std::sqrt(1.0 - e) * std::cos(0.5 * anomaly));
    const double swing = k * (std::cos(nu + omega) + e * std::cos(omega));
    EXPECT_NEAR(rv[0][i], -20.0 + swing * q / (1.0 + q), 0.01) << phase[i];
    EXPECT_NEAR(rv[1][i], -20.0 - swing / (1.0 + q), 0.01) << phase[i];
  }
}

TEST_F(LightcurveTables, EclipsesDistortVelocities) {
  const TextTable curve = run({"--phases", "-0.02:0.02:3", "--rv"});
  const std::vector<double> rv = curve.numbers("rv1_km_s");
  // The half of the primary that approaches by its rotation is hidden first, then the one that recedes: at phase .02
  // what is left approaches.
  const double k1 = kTwoPi * 16.1956 * kRsun / 1000.0 / (5.0 * kDaySeconds) * 0.9 / 1.9;
  EXPECT_LT(rv[2] - k1 * std::cos(kTwoPi * 0.27), -1.0);
  EXPECT_NEAR(rv[0], -rv[2], 1e-3);
  EXPECT_NEAR(rv[1], 0.0, 1e-3);
}

// The middle of an eclipse: halfway between where the light falls and where it rises through half of the depth.
double middle_of_eclipse(const TextTable& curve) {
  const std::vector<double> phase = curve.numbers("phase"), flux = curve.numbers("flux");
  const auto [low, high] = std::minmax_element(flux.begin(), flux.end());
  const double level = 0.5 * (*low + *high);
  const auto crossing = [&](std::size_t i) {
    return phase[i] + (phase[i + 1] - phase[i]) * (level - flux[i]) / (flux[i + 1] - flux[i]);
  };
  std::size_t first = 0, last = flux.size() - 2;
  while (flux[first + 1] > level) ++first;
  while (flux[last] > level) --last;
  return 0.5 * (crossing(first) + crossing(last));
}

// A circular orbit's secondary eclipse comes late by 2 (a / c) sin i (1 - q) / (1 + q) (Kaplan 2010, ApJ 717, L108),
// to first order in v / c: here .005.
TEST_F(LightcurveTables, LightTravelTimeDelaysTheSecondaryEclipse) {
  const std::vector<std::string> ten_times_larger{
      "--set", "system.sma_rsun=161.956",        "--set", "primary.radius_rsun=16.1956",
      "--set", "secondary.radius_rsun=12.95648", "--set", "system.q=0.5"};
  for (const std::string on : {"false", "true"}) {
    double middle[2];
    for (int eclipse = 0; eclipse < 2; ++eclipse) {
      std::vector<std::string> arguments{"--phases", eclipse == 0 ? "-0.05:0.05:2001" : "0.45:0.55:2001", "--set",
                                         "effects.light_travel_time=" + on};
      arguments.insert(arguments.end(), ten_times_larger.begin(), ten_times_larger.end());
      middle[eclipse] = middle_of_eclipse(run(arguments));
    }
    const double sma_light_days = 161.956 * kRsun / kLightSpeed / kDaySeconds;
    const double delay = on == "true" ? 2.0 * sma_light_days * std::sin(88.0 * kPi / 180.0) * 0.5 / 1.5 / 5.0 : 0.0;
    EXPECT_NEAR(middle[1] - middle[0] - 0.5, delay, 5e-6);
  }
}

}  // namespace
}  // namespace penumbra
