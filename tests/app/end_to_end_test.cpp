// The verbs from the outside: simulate, train, infer, report, info.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/hdf5_file.h"
#include "base/sha256.h"
#include "inference/quantities.h"
#include "sim/passbands.h"
#include "tests/app/run_program.h"
#include "tests/sim/bayestar_file.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

class EndToEnd : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!tables_exist()) GTEST_SKIP() << "data/tables is made by tools/setup.sh";
  }
  ProgramResult run(const std::vector<std::string>& arguments) const { return run_program(arguments, folder_.path()); }
  fs::path path(const std::string& name) const { return folder_.path() / name; }
  ScratchFolder folder_{"end_to_end"};
};

void write_object(const fs::path& folder, const std::string& name, const std::string& channel) {
  std::string curve = "time,flux,error\n";
  for (int i = 0; i < 400; ++i) {
    const double phase = 0.00731 * i - std::floor(0.00731 * i);
    const double dip = 0.2 * std::exp(-0.5 * std::pow((phase - std::round(phase)) / 0.02, 2)) +
                       0.1 * std::exp(-0.5 * std::pow((phase - 0.5) / 0.02, 2));
    curve += std::to_string(0.00731 * 2.0 * i) + "," + std::to_string(1.0 - dip) + ",0.002\n";
  }
  write_text(folder / (name + ".csv"), curve);
  write_text(folder / (name + ".toml"),
             "name = '" + name +
                 "'\nperiod_day = 2.0\nepoch = 0.0\nparallax_mas = 5.0\n"
                 "parallax_error_mas = 0.05\n[[light_curve]]\nchannel = '" +
                 channel + "'\nfile = '" + name +
                 ".csv'\n[photometry]\n'Johnson:V' = { mag = 9.0, error = 0.02 }\n"
                 "'2MASS:Ks' = { mag = 8.0, error = 0.02 }\n[literature]\nsource = 'Someone 2020'\n"
                 "mass1 = { value = 1.5, error = 0.1 }\n");
}

TEST_F(EndToEnd, HelpNamesTheCommonOptions) {
  for (const char* verb : {"simulate", "prior", "train", "infer", "report", "info"}) {
    const ProgramResult result = run({verb, "--help"});
    EXPECT_EQ(result.exit_code, 0) << verb;
    for (const char* option : {"--config", "--set", "--seed", "--device", "--threads", "--data", "Keys of --config"}) {
      EXPECT_NE(result.out.find(option), std::string::npos) << verb << " " << option;
    }
  }
  EXPECT_EQ(run({"--version"}).exit_code, 0);
}

TEST_F(EndToEnd, SimulationsDependOnSeedAndIndexOnly) {
  ASSERT_EQ(run({"simulate", "--systems", "12", "--seed", "7", "--threads", "1", "--out", "a.h5"}).exit_code, 0);
  ASSERT_EQ(
      run({"simulate", "--systems", "6", "--first", "6", "--seed", "7", "--threads", "3", "--out", "b.h5"}).exit_code,
      0);
  ASSERT_EQ(run({"simulate", "--systems", "6", "--first", "6", "--seed", "8", "--out", "c.h5"}).exit_code, 0);
  const Hdf5Reader a(path("a.h5")), b(path("b.h5")), c(path("c.h5"));
  const std::vector<double> all = a.doubles("/theta", {12, kParameterCount}),
                            half = b.doubles("/theta", {6, kParameterCount});
  EXPECT_TRUE(std::equal(half.begin(), half.end(), all.begin() + 6 * kParameterCount));
  EXPECT_NE(c.doubles("/theta"), half);
  // Light curves too: the last six systems' epochs are the tail of the first file's.
  for (const ChannelInfo& channel : kChannels) {
    const std::string group = "/light_curves/" + std::string(channel.name) + "/";
    const std::vector<float> tail = b.floats(group + "flux"), whole = a.floats(group + "flux");
    ASSERT_LE(tail.size(), whole.size());
    EXPECT_TRUE(std::equal(tail.begin(), tail.end(), whole.end() - std::ssize(tail))) << channel.name;
    EXPECT_EQ(static_cast<std::size_t>(a.integers(group + "offset", {13}).back()), whole.size());
  }
  EXPECT_EQ(a.number_attribute("/", "seed"), 7.0);
  EXPECT_EQ(a.text_attribute("/", "config_sha256").size(), 64u);
}

TEST_F(EndToEnd, PriorDrawsAreThoseThatSimulateStartsFrom) {
  const ProgramResult all = run({"prior", "--draws", "5000", "--seed", "7", "--threads", "1", "--out", "a.h5"});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  ASSERT_EQ(
      run({"prior", "--draws", "40", "--first", "4960", "--seed", "7", "--threads", "3", "--out", "b.h5"}).exit_code,
      0);
  ASSERT_EQ(run({"simulate", "--systems", "3", "--seed", "7", "--out", "c.h5"}).exit_code, 0);
  const Hdf5Reader a(path("a.h5")), b(path("b.h5")), c(path("c.h5"));
  const std::vector<double> theta = a.doubles("/theta", {5000, kParameterCount}), z = a.doubles("/z"),
                            tail = b.doubles("/theta", {40, kParameterCount}), simulated = c.doubles("/theta");
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), theta.end() - std::ssize(tail)));
  EXPECT_TRUE(std::equal(simulated.begin(), simulated.end(), theta.begin()));
  EXPECT_EQ(z.size(), theta.size());
  for (const double value : a.doubles("/log_density", {5000})) ASSERT_TRUE(std::isfinite(value));

  // The first draw's derived quantities: masses from Msum and q, the period by Kepler's third law.
  const std::vector<std::string> names = a.strings("/derived_quantities/name");
  const std::vector<double> derived = a.doubles("/derived", {5000, names.size()});
  const auto value = [&](const char* name) {
    return derived[static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  };
  EXPECT_NEAR(value("mass1") + value("mass2"), theta[0], 1e-12);
  EXPECT_NEAR(value("mass2") / value("mass1"), theta[1], 1e-12);
  EXPECT_NEAR(std::pow(value("sma") / 215.032, 3) / std::pow(value("period") / 365.25, 2), theta[0], 1e-3 * theta[0]);

  // Acceptance and the reasons, in the file and in print.
  double attempts = 5000.0;
  for (const std::int64_t count : a.integers("/rejections/count")) attempts += static_cast<double>(count);
  EXPECT_EQ(a.number_attribute("/", "attempts"), attempts);
  EXPECT_NEAR(a.number_attribute("/", "acceptance"), 5000.0 / attempts, 1e-12);
  EXPECT_EQ(a.strings("/rejections/reason").size(), a.strings("/rejections/meaning").size());
  for (const char* text : {"5000 draws of the prior 'field'", "% of", "outside_tracks", "gravity_too_high", "too_cool",
                           "roche_overflow", "luminous_giant", "soft_barrier"}) {
    EXPECT_NE(all.out.find(text), std::string::npos) << text << "\n" << all.out;
  }
  for (const char* name : {"commit", "config_sha256", "device", "prior"}) {
    EXPECT_FALSE(a.text_attribute("/", name).empty()) << name;
  }
}

TEST_F(EndToEnd, TrainsInfersAndReports) {
  write_text(path("tiny.toml"), kTinyPreset);
  const ProgramResult trained =
      run({"train", "--config", "tiny.toml", "--out", "run", "--device", "cpu", "--seed", "3"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_NE(trained.out.find("96 systems, 3 steps"), std::string::npos) << trained.out;
  write_object(folder_.path(), "one", "Kepler:Kp");
  write_object(folder_.path(), "two", "ASAS-SN:V");
  const std::vector<std::string> common{"--checkpoint", "run/weights.h5", "--device", "cpu", "--samples",
                                        "300",          "--predictions",  "10"};
  const auto infer = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "infer");
    arguments.insert(arguments.end(), common.begin(), common.end());
    return run(arguments);
  };
  const ProgramResult both = infer({"one.toml", "two.toml", "--out", "both"});
  ASSERT_EQ(both.exit_code, 0) << both.err;
  for (const char* text : {"one: 300 posterior samples", "two: 300 posterior samples", "mass1", "Msun", "68%",
                           "1.500 +- 0.100", "Someone 2020"}) {
    EXPECT_NE(both.out.find(text), std::string::npos) << text << "\n" << both.out;
  }
  ASSERT_EQ(infer({"two.toml", "--out", "single"}).exit_code, 0);
  ASSERT_EQ(infer({"two.toml", "--out", "other", "--seed", "2", "--prior", "field"}).exit_code, 0);

  // netCDF4 is HDF5. The same object, seed and network give the same samples, whatever else is inferred beside it.
  const Hdf5Reader together(path("both/two.nc")), single(path("single/two.nc")), other(path("other/two.nc"));
  EXPECT_EQ(together.doubles("/posterior/mass1", {1, 300}), single.doubles("/posterior/mass1"));
  EXPECT_NE(together.doubles("/posterior/mass1"), other.doubles("/posterior/mass1"));
  EXPECT_NE(together.doubles("/posterior/mass1"), Hdf5Reader(path("both/one.nc")).doubles("/posterior/mass1"));
  for (const double mass : together.doubles("/posterior/mass1")) EXPECT_GT(mass, 0.0);
  EXPECT_EQ(together.shape("/posterior_predictive/asas_sn_v"), (Shape{1, 10, 400}));
  for (const char* name : {"commit", "config_sha256", "seed", "device", "checkpoint_sha256", "prior", "created_at"}) {
    EXPECT_FALSE(together.text_attribute("/", name).empty()) << name;
  }
  const ProgramResult info = run({"info", "both/two.nc"});
  EXPECT_NE(info.out.find("object: two"), std::string::npos) << info.out;

  if (std::system(PENUMBRA_PYTHON " -c 'import arviz, corner, matplotlib' >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << PENUMBRA_PYTHON << " has no arviz, corner and matplotlib: the report was not tried";
  }
  const ProgramResult report = run({"report", "other/two.nc", "--out", "report"});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  for (const char* file : {"two.html", "two_light_curves.png", "two_sed.png", "two_corner.png"}) {
    EXPECT_GT(fs::file_size(path("report") / file), 1000u) << file;
  }
  for (const char* text : {"Someone 2020", "Made under prior field, read under prior field: 300 effective samples"}) {
    EXPECT_NE(read_text(path("report/two.html")).find(text), std::string::npos) << text;
  }
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

// The shipped network knows the prior `field`, with [Fe/H] about solar; that of `paper` is about -1.
TEST_F(EndToEnd, ReadsAPosteriorUnderAnotherPrior) {
  const auto infer = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"infer", PENUMBRA_SOURCE_DIR "/examples/hd23642/hd23642.toml", "--device",
                                         "cpu", "--samples", "4000", "--predictions", "20"});
    return run(arguments);
  };
  ASSERT_EQ(infer({"--out", "own"}).exit_code, 0);
  const ProgramResult same = infer({"--out", "same", "--prior", "field"});
  ASSERT_EQ(same.exit_code, 0) << same.err;
  EXPECT_NE(same.out.find("made under prior field, read under prior field: 4000 effective samples"), std::string::npos)
      << same.out;
  const ProgramResult other = infer({"--out", "other", "--prior", "paper"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_NE(other.out.find("made under prior field, read under prior paper: "), std::string::npos) << other.out;

  const Hdf5Reader own(path("own/hd23642.nc")), again(path("same/hd23642.nc")), paper(path("other/hd23642.nc"));
  std::vector<double> before = own.doubles("/posterior/mass1"), after = again.doubles("/posterior/mass1");
  EXPECT_NE(before, after);  // in another order
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  EXPECT_EQ(before, after);
  EXPECT_LT(median(paper.doubles("/posterior/feh")), median(own.doubles("/posterior/feh")) - 0.1);
  EXPECT_EQ(own.text_attribute("/", "prior"), "field");
  EXPECT_EQ(paper.text_attribute("/", "prior"), "paper");
  EXPECT_EQ(paper.text_attribute("/", "prior_of_network"), "field");
  const double effective = std::stod(paper.text_attribute("/", "effective_samples"));
  EXPECT_GT(effective, 1.0);
  EXPECT_LT(effective, 2000.0);
  EXPECT_EQ(paper.doubles("/sample_stats/log_prior_ratio", {1, 4000}).size(), 4000u);
  EXPECT_FALSE(own.has("/sample_stats/log_prior_ratio"));

  // A prior far from the posterior leaves few samples that speak, and says so.
  const ProgramResult far = infer({"--out", "far", "--prior", "paper", "--set", "prior.feh_mean=-3"});
  ASSERT_EQ(far.exit_code, 0) << far.err;
  EXPECT_NE(far.out.find("WARNING: read under prior paper: "), std::string::npos) << far.out;

  // A posterior that is there already, read again: what infer gives, to the last bit.
  if (std::system(PENUMBRA_PYTHON " -c 'import arviz, corner, matplotlib' >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << PENUMBRA_PYTHON << " has no arviz, corner and matplotlib: the report was not tried";
  }
  const ProgramResult report = run({"report", "own/hd23642.nc", "--prior", "paper", "--out", "report"});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_NE(report.out.find("made under prior field, read under prior paper: "), std::string::npos) << report.out;
  EXPECT_NE(read_text(path("report/hd23642.html")).find("Made under prior field, read under prior paper: "),
            std::string::npos);
  const Hdf5Reader read_again(path("report/hd23642.nc"));
  for (const char* name : {"/posterior/feh", "/posterior/mass1", "/sample_stats/log_prior_ratio", "/sample_stats/log_q",
                           "/posterior_predictive/kepler_kp", "/posterior_predictive/sed_flux"}) {
    EXPECT_EQ(read_again.doubles(name), paper.doubles(name)) << name;
  }
  EXPECT_EQ(read_again.text_attribute("/", "prior"), "paper");
  EXPECT_EQ(read_again.text_attribute("/", "effective_samples"), paper.text_attribute("/", "effective_samples"));

  const auto refused = [&](std::vector<std::string> arguments, const std::string& message) {
    arguments.insert(arguments.begin(), "report");
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.out;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(path("refused")));
  };
  refused({"own/hd23642.nc", "other/hd23642.nc", "--prior", "field", "--out", "refused"}, "two files would write");
  refused({"other/hd23642.nc", "--prior", "field", "--out", "refused"}, "was read under prior paper already");
  refused({"own/hd23642.nc", "--prior", "field", "--out", "own"}, "would be overwritten");
  refused({"own/hd23642.nc", "--prior", "solar", "--out", "refused"}, "expected one of: paper, field");
}

TEST_F(EndToEnd, ADustMapIsPartOfThePrior) {
  small_bayestar().write(path("map.h5"));
  const std::string named = "field, dust of map.h5 (SHA-256 " + sha256_of_file(path("map.h5")) + ")";
  ASSERT_EQ(run({"simulate", "--systems", "5", "--out", "model.h5"}).exit_code, 0);
  ASSERT_EQ(run({"simulate", "--systems", "5", "--out", "mapped.h5", "--dust-map", "map.h5"}).exit_code, 0);
  const Hdf5Reader model(path("model.h5")), mapped(path("mapped.h5"));
  EXPECT_EQ(model.text_attribute("/", "prior"), "field");
  EXPECT_EQ(mapped.text_attribute("/", "prior"), named);
  EXPECT_NE(model.doubles("/theta"), mapped.doubles("/theta"));

  write_text(path("tiny.toml"), kTinyPreset);
  const ProgramResult trained =
      run({"train", "--config", "tiny.toml", "--out", "run", "--device", "cpu", "--dust-map", "map.h5"});
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  write_text(path("star.toml"),
             "parallax_mas = 5.0\nparallax_error_mas = 0.05\n[photometry]\n'Johnson:V' = { mag = 9.0, error = 0.02 }\n"
             "'2MASS:Ks' = { mag = 8.0, error = 0.02 }\n");
  const auto infer = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"infer", "star.toml", "--checkpoint", "run/weights.h5", "--device", "cpu",
                                         "--samples", "200", "--predictions", "5", "--out", "out"});
    return run(arguments);
  };
  ASSERT_EQ(infer({}).exit_code, 0);
  EXPECT_EQ(Hdf5Reader(path("out/star.nc")).text_attribute("/", "prior"), named);

  // Moved, it is found again where the user says, and no other map takes its place.
  fs::rename(path("map.h5"), path("moved.h5"));
  const ProgramResult lost = infer({});
  EXPECT_EQ(lost.exit_code, 2);
  EXPECT_NE(lost.err.find("map.h5': no such file"), std::string::npos) << lost.err;
  const ProgramResult found = infer({"--dust-map", "moved.h5"});
  ASSERT_EQ(found.exit_code, 0) << found.err;
  EXPECT_EQ(found.out.find("read under"), std::string::npos) << found.out;
  BayestarFile changed = small_bayestar();
  changed.samples[0] += 0.1f;
  changed.write(path("changed.h5"));
  const ProgramResult wrong = infer({"--dust-map", "changed.h5"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_NE(wrong.err.find("another map: SHA-256"), std::string::npos) << wrong.err;
  // Where the network's own map is at hand, another one is another prior.
  fs::rename(path("moved.h5"), path("map.h5"));
  const ProgramResult other = infer({"--dust-map", "analytic"});
  ASSERT_EQ(other.exit_code, 0) << other.err;
  EXPECT_NE(other.out.find("made under prior " + named + ", read under prior field: "), std::string::npos) << other.out;
}

TEST_F(EndToEnd, InterruptStopsCleanly) {
  const ProgramResult result =
      run_program({"simulate", "--systems", "200000", "--out", "many.h5"}, folder_.path(), 0, 2.0);
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_FALSE(fs::exists(path("many.h5")));
  const ProgramResult prior =
      run_program({"prior", "--draws", "10000000", "--out", "draws.h5"}, folder_.path(), 0, 2.0);
  EXPECT_EQ(prior.exit_code, 130) << prior.err;
  EXPECT_FALSE(fs::exists(path("draws.h5")));
}

// Presets `paper` and `survey`, small: the verbs are those of any other preset.
TEST_F(EndToEnd, ThePapersNetworkTrainsAndInfers) {
  std::vector<std::string> small;
  for (const char* set :
       {"network.points=64", "network.curve_widths=[4,8]", "network.curve_embedding=8", "network.sed_widths=[4,8]",
        "network.sed_embedding=8", "network.meta_hidden=8", "flow.blocks=2", "flow.hidden=32", "train.systems=64",
        "train.batch=32", "train.validation_systems=32"}) {
    small.insert(small.end(), {"--set", set});
  }
  const auto train = [&](const std::string& preset, const std::string& out) {
    std::vector<std::string> arguments{"train", "--preset", preset, "--out", out, "--device", "cpu"};
    arguments.insert(arguments.end(), small.begin(), small.end());
    return run(arguments);
  };
  for (const char* preset : {"paper", "survey"}) {
    const ProgramResult trained = train(preset, preset);
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    EXPECT_NE(trained.out.find("64 systems, 2 steps"), std::string::npos) << trained.out;
    const ProgramResult table = run({"info", "--checkpoint", std::string(preset) + "/weights.h5"});
    EXPECT_NE(table.out.find("8 x 32"), std::string::npos) << table.out << table.err;
    EXPECT_EQ(table.out.find("TESS:T") != std::string::npos, std::string(preset) == "survey");
    const ProgramResult checked = run({"validate", "--checkpoint", std::string(preset) + "/weights.h5", "--systems",
                                       "20", "--samples", "200", "--device", "cpu"});
    // After two steps, samples in theta have not found the tracks yet; those in the prior's coordinates need not.
    EXPECT_EQ(checked.exit_code, std::string(preset) == "paper" ? 1 : 0) << checked.err;
    EXPECT_NE(checked.out.find("mean held-out ln q"), std::string::npos) << checked.out;
  }
  EXPECT_NE(Hdf5Reader(path("paper/weights.h5")).text_attribute("/", "simulation").find("targets.deviation"),
            std::string::npos);
  write_object(folder_.path(), "one", "TESS:T");
  const ProgramResult inferred = run({"infer", "one.toml", "--checkpoint", "survey/weights.h5", "--device", "cpu",
                                      "--samples", "200", "--predictions", "5"});
  ASSERT_EQ(inferred.exit_code, 0) << inferred.err;
  EXPECT_NE(inferred.out.find("one: 200 posterior samples"), std::string::npos) << inferred.out;

  const ProgramResult paper = run({"info", "--preset", "paper"});
  EXPECT_NE(paper.out.find("curve.ZTF:r.3"), std::string::npos) << paper.out << paper.err;
  const ProgramResult vector = run({"info", "--preset", "vector"});
  EXPECT_EQ(vector.exit_code, 2);
  EXPECT_NE(vector.err.find("--checkpoint"), std::string::npos) << vector.err;
}

TEST_F(EndToEnd, InfoTellsWhereTheTablesComeFrom) {
  const ProgramResult result = run({"info"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* text : {"commit:", "CUDA:", "tracks.h5", "source_sha256:", "citation:", "checkpoints:"}) {
    EXPECT_NE(result.out.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace penumbra
