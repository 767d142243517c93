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

std::string system_toml(const std::string& json, const PhoebeRun& run) {
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
    text += "[" + star + ".limb_darkening]\nlaw = '" + run.law + "'\n";
    line("coefficients", run.ld_key + which);
  }
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

// PHOEBE's error falls as 1 / triangles: the limit of its two meshes is the reference.
TEST_F(LightcurvePhoebe, CurvesAgree) {
  const std::string text = read_text(phoebe_folder() / "params.json");
  int systems = 0;
  std::printf(
      "system: largest difference normalised out of eclipse, flux ratio out of eclipse - 1 (linear law;\n"
      "logarithmic law; linear law, photons counted)\n");
  for (std::size_t at = text.find("\"id\""); at != std::string::npos; ++systems) {
    const std::size_t next = text.find("\"id\"", at + 1);
    const std::string json = text.substr(at, next == std::string::npos ? next : next - at);
    at = next;
    const std::string quoted = json_value(json, "id"), id = quoted.substr(1, quoted.size() - 2);
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
  EXPECT_EQ(systems, 20);
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

TEST_F(LightcurveTables, InterpolatedIsExactWithin5e5) {
  const std::vector<double> exact = run({"--phases", "-0.05:0.55:200", "--exact"}).numbers("flux");
  const std::vector<double> flux = run({"--phases", "-0.05:0.55:200"}).numbers("flux");
  for (std::size_t i = 0; i < flux.size(); ++i) EXPECT_NEAR(flux[i] / exact[i], 1.0, 5e-5);
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
    for (const int band : {kJohnsonV, k2massJ}) {
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

TEST_F(LightcurveTables, ReflectionBrightensAndLightTravelTimeShifts) {
  const std::vector<double> flux = run({"--phases", "0.44:0.56:201"}).numbers("flux");
  for (const std::string scheme : {"wilson", "horvat"}) {
    const std::vector<double> heated =
        run({"--phases", "0.44:0.56:201", "--set", "effects.reflection=" + scheme}).numbers("flux");
    EXPECT_GT(heated.front(), flux.front()) << scheme;
  }
}

}  // namespace
}  // namespace penumbra
