// Every mistake that a user can make with files, keys and values, in one table: the exit code, what the message names,
// and that no output was left behind.
#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "tests/app/run_program.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

const char* const kCurve = "time,flux,error\n1.0,1.0,0.01\n1.3,0.9,0.01\n2.1,1.0,0.01\n";
const char* const kObject =
    "name = 'Star'\nperiod_day = 2.5\nepoch = 0.0\n[[light_curve]]\nchannel = 'TESS:T'\nfile = 'c.csv'\n";
// Line 1 ends with the names; rows begin on line 2.
const char* const kPhotometry = "period_day = 2.5\n[photometry]\n";

// A system file without mistakes. Its lines are what the cases replace.
const char* const kSystem = R"([system]
period_day = 5.0
sma_rsun = 16.0
q = 0.9
inclination_deg = 88.0
[primary]
radius_rsun = 1.6
teff_k = 6500
[primary.limb_darkening]
law = 'linear'
coefficients = [0.6]
[secondary]
radius_rsun = 1.3
teff_k = 5800
[secondary.limb_darkening]
law = 'linear'
coefficients = [0.5]
[atmosphere]
model = 'blackbody'
passband = 'Johnson:V'
[effects]
reflection = 'none'
)";

struct Case {
  std::string name;
  std::string object;                  // star.toml; empty: kObject
  std::string curve;                   // c.csv; empty: kCurve
  std::vector<std::string> arguments;  // empty: infer star.toml --out out
  std::vector<std::string> fragments;  // all in the message
  std::function<void(const fs::path&)> prepare = nullptr;
  int exit_code = 2;
  rlim_t file_limit = 0;
};

void PrintTo(const Case& mistake, std::ostream* out) { *out << mistake.name; }

std::string object_with(const std::string& extra) { return kObject + extra; }

// A checkpoint shared by all cases that need one, and its folder.
const fs::path& trained_folder() {
  static const ScratchFolder folder("bad_input_checkpoint");
  static const bool trained = [] {
    write_text(folder.path() / "tiny.toml", kTinyPreset);
    const ProgramResult result =
        run_program({"train", "--config", "tiny.toml", "--out", "run", "--device", "cpu"}, folder.path());
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0;
  }();
  static const fs::path path = trained ? folder.path() / "run" : fs::path();
  return path;
}

void copy_checkpoint(const fs::path& to, double fraction) {
  fs::copy_file(trained_folder() / "weights.h5", to);
  fs::resize_file(to, static_cast<std::uintmax_t>(fraction * static_cast<double>(fs::file_size(to))));
}

std::vector<std::string> infer_with(std::vector<std::string> more) {
  std::vector<std::string> arguments{"infer", "star.toml", "--out", "out", "--device", "cpu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<Case> make_cases() {
  std::vector<Case> cases;
  const auto object = [&](std::string name, std::string text, std::vector<std::string> fragments) {
    cases.push_back({std::move(name), std::move(text), "", {}, std::move(fragments)});
  };
  const auto curve = [&](std::string name, std::string text, std::vector<std::string> fragments) {
    cases.push_back({std::move(name), "", std::move(text), {}, std::move(fragments)});
  };
  const auto command = [&](std::string name, std::vector<std::string> arguments, std::vector<std::string> fragments) {
    cases.push_back({std::move(name), "", "", std::move(arguments), std::move(fragments)});
  };

  // The object file.
  command("MissingObjectFile", {"infer", "none.toml", "--out", "out"}, {"none.toml: no such file"});
  object("EmptyObjectFile", "# nothing\n",
         {"star.toml: nothing observed", "[[light_curve]], [photometry] or parallax_mas"});
  object("NotToml", "period_day = = 2\n", {"star.toml:1: not valid TOML"});
  object("UnknownKey", "perod_day = 2.5\n" + std::string(kObject),
         {"star.toml:1: perod_day: unknown key", "allowed here:", "period_day"});
  object("UnknownLightCurveKey", object_with("exposure = 30\n"),
         {"star.toml:7: light_curve[0].exposure: unknown key", "exposure_s"});
  object("ZeroPeriod", "period_day = 0\nepoch = 1\n", {"star.toml:1: period_day = 0: expected a finite number > 0"});
  object("NegativePeriod", "period_day = -1.5\n", {"star.toml:1: period_day = -1.5: expected a finite number > 0"});
  object("NanPeriod", "period_day = nan\n", {"star.toml:1: period_day = nan: expected a finite number > 0"});
  object("TextPeriod", "period_day = '2.5'\n", {"star.toml:1: period_day = '2.5': expected a finite number > 0"});
  object("NoPeriodForALightCurve", "epoch = 0.0\n[[light_curve]]\nchannel = 'TESS:T'\nfile = 'c.csv'\n",
         {"star.toml: period_day: missing"});
  object("NoEpochForALightCurve", "period_day = 2.0\n[[light_curve]]\nchannel = 'TESS:T'\nfile = 'c.csv'\n",
         {"star.toml: epoch: missing"});
  object("UnknownChannel", "period_day = 2.0\nepoch = 0.0\n[[light_curve]]\nchannel = 'TESS'\nfile = 'c.csv'\n",
         {"star.toml:4: light_curve[0].channel = 'TESS': unknown band", "ASAS-SN:V", "TESS:T", "Kepler:Kp"});
  object("ChannelTwice", object_with("[[light_curve]]\nchannel = 'TESS:T'\nfile = 'c.csv'\n"),
         {"star.toml:8: light_curve[1].channel = 'TESS:T': given twice"});
  object("LightCurveIsNotATable", "light_curve = 'c.csv'\n",
         {"star.toml:1: light_curve = 'c.csv': expected tables, [[light_curve]]"});
  object("NegativeExposure", object_with("exposure_s = -1\n"),
         {"star.toml:7: light_curve[0].exposure_s = -1: expected"});
  object("ExposureLongerThanThePeriod", object_with("exposure_s = 1e6\n"),
         {"exposure_s = 1000000: expected a finite number in [0, 216000]"});
  object("UnknownPhotometricBand", kPhotometry + std::string("\"Johnson:R\" = { mag = 7, error = 0.1 }\n"),
         {"star.toml:3: photometry.Johnson:R = ", "unknown band; allowed: GALEX:FUV", "WISE:W1"});
  object("MagnitudeAndFlux", kPhotometry + std::string("\"Johnson:V\" = { mag = 7, flux_jy = 3, error = 0.1 }\n"),
         {"star.toml:3: photometry.Johnson:V", "magnitudes mixed with fluxes"});
  object("PhotometryWithoutError", kPhotometry + std::string("\"Johnson:V\" = { mag = 7 }\n"),
         {"star.toml:3: photometry.Johnson:V.error: missing"});
  object("PhotometryWithZeroError", kPhotometry + std::string("\"Johnson:V\" = { mag = 7, error = 0 }\n"),
         {"star.toml:3: photometry.Johnson:V.error = 0: expected a finite number > 0"});
  object("PhotometryWithNegativeFlux", kPhotometry + std::string("\"Johnson:V\" = { flux_jy = -3, error = 0.1 }\n"),
         {"star.toml:3: photometry.Johnson:V.flux_jy = -3: expected a finite number > 0"});
  object("ParallaxWithoutError", "parallax_mas = 3.0\n", {"star.toml: parallax_error_mas: missing"});
  object("ParallaxWithNegativeError", "parallax_mas = 3.0\nparallax_error_mas = -0.1\n",
         {"star.toml:2: parallax_error_mas = -0.1: expected a finite number > 0"});
  object("UnknownLiterature", object_with("[literature]\nmass = { value = 1.0 }\n"),
         {"star.toml:8: literature.mass", "unknown quantity", "mass1"});
  object("MagAndFluxKeys", object_with("flux = 'flux'\nmag = 'mag'\n"),
         {"star.toml:8: light_curve[0].mag = 'mag': magnitudes mixed with fluxes"});
  object("UnknownColumn", object_with("flux = 'pdcsap'\n"), {"c.csv: no column 'pdcsap'; it has: time, flux, error"});

  // The light curve.
  cases.push_back(
      {"MissingLightCurve", "", "", {}, {"c.csv: no such file"}, [](const fs::path& f) { fs::remove(f / "c.csv"); }});
  cases.push_back({"LightCurveIsAFolder", "", "", {}, {"c.csv: is a folder"}, [](const fs::path& f) {
                     fs::remove(f / "c.csv");
                     fs::create_directory(f / "c.csv");
                   }});
  cases.push_back(
      {"EmptyLightCurve", "", "", {}, {"c.csv: empty"}, [](const fs::path& f) { write_text(f / "c.csv", ""); }});
  curve("NoRows", "time,flux,error\n", {"c.csv: no rows below the column names"});
  curve("NoColumnNames", "1.0,1.0,0.1\n2.0,1.0,0.1\n", {"c.csv:1: '1.0,1.0,0.1': expected a line of column names"});
  curve("MissingField", "time,flux,error\n1.0,1.0,0.1\n2.0,1.0\n",
        {"c.csv:3: 2 fields, expected 3 (time, flux, error)"});
  curve("NotANumber", "time,flux,error\n1.0,one,0.1\n", {"c.csv:2: flux = one: expected a finite number"});
  curve("EmptyField", "time,flux,error\n1.0,,0.1\n", {"c.csv:2: flux = (empty): expected a finite number"});
  curve("NanFlux", "# comment\ntime,flux,error\n1.0,1.0,0.1\n2.0,nan,0.1\n",
        {"c.csv:4: flux = nan: expected a finite number"});
  curve("NanTime", "time,flux,error\nNaN,1.0,0.1\n", {"c.csv:2: time = NaN: expected a finite number"});
  curve("InfiniteError", "time,flux,error\n1.0,1.0,inf\n", {"c.csv:2: error = inf: expected a finite number"});
  curve("ZeroError", "time,flux,error\n1.0,1.0,0\n", {"c.csv:2: error = 0: expected an error > 0"});
  curve("NegativeError", "time,flux,error\n1.0,1.0,0.1\n2.0,1.0,-0.1\n",
        {"c.csv:3: error = -0.1: expected an error > 0"});
  curve("UnsortedTimes", "time,flux,error\n1,1,0.1\n3,1,0.1\n2,1,0.1\n",
        {"c.csv:4: time = 2: earlier than the time of the row before (3)"});
  curve("DuplicateTimes", "time,flux,error\n1,1,0.1\n3,1,0.1\n3,1,0.1\n",
        {"c.csv:4: time = 3: the same as the time of the row before (3)"});
  curve("FluxAndMagColumns", "time,flux,mag,error\n1,1,10,0.1\n",
        {"c.csv: magnitudes mixed with fluxes", "flux = \"flux\" or mag = \"mag\""});
  curve("NeitherFluxNorMag", "time,value,error\n1,1,0.1\n",
        {"c.csv: no column flux or mag; it has: time, value, error"});
  curve("FluxAmongMagnitudes", "time,mag,error\n1,12.1,0.1\n2,52000,0.1\n",
        {"c.csv:3: mag = 52000: not a magnitude; expected -30 to 40"});
  curve("MagnitudesCalledFlux", "time,flux,error\n1,-9.1,0.1\n2,-9.2,0.1\n3,-9.1,0.1\n",
        {"c.csv: the median of flux is -9.1: fluxes must be positive"});
  curve("NoTimeColumn", "bjd,flux,error\n1,1,0.1\n", {"c.csv: no column 'time'; it has: bjd, flux, error"});
  curve("NoErrorColumn", "time,flux\n1,1\n", {"c.csv: no column 'error'; it has: time, flux"});

  // The command line.
  command("NoVerb", {}, {"subcommand is required"});
  command("UnknownVerb", {"guess"}, {"A subcommand is required"});
  command("UnknownOption", infer_with({"--sampels", "10"}), {"--sampels"});
  command("UnknownSetting", infer_with({"--set", "sampels=10"}),
          {"--set sampels=10", "sampels: unknown key", "samples"});
  command("SettingWithoutValue", infer_with({"--set", "samples"}), {"--set samples: expected key=value"});
  command("ZeroSamples", infer_with({"--samples", "0"}), {"samples = 0: expected an integer in [1,"});
  command("TextSamples", infer_with({"--samples", "many"}), {"samples = 'many': expected an integer"});
  command("UnknownRefinement", infer_with({"--refine", "nested"}),
          {"refine = 'nested'", "expected one of: none, importance, mcmc, auto"});
  command("ZeroRefinementBudget", infer_with({"--refine", "mcmc", "--refine-budget", "0"}),
          {"refine_budget = 0: expected an integer in [1,"});
  command("NegativeRefinementBudget", infer_with({"--refine", "mcmc", "--refine-budget=-5"}),
          {"refine_budget = -5: expected an integer in [1,"});
  command("FewEffectiveSamples", infer_with({"--refine", "mcmc", "--set", "refine_effective_size=10"}),
          {"refine_effective_size = 10: expected a finite number in [1000,"});
  command("UnknownDevice", {"infer", "star.toml", "--device", "tpu", "--out", "out"},
          {"device = 'tpu': expected one of: auto, cpu, cuda"});
  command("MissingConfig", infer_with({"--config", "none.toml"}), {"none.toml: no such file"});
  command("MissingDataFolder", infer_with({"--data", "nowhere"}), {"nowhere: no such folder", "make setup"});
  command("UnknownPreset", {"train", "--preset", "huge", "--out", "out"},
          {"--preset huge: no such preset; allowed: compact"});
  command("UnknownPrior", {"simulate", "--prior", "flat", "--out", "out"},
          {"prior.name = 'flat': expected one of: paper, field"});
  command("UnknownPriorOfDraws", {"prior", "--prior", "flat", "--out", "out"},
          {"prior.name = 'flat': expected one of: paper, field"});
  command("NoDraws", {"prior", "--draws", "0", "--out", "out"}, {"draws = 0: expected an integer in [1, 100000000]"});
  command("NoSuchPriorNumber", {"prior", "--set", "prior.msum_kk=2", "--out", "out"},
          {"prior.msum_kk: unknown key", "msum_k"});
  command("PriorThatIsNoDistribution", {"prior", "--set", "prior.loge_max=1", "--out", "out"},
          {"prior 'field': -loge_max = -1 must be positive"});
  command("UnwritableDraws", {"prior", "--draws", "2", "--out", "no/out.h5"}, {"no/out.h5: cannot create the file"});
  command("UnknownPresetKey", {"train", "--set", "train.batches=3", "--out", "out"},
          {"train.batches: unknown key", "batch"});
  command("SameOutputTwice", {"infer", "star.toml", "./star.toml", "--out", "out"},
          {"two files would write", "star.nc"});
  command("NotAPosterior", {"report", "star.toml", "--out", "out"}, {"star.toml"});
  command("MissingPosterior", {"report", "none.nc", "--out", "out"}, {"none.nc: no such file"});
  command("InfoOnText", {"info", "star.toml"}, {"star.toml: not a readable HDF5 file"});

  // Survey banks; what a description may get wrong is in tests/bank/build_bank_test.cpp.
  command("MissingBankDescription", {"bank", "build", "none.toml", "--out", "out"}, {"none.toml: no such file"});
  command("MissingObservations", {"bank", "build", "star.toml", "--observations", "nowhere", "--out", "out"},
          {"--observations nowhere: no such folder"});
  command("HoldoutOfNoPart", {"bank", "build", "star.toml", "--holdout", "2,2", "--out", "out"},
          {"--holdout 2,2: expected N,R with N >= 2 and 0 <= R < N"});
  command("BankOfAnObject", {"bank", "build", "star.toml", "--out", "out"},
          {"star.toml: no [[light_curves]] for channel ASAS-SN:V"});

  // Checkpoints.
  command("UnknownPriorToReadUnder", infer_with({"--prior", "mine"}),
          {"prior.name = 'mine': expected one of: paper, field"});
  command("PriorNumberWithoutName", infer_with({"--set", "prior.feh_mean=0"}), {"prior.feh_mean"});
  command("MissingDustMap", infer_with({"--dust-map", "none.h5"}), {"prior.dust_map = 'none.h5': no such file"});
  command("DustMapIsText", {"simulate", "--systems", "5", "--out", "sim.h5", "--dust-map", "star.toml"},
          {"star.toml: not a readable HDF5 file"});
  cases.push_back({"DustMapWithNothingInIt",
                   "",
                   "",
                   {"simulate", "--systems", "5", "--out", "sim.h5", "--dust-map", "map.h5"},
                   {"map.h5: no dataset '/pixel_info'"},
                   [](const fs::path& f) { copy_checkpoint(f / "map.h5", 1.0); }});
  cases.push_back({"DustMapThatTheCheckpointDoesNotKnow",
                   "",
                   "",
                   {"validate", "--checkpoint", "w.h5", "--dust-map", "w.h5", "--device", "cpu"},
                   {"prior.dust_map = w.h5: w.h5 was trained with the analytic dust"},
                   [](const fs::path& f) { copy_checkpoint(f / "w.h5", 1.0); }});
  command("MissingCheckpoint", infer_with({"--checkpoint", "none.h5"}), {"none.h5", "no such file"});
  command("CheckpointIsText", infer_with({"--checkpoint", "star.toml"}), {"star.toml"});
  cases.push_back(
      {"TruncatedCheckpoint", "", "", infer_with({"--checkpoint", "cut.h5"}), {"cut.h5"}, [](const fs::path& f) {
         copy_checkpoint(f / "cut.h5", 0.6);
       }});
  cases.push_back(
      {"BarelyTruncatedCheckpoint", "", "", infer_with({"--checkpoint", "cut.h5"}), {"cut.h5"}, [](const fs::path& f) {
         copy_checkpoint(f / "cut.h5", 0.999);
       }});
  cases.push_back({"AnotherHdf5File",
                   "",
                   "",
                   infer_with({"--checkpoint", std::string(PENUMBRA_SOURCE_DIR) + "/data/tables/passbands.h5"}),
                   {"passbands.h5", "checkpoint"}});
  cases.push_back(
      {"CheckpointOfAnotherPreset",
       "",
       "",
       {"train", "--config", "tiny.toml", "--set", "flow.hidden=48", "--resume", "--out", "run", "--device", "cpu"},
       {"checkpoint.h5", "preset"},
       [](const fs::path& f) {
         write_text(f / "tiny.toml", kTinyPreset);
         fs::create_directory(f / "run");
         fs::copy_file(trained_folder() / "checkpoint.h5", f / "run" / "checkpoint.h5");
       }});

  // The system file of lightcurve: one line of kSystem replaced.
  const std::vector<std::string> lightcurve{"lightcurve", "s.toml", "--phases", "0:1:5", "--out", "out.csv"};
  const auto system = [&](std::string name, const std::string& line, const std::string& by,
                          std::vector<std::string> fragments) {
    std::string text = kSystem;
    const std::size_t at = text.find(line + "\n");
    if (at == std::string::npos) throw std::logic_error("kSystem has no line " + line);
    text.replace(at, line.size(), by);
    cases.push_back({std::move(name), "", "", lightcurve, std::move(fragments),
                     [text](const fs::path& f) { write_text(f / "s.toml", text); }});
  };
  command("MissingSystemFile", lightcurve, {"s.toml: no such file"});
  cases.push_back({"EmptySystemFile", "", "", lightcurve, {"s.toml: atmosphere.model: missing"}, [](const fs::path& f) {
                     write_text(f / "s.toml", "");
                   }});
  system("SystemNotToml", "q = 0.9", "q = ", {"s.toml:4: not valid TOML"});
  system("SystemUnknownKey", "q = 0.9", "q = 0.9\nincl_deg = 3",
         {"s.toml:5: system.incl_deg: unknown key; allowed here: distance_pc", "inclination_deg", "sma_rsun"});
  system("SystemUnknownTable", "[effects]", "[effect]", {"s.toml:21: effect: unknown key; allowed here:", "effects"});
  system("SystemMissingPeriod", "period_day = 5.0", "",
         {"s.toml:1: system.period_day: missing; expected a number > 0"});
  system("SystemMissingSma", "sma_rsun = 16.0", "", {"system.sma_rsun: missing"});
  system("SystemMissingRadius", "radius_rsun = 1.3", "", {"s.toml:12: secondary.radius_rsun: missing"});
  system("SystemTextPeriod", "period_day = 5.0", "period_day = '5'", {"s.toml:2: system.period_day = '5': expected"});
  system("SystemNegativeRadius", "radius_rsun = 1.6", "radius_rsun = -1.6",
         {"s.toml:7: primary.radius_rsun = -1.6: expected a finite number > 0"});
  system("SystemNanRatio", "q = 0.9", "q = nan", {"s.toml:4: system.q = nan: expected a finite number > 0"});
  system("SystemZeroRatio", "q = 0.9", "q = 0", {"s.toml:4: system.q = 0: expected a finite number > 0"});
  system("SystemInclination", "inclination_deg = 88.0", "inclination_deg = 188",
         {"expected a finite number in [0, 180]"});
  system("SystemUnbound", "q = 0.9", "q = 0.9\neccentricity = 1.0",
         {"s.toml:5: system.eccentricity = 1: expected a finite number >= 0 and < 1"});
  system("SystemNegativeEccentricity", "q = 0.9", "q = 0.9\neccentricity = -0.1", {"system.eccentricity = -0.1"});
  system("SystemZeroDistance", "q = 0.9", "q = 0.9\ndistance_pc = 0", {"system.distance_pc = 0: expected"});
  system("SystemNegativeReddening", "q = 0.9", "q = 0.9\nebv = -0.1", {"system.ebv = -0.1: expected"});
  system("SystemTouchingStars", "radius_rsun = 1.6", "radius_rsun = 15",
         {"s.toml:3: system.sma_rsun = 16: bad_geometry: at periastron", "of their Roche lobes"});
  system("SystemOverflow", "q = 0.9", "q = 0.9\neccentricity = 0.77", {"bad_geometry: at periastron"});
  system("SystemTeffTooHigh", "teff_k = 6500", "teff_k = 1e7", {"primary.teff_k = 10000000: expected"});
  system("SystemColdStarForTables", "teff_k = 5800\n[secondary.limb_darkening]\nlaw = 'linear'\ncoefficients = [0.5]",
         "teff_k = 1500\n[secondary.limb_darkening]\nlaw = 'table'",
         {"secondary.teff_k = 1500: outside_atmospheres: the atmosphere tables do not hold"});
  system("SystemUnknownPassband", "passband = 'Johnson:V'", "passband = 'Johnson:R'",
         {"s.toml:20: atmosphere.passband = 'Johnson:R': unknown passband Johnson:R; allowed: GALEX:FUV", "Kepler:Kp"});
  system("SystemPassbandTwice", "passband = 'Johnson:V'", "passband = ['TESS:T', 'TESS:T']", {"TESS:T is given twice"});
  system("SystemEmptyPassbandList", "passband = 'Johnson:V'", "passband = []",
         {"expected a string or a list of strings, none of them empty"});
  system("SystemTwoKindsOfPassband", "passband = 'Johnson:V'", "passband = 'Johnson:V'\npassband_file = 'p.csv'",
         {"atmosphere.passband_file = 'p.csv': give passband or passband_file, not both"});
  system("SystemNoPassband", "passband = 'Johnson:V'", "", {"s.toml:18: atmosphere.passband: missing"});
  system("SystemUnknownModel", "model = 'blackbody'", "model = 'ck2004'",
         {"s.toml:19: atmosphere.model = 'ck2004': expected one of: blackbody, table"});
  system("SystemUnknownWeighting", "model = 'blackbody'", "model = 'blackbody'\nweighting = 'bolometric'",
         {"expected one of: energy, photon"});
  system("SystemUnknownLaw", "law = 'linear'", "law = 'quadratic'",
         {"s.toml:10: primary.limb_darkening.law = 'quadratic': expected one of: linear, logarithmic, square_root, "
          "claret"});
  system("SystemMissingLaw", "law = 'linear'", "", {"primary.limb_darkening.law: missing; expected one of: linear"});
  system("SystemCoefficientCount", "coefficients = [0.6]", "coefficients = [0.6, 0.1]",
         {"s.toml:11: primary.limb_darkening.coefficients", "expected 1 for law = \"linear\", found 2"});
  system("SystemTextCoefficient", "coefficients = [0.6]", "coefficients = ['a']",
         {"primary.limb_darkening.coefficients", "expected a finite number or a list of them"});
  system("SystemDarkLimb", "coefficients = [0.6]", "coefficients = [1.2]", {"expected a law that is never negative"});
  system("SystemCoefficientsOfTables", "law = 'linear'", "law = 'table'", {"not used by law = \"table\""});
  system("SystemUnknownReflection", "reflection = 'none'", "reflection = true",
         {"s.toml:22: effects.reflection = true: expected a string"});
  system("SystemUnknownExtinction", "reflection = 'none'", "extinction = 'flat'", {"expected one of: band, spectrum"});
  system("SystemThirdLight", "reflection = 'none'", "third_light = 1.0",
         {"effects.third_light = 1: expected shares of the light of all"});
  system("SystemThirdLightCount", "reflection = 'none'", "third_light = [0.1, 0.2]",
         {"as many as there are passbands"});
  system("SystemLongExposure", "reflection = 'none'", "exposure_s = 1e6", {"effects.exposure_s = 1000000: expected"});
  system("SystemResolution", "reflection = 'none'", "[resolution]\npolar = 41", {"expected an integer in [2, 40]"});

  // A transmission curve of the user's.
  const auto transmission = [&](std::string name, const std::string& csv, std::vector<std::string> fragments) {
    std::string text = kSystem;
    text.replace(text.find("passband = 'Johnson:V'"), 22, "passband_file = 'p.csv'");
    cases.push_back({std::move(name), "", "", lightcurve, std::move(fragments), [text, csv](const fs::path& f) {
                       write_text(f / "s.toml", text);
                       if (!csv.empty()) write_text(f / "p.csv", csv);
                     }});
  };
  const std::string names = "wavelength_m,transmission\n";
  transmission("TransmissionMissing", "", {"p.csv: no such file"});
  transmission("TransmissionWithoutColumn", "wavelength_nm,transmission\n500,1\n600,1\n",
               {"p.csv: no column 'wavelength_m'; it has: wavelength_nm, transmission"});
  transmission("TransmissionUnsorted", names + "5e-7,0\n6e-7,1\n5.5e-7,0\n", {"p.csv:4: wavelength_m", "must ascend"});
  transmission("TransmissionNegative", names + "5e-7,0\n6e-7,-1\n", {"p.csv:3: transmission = -1: expected"});
  transmission("TransmissionNan", names + "5e-7,0\n6e-7,nan\n",
               {"p.csv:3: transmission = nan: expected a finite number"});
  transmission("TransmissionInAngstrom", names + "5000,0\n6000,1\n", {"p.csv:2: wavelength_m = 5000: expected metres"});
  transmission("TransmissionDark", names + "5e-7,0\n6e-7,0\n",
               {"p.csv: expected at least two rows and a transmission"});
  transmission("TransmissionShort", names + "5e-7,1\n", {"p.csv: expected at least two rows"});
  cases.push_back(
      {"TransmissionWithTables",
       "",
       "",
       lightcurve,
       {"s.toml:20: atmosphere.passband_file = 'p.csv': model = \"table\" needs a passband that the tables know"},
       [](const fs::path& f) {
         std::string text = kSystem;
         text.replace(text.find("passband = 'Johnson:V'"), 22, "passband_file = 'p.csv'");
         text.replace(text.find("'blackbody'"), 11, "'table'");
         write_text(f / "s.toml", text);
         write_text(f / "p.csv", "5e-7,1\n6e-7,1\n");
       }});

  // The phases, and where the light curve goes.
  const auto phases = [&](std::string name, std::vector<std::string> more, const std::string& csv,
                          std::vector<std::string> fragments) {
    more.insert(more.begin(), {"lightcurve", "s.toml"});
    cases.push_back({std::move(name), "", "", std::move(more), std::move(fragments), [csv](const fs::path& f) {
                       write_text(f / "s.toml", kSystem);
                       write_text(f / "p.csv", csv);
                     }});
  };
  phases("NothingAsked", {}, "", {"expected --phases, --times or --sed"});
  phases("PhasesAndTimes", {"--phases", "0:1:5", "--times", "0:1:5"}, "", {"excludes"});
  phases("VelocitiesOfNothing", {"--rv", "--sed", "s.csv"}, "", {"--rv: needs --phases or --times"});
  phases("PhasesMissing", {"--phases", "none.csv"}, "", {"none.csv: no such file"});
  phases("PhasesEmpty", {"--phases", "p.csv"}, "", {"p.csv: empty"});
  phases("PhasesWithoutRows", {"--phases", "p.csv"}, "phase\n", {"p.csv: no rows"});
  phases("PhasesNan", {"--phases", "p.csv"}, "phase\n0.1\nnan\n", {"p.csv:3: phase = nan: expected a finite number"});
  phases("PhasesText", {"--phases", "p.csv"}, "0.1\nmid\n", {"p.csv:2: phase = mid: expected a finite number"});
  phases("PhasesRagged", {"--phases", "p.csv"}, "phase,flux\n0.1,1\n0.2\n", {"p.csv:3: 1 fields, expected 2"});
  phases("PhasesOtherColumns", {"--phases", "p.csv"}, "time,flux\n1,2\n",
         {"p.csv: no column 'phase'; it has: time, flux"});
  phases("PhasesRangeCount", {"--phases", "0:1:1"}, "", {"--phases 0:1:1: expected FROM:TO:COUNT"});
  phases("TimesRangeInfinite", {"--times", "0:inf:10"}, "", {"--times 0:inf:10: expected FROM:TO:COUNT"});
  phases("ExactExposure", {"--phases", "0:1:5", "--exact", "--set", "effects.exposure_s=10"}, "",
         {"effects.exposure_s = 10: not with --exact"});
  phases("CurveUnwritable", {"--phases", "0:1:5", "--out", "no/c.csv"}, "", {"no/c.csv: cannot create the file"});
  phases("CurveIsAFolder", {"--phases", "0:1:5", "--out", "."}, "", {".: is a folder, expected a file's name"});
  phases("SedUnwritable", {"--phases", "0:1:5", "--sed", "no/s.csv"}, "", {"no/s.csv: cannot create the file"});
  phases("SedIsTheCurve", {"--phases", "0:1:5", "--out", "x.csv", "--sed", "x.csv"}, "",
         {"--sed x.csv: asked for twice"});

  // Where the output goes. A path below a regular file cannot be made, not even by root.
  cases.push_back({"UnwritableFolder",
                   "",
                   "",
                   {"infer", "star.toml", "--out", "c.csv/out", "--device", "cpu", "--checkpoint", "w.h5"},
                   {"c.csv/out", "cannot create the folder"},
                   [](const fs::path& f) { copy_checkpoint(f / "w.h5", 1.0); }});
  command("UnwritableFile", {"simulate", "--systems", "2", "--out", "c.csv/out.h5"},
          {"c.csv/out.h5: cannot create the file"});
  command("FolderThatDoesNotExist", {"simulate", "--systems", "2", "--out", "no/out.h5"},
          {"no/out.h5: cannot create the file"});
  if (::geteuid() != 0) {
    cases.push_back({"NoWritePermission",
                     "",
                     "",
                     {"simulate", "--systems", "2", "--out", "locked/out.h5"},
                     {"locked/out.h5", "Permission denied"},
                     [](const fs::path& f) {
                       fs::create_directory(f / "locked");
                       fs::permissions(f / "locked", fs::perms::owner_read | fs::perms::owner_exec);
                     }});
  }
  // A full disk is nobody's mistake: exit code 1.
  cases.push_back({"FullDisk",
                   "",
                   "",
                   {"simulate", "--systems", "40", "--out", "sim.h5"},
                   {"sim.h5: cannot write"},
                   nullptr,
                   1,
                   20000});
  cases.push_back({"FullDiskForAPosterior",
                   "",
                   "",
                   infer_with({"--checkpoint", "w.h5"}),
                   {"star.nc: cannot write the file"},
                   [](const fs::path& f) { copy_checkpoint(f / "w.h5", 1.0); },
                   1,
                   30000});
  return cases;
}

class BadInput : public ::testing::TestWithParam<Case> {};

TEST_P(BadInput, NamesTheMistakeAndLeavesNothing) {
  if (!tables_exist()) GTEST_SKIP() << "data/tables is made by tools/setup.sh";
  const Case& mistake = GetParam();
  const ScratchFolder scratch("bad_input");
  const fs::path& folder = scratch.path();
  write_text(folder / "star.toml", mistake.object.empty() ? kObject : mistake.object);
  write_text(folder / "c.csv", mistake.curve.empty() ? kCurve : mistake.curve);
  if (mistake.prepare) mistake.prepare(folder);
  std::vector<fs::path> before;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) before.push_back(entry.path());

  const bool infers = mistake.arguments.empty() && mistake.name != "NoVerb";
  const ProgramResult result = run_program(infers ? infer_with({}) : mistake.arguments, folder, mistake.file_limit);

  EXPECT_EQ(result.exit_code, mistake.exit_code) << result.err;
  for (const std::string& fragment : mistake.fragments) {
    EXPECT_NE(result.err.find(fragment), std::string::npos) << "expected: " << fragment << "\nfound: " << result.err;
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_directory() || entry.path().filename().string().starts_with(".std")) continue;
    EXPECT_NE(std::find(before.begin(), before.end(), entry.path()), before.end()) << "left behind: " << entry.path();
  }
}

INSTANTIATE_TEST_SUITE_P(Table, BadInput, ::testing::ValuesIn(make_cases()),
                         [](const ::testing::TestParamInfo<Case>& test) { return test.param.name; });

}  // namespace
}  // namespace penumbra
