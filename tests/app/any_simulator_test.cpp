// A simulator of the user's own, through the two commands: train --simulations and infer --x.
#include <gtest/gtest.h>

#include <cmath>

#include "base/hdf5_file.h"
#include "base/random.h"
#include "tests/app/run_program.h"

namespace penumbra {
namespace {

// theta ~ N(0, 1) in three dimensions, the last one cut at 0; x = theta + N(0, 1).
void write_simulations(const std::filesystem::path& file, std::size_t count) {
  std::vector<double> theta, x;
  for (std::size_t n = 0; n < count; ++n) {
    RandomStream random(2, n, Stage::kTest);
    for (int p = 0; p < 3; ++p) {
      const double value = random.normal();
      theta.push_back(p == 2 ? std::abs(value) : value);
      x.push_back(theta.back() + random.normal());
    }
  }
  Hdf5Writer writer(file);
  writer.doubles("/theta", theta, {count, 3});
  writer.doubles("/x", x, {count, 3});
  writer.strings("/parameters", {"first", "second", "third"});
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  writer.doubles("/bounds", {-kInfinity, kInfinity, -kInfinity, kInfinity, 0.0, kInfinity}, {3, 2});
  writer.commit();
}

double mean_of(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0.0;
  for (const double v : values) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(values.size()));
}

class AnySimulator : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(, AnySimulator, testing::Values("vector", "series"));

TEST_P(AnySimulator, PosteriorOfAGaussianIsTheExactOne) {
  const ScratchFolder folder("any_simulator");
  write_simulations(folder.path() / "simulations.h5", 8000);
  const ProgramResult trained = run_program(
      {"train", "--simulations", "simulations.h5", "--preset", GetParam(), "--out", "run", "--device", "cpu",
       "--threads", "1", "--set", "train.epochs=40", "--set", "flow.blocks=3", "--set", "train.learning_rate=3e-3"},
      folder.path());
  ASSERT_EQ(trained.exit_code, 0) << trained.err;

  {
    Hdf5Writer writer(folder.path() / "observed.h5");
    writer.doubles("/x", {0.8, -0.4, 0.5, -1.0, 1.0, 0.0}, {2, 3});
    writer.commit();
  }
  const ProgramResult inferred = run_program({"infer", "--x", "observed.h5", "--checkpoint", "run/weights.h5",
                                              "--samples", "8000", "--device", "cpu", "--out", "."},
                                             folder.path());
  ASSERT_EQ(inferred.exit_code, 0) << inferred.err;
  EXPECT_NE(inferred.out.find("second"), std::string::npos) << inferred.out;

  const Hdf5Reader first(folder.path() / "observed_0.nc"), second(folder.path() / "observed_1.nc");
  // Unbounded: N(x / 2, 1 / 2). 7,200 simulations know it to about a tenth of its deviation.
  for (const auto& [file, name, x] : {std::tuple{&first, "first", 0.8}, std::tuple{&first, "second", -0.4},
                                      std::tuple{&second, "first", -1.0}, std::tuple{&second, "second", 1.0}}) {
    const std::vector<double> values = file->doubles(std::string("/posterior/") + name, {1, 8000});
    EXPECT_NEAR(mean_of(values), 0.5 * x, 0.12) << name;
    EXPECT_NEAR(deviation_of(values), std::sqrt(0.5), 0.09) << name;
  }
  // Bounded: the half of N(x / 2, 1 / 2) above 0, of mean mu + s phi(a) / (1 - Phi(a)) with a = -mu / s.
  const std::vector<double> third = first.doubles("/posterior/third", {1, 8000});
  for (const double value : third) ASSERT_GE(value, 0.0);
  const double mu = 0.25, s = std::sqrt(0.5), a = -mu / s;
  const double hazard = std::exp(-0.5 * a * a) / std::sqrt(2.0 * M_PI) / (0.5 * std::erfc(a / std::sqrt(2.0)));
  EXPECT_NEAR(mean_of(third), mu + s * hazard, 0.1);
  // ln q(theta | x) of the samples: on average minus the entropy of the three.
  const double log_q = mean_of(first.doubles("/sample_stats/log_q", {1, 8000}));
  const double inside = 0.5 * std::erfc(a / std::sqrt(2.0));
  const double entropy = 2.0 * 0.5 * std::log(M_PI * M_E) + std::log(std::sqrt(M_PI * M_E) * inside) + 0.5 * a * hazard;
  EXPECT_NEAR(log_q, -entropy, 0.2);
}

TEST(AnySimulatorErrors, AreNamed) {
  const ScratchFolder folder("any_simulator_errors");
  write_simulations(folder.path() / "simulations.h5", 100);
  {
    Hdf5Writer writer(folder.path() / "wide.h5");
    writer.doubles("/x", {1.0, 2.0, 3.0, 4.0}, {4});
    writer.commit();
  }
  const ProgramResult trained = run_program({"train", "--simulations", "simulations.h5", "--preset", "vector", "--out",
                                             "run", "--device", "cpu", "--set", "train.epochs=2"},
                                            folder.path());
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
      {{"train", "--simulations", "nothing.h5", "--preset", "vector", "--out", "a"}, "nothing.h5"},
      {{"train", "--simulations", "simulations.h5", "--preset", "compact", "--out", "a"}, "expected \"vector\""},
      {{"train", "--preset", "vector", "--out", "a"}, "--simulations FILE.h5"},
      {{"train", "--preset", "compact", "--set", "train.epochs=3", "--out", "a"}, "train.epochs = 3"},
      {{"train", "--simulations", "simulations.h5", "--preset", "vector", "--set", "flow.hidden=2", "--out", "a"},
       "flow.hidden = 2"},
      {{"train", "--simulations", "simulations.h5", "--preset", "vector", "--set", "prior.name=paper", "--out", "a"},
       "prior.name"},
      {{"infer", "--x", "wide.h5", "--checkpoint", "run/weights.h5"}, "/x has the shape [4]"},
      {{"infer", "--x", "wide.h5"}, "checkpoint"},
      {{"infer", "--x", "wide.h5", "--checkpoint", PENUMBRA_SOURCE_DIR "/data/checkpoints/compact.h5"},
       "a network for binaries"},
      {{"infer", PENUMBRA_SOURCE_DIR "/examples/hd23642/hd23642.toml", "--checkpoint", "run/weights.h5"}, "kind"},
      {{"infer"}, "object files, or --x"},
  };
  for (const auto& [arguments, message] : rows) {
    const ProgramResult result = run_program(arguments, folder.path());
    EXPECT_EQ(result.exit_code, 2) << message;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
    EXPECT_FALSE(std::filesystem::exists(folder.path() / "a" / "checkpoint.h5")) << message;
  }
}

}  // namespace
}  // namespace penumbra
