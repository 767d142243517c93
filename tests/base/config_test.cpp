#include "base/config.h"

#include <gtest/gtest.h>

#include <fstream>

namespace penumbra {
namespace {

template <typename Call>
std::string user_error(Call call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no UserError";
}

constexpr std::string_view kText = R"(name = "compact"
[train]
batch = 64
rate = 1e-3
average = true
widths = [8, 16]

[[light_curve]]
file = "a.csv"
[[light_curve]]
file = "b.csv"
[photometry."Johnson:V"]
mag = 7
)";

TEST(Config, ReadsEveryTypeAndDefaults) {
  const Config config = Config::parse(kText, "p.toml");
  EXPECT_EQ(config.text("name"), "compact");
  const Config train = config.section("train");
  EXPECT_EQ(train.integer("batch", 1), 64);
  EXPECT_EQ(train.integer("steps", 10), 10);
  EXPECT_EQ(train.number("rate", 0.0, kPositive), 1e-3);
  EXPECT_TRUE(train.flag("average", false));
  EXPECT_EQ(train.integers("widths", {}), (std::vector<std::int64_t>{8, 16}));
  EXPECT_EQ(train.numbers("widths"), (std::vector<double>{8.0, 16.0}));
  EXPECT_EQ(train.numbers("rate"), std::vector<double>{1e-3});
  EXPECT_EQ(config.texts("name"), std::vector<std::string>{"compact"});
  EXPECT_EQ(Config::parse("b = ['V', 'T']", "p").texts("b"), (std::vector<std::string>{"V", "T"}));
  const std::vector<Config> curves = config.sections("light_curve");
  ASSERT_EQ(curves.size(), 2u);
  EXPECT_EQ(curves[0].text("file"), "a.csv");
  EXPECT_EQ(curves[1].text("file"), "b.csv");
  const Config photometry = config.section("photometry");
  EXPECT_EQ(photometry.keys(), std::vector<std::string>{"Johnson:V"});
  EXPECT_EQ(photometry.section("Johnson:V").number("mag"), 7.0);
  EXPECT_TRUE(config.sections("none").empty());
  EXPECT_EQ(config.section("absent").number("x", 2.5), 2.5);
  EXPECT_NO_THROW(config.finish());
}

TEST(Config, UnknownKeysNameFileLineAndTheAllowedOnes) {
  const Config config = Config::parse(kText, "p.toml");
  config.text("name");
  EXPECT_EQ(user_error([&] { config.finish(); }), "p.toml:2: train: unknown key; allowed here: name");
  const Config train = config.section("train");
  train.integer("batch", 1);
  train.flag("average", false);
  train.integers("widths", {});
  train.number("learning_rate", 1.0);
  EXPECT_EQ(user_error([&] { config.finish(); }),
            "p.toml:4: train.rate: unknown key; allowed here: average, batch, learning_rate, widths");
}

TEST(Config, WrongValuesNameLineKeyValueAndWhatIsAllowed) {
  const Config config =
      Config::parse("period_day = 0\nseed = 1.5\nmag = nan\nname = ''\non = 1\nw = [1, 'x']\n[a]\n", "o.toml");
  EXPECT_EQ(user_error([&] { config.number("period_day", kPositive); }),
            "o.toml:1: period_day = 0: expected a finite number > 0");
  EXPECT_EQ(user_error([&] {
              config.integer("seed", 0, {0, 10});
            }),
            "o.toml:2: seed = 1.5: expected an integer in [0, 10]");
  EXPECT_EQ(user_error([&] { config.number("mag"); }), "o.toml:3: mag = nan: expected a finite number");
  EXPECT_EQ(user_error([&] { config.text("name"); }), "o.toml:4: name = '': expected a string that is not empty");
  EXPECT_EQ(user_error([&] { config.flag("on", true); }), "o.toml:5: on = 1: expected true or false");
  EXPECT_EQ(user_error([&] { config.integers("w", {}); }), "o.toml:6: w = [ 1, 'x' ]: expected a list of integers");
  EXPECT_EQ(user_error([&] { config.numbers("w"); }),
            "o.toml:6: w = [ 1, 'x' ]: expected a finite number or a list of them");
  EXPECT_EQ(user_error([&] { config.texts("w"); }),
            "o.toml:6: w = [ 1, 'x' ]: expected a string or a list of strings, none of them empty");
  EXPECT_EQ(user_error([&] { config.numbers("v"); }), "o.toml: v: missing; expected a number or a list of numbers");
  EXPECT_EQ(user_error([&] { config.choice("v", {"a", "b"}); }), "o.toml: v: missing; expected one of: a, b");
  EXPECT_EQ(user_error([&] { config.section("on"); }), "o.toml:5: on = 1: expected a table, [on]");
  EXPECT_EQ(user_error([&] { config.sections("a"); }).substr(0, 9), "o.toml:7:");
  EXPECT_EQ(user_error([&] { config.number("epoch"); }), "o.toml: epoch: missing; expected a number");
  EXPECT_EQ(user_error([&] { config.section("a").text("file"); }), "o.toml:7: a.file: missing; expected a string");
  EXPECT_EQ(user_error([&] { config.choice("kind", "x", {"a", "b"}); }), "o.toml: kind: expected one of: a, b");
}

TEST(Config, SyntaxAndMissingFiles) {
  EXPECT_EQ(user_error([] { Config::parse("a = 1\nb = = 2\n", "bad.toml"); }).substr(0, 27),
            "bad.toml:2: not valid TOML:");
  EXPECT_EQ(user_error([] { Config::load("/nowhere/x.toml"); }), "/nowhere/x.toml: no such file");
  EXPECT_EQ(user_error([] { Config::load("/"); }), "/: is a folder, expected a TOML file");
  const auto file = std::filesystem::temp_directory_path() / "penumbra_empty_config.toml";
  std::ofstream(file).close();
  EXPECT_NO_THROW(Config::load(file).finish());
  std::filesystem::remove(file);
}

TEST(Config, CommandLineOverridesTheFile) {
  Config config = Config::parse(kText, "p.toml");
  config.set("train.batch=128");
  config.set("prior = field");  // not TOML: a string
  config.set("train.extra=[1,2]");
  config.set("photometry.\"Johnson:V\".mag=6.5");
  EXPECT_EQ(config.section("train").integer("batch", 0), 128);
  EXPECT_EQ(config.section("train").number("rate", 0), 1e-3);
  EXPECT_EQ(config.text("prior"), "field");
  EXPECT_EQ(config.section("photometry").section("Johnson:V").number("mag"), 6.5);
  EXPECT_EQ(user_error([&] { config.section("train").integer("extra", 0); }),
            "--set train.extra=[1,2]: train.extra = [ 1, 2 ]: expected an integer");
  Config other = Config::parse("", "p.toml");
  EXPECT_EQ(user_error([&] { other.set("batch"); }), "--set batch: expected key=value, for instance train.batch=64");
  EXPECT_EQ(user_error([&] { other.set("a b=1"); }).substr(0, 28), "--set a b=1: not a TOML key:");
}

// The hash stands for what was in force: a default and the same value written out agree, another value differs.
TEST(Config, HashIsOfTheValuesInForce) {
  const auto hash = [](const char* text) {
    const Config config = Config::parse(text, "x.toml");
    config.number("rate", 0.5);
    config.text("prior", "paper");
    return config.sha256();
  };
  EXPECT_EQ(hash(""), hash("prior = 'paper' # comment\nrate = 0.5\n"));
  EXPECT_NE(hash(""), hash("rate = 0.25"));
  EXPECT_EQ(hash("").size(), 64u);
}

}  // namespace
}  // namespace penumbra
