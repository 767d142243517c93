#include "nn/train.h"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/config.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "base/sha256.h"
#include "nn/checkpoint.h"
#include "nn/features.h"
#include "nn/posterior.h"
#include "sim/parameters.h"
#include "tests/nn/linear_gaussian.h"

namespace penumbra {
namespace {

std::string error_of(const Preset& preset, const SystemSource& source, const TrainOptions& options) {
  try {
    train(preset, kLayout, source, options);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

void expect_same_state(const TrainOptions& one, const TrainOptions& other) {
  const Checkpoint a = read_checkpoint(one.folder / "checkpoint.h5"),
                   b = read_checkpoint(other.folder / "checkpoint.h5");
  ASSERT_EQ(a.weights.size(), b.weights.size());
  for (std::size_t i = 0; i < a.weights.size(); ++i) EXPECT_EQ(a.weights[i].values, b.weights[i].values);
  ASSERT_EQ(a.training.size(), 4u);
  ASSERT_EQ(b.training.size(), 4u);
  for (std::size_t i = 0; i < a.training.size(); ++i) EXPECT_EQ(a.training[i].values, b.training[i].values);
}

// Of the same systems and initial weights. After twice as many steps they were .004 apart.
TEST(Train, EncodersInBfloat16LearnAsMuch) {
  Preset preset = tiny();
  preset.train.systems = 300 * 64;
  preset.train.learning_rate = 5e-3;
  preset.train.validation_systems = 2048;
  preset.train.validate_every = preset.train.systems;
  std::array<double, 2> loss{};
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    preset.train.encoder_precision = precision;
    const bool bfloat16 = precision == Precision::kBfloat16;
    loss[bfloat16] =
        train(preset, kLayout, linear_gaussian, quiet_options(bfloat16 ? "bfloat16" : "float32")).best_validation_loss;
  }
  EXPECT_NEAR(loss[1], loss[0], 0.05);
  EXPECT_NE(loss[1], loss[0]);
}

TEST(Train, RecoversALinearGaussianPosterior) {
  Preset preset = tiny();
  preset.train.systems = 600000;
  preset.train.batch = 128;
  preset.train.learning_rate = 5e-3;
  preset.train.validation_systems = 4096;
  preset.train.validate_every = 100000;
  const TrainOptions options = quiet_options("linear_gaussian");
  const TrainReport report = train(preset, kLayout, linear_gaussian, options);
  EXPECT_TRUE(report.finished);

  // Expected loss of the exact posterior: its entropy, ln det(2 pi e Sigma) / 2.
  const double variance = kNoise * kNoise / (1.0 + kNoise * kNoise);
  const double sum_variance = kSumNoise * kSumNoise / (2.0 + kSumNoise * kSumNoise);  // det of (z5, z6)'s covariance
  const double entropy = 0.5 * (16.0 * std::log(2.0 * M_PI * M_E) + 5.0 * std::log(variance) + std::log(sum_variance));
  // The sample of 4096 systems scatters by sqrt(16 / 2 / 4096) = .04 about the mean.
  EXPECT_NEAR(report.best_validation_loss, entropy, 0.15);

  // Moments of the posterior of several observations, beside the exact ones.
  constexpr int kObservations = 16, kSamples = 10000;
  FeatureBatch batch;
  batch.resize(kObservations, FeatureLayout{.phase_bins = 8});
  linear_gaussian(11, 0, kObservations, batch.rows());
  const NeuralPosterior posterior = NeuralPosterior::load(options.folder / "checkpoint.h5", "cpu");
  std::vector<float> z, log_q;
  posterior.sample(batch, kSamples, 7, 0, z, log_q);
  std::array<double, kParameterCount> mean_error2{}, deviation_error2{};  // in units of the exact deviation
  double correlation = 0.0;
  for (int b = 0; b < kObservations; ++b) {
    std::array<double, kParameterCount> mean{}, square{};
    double cross = 0.0;
    for (int s = 0; s < kSamples; ++s) {
      const float* p = z.data() + (b * kSamples + s) * kParameterCount;
      for (int i = 0; i < kParameterCount; ++i) {
        mean[i] += p[i] / double{kSamples};
        square[i] += double{p[i]} * p[i] / kSamples;
      }
      cross += double{p[5]} * p[6] / kSamples;
    }
    const FeatureRow row = batch.row(b);
    for (int i = 0; i < kParameterCount; ++i) {
      double expected_mean = 0.0, expected_variance = 1.0;
      if (i < 5) {
        expected_mean = row.meta[i] / (1.0 + kNoise * kNoise);
        expected_variance = variance;
      } else if (i < 7) {
        expected_mean = row.summaries[0] / (2.0 + kSumNoise * kSumNoise);
        expected_variance = 1.0 - 1.0 / (2.0 + kSumNoise * kSumNoise);
      }
      const double found_variance = square[i] - mean[i] * mean[i];
      mean_error2[i] += std::pow(mean[i] - expected_mean, 2) / expected_variance / kObservations;
      deviation_error2[i] += std::pow(std::sqrt(found_variance / expected_variance) - 1.0, 2) / kObservations;
    }
    correlation += (cross - mean[5] * mean[6]) /
                   std::sqrt((square[5] - mean[5] * mean[5]) * (square[6] - mean[6] * mean[6])) / kObservations;
  }
  // A single observation's error depends on the last digits of the training, and so on the processor; their rms hardly.
  for (int i = 0; i < kParameterCount; ++i) {
    EXPECT_LT(std::sqrt(mean_error2[i]), 0.12) << kParameters[i].name;
    EXPECT_LT(std::sqrt(deviation_error2[i]), 0.12) << kParameters[i].name;
  }
  EXPECT_NEAR(correlation, -1.0 / (1.0 + kSumNoise * kSumNoise), 0.02);
}

TEST(Train, ResumedRunIsBitIdentical) {
  const TrainOptions straight = quiet_options("straight");
  const TrainReport whole = train(tiny(), kLayout, linear_gaussian, straight);
  EXPECT_TRUE(whole.finished);
  EXPECT_EQ(whole.steps, 30);

  TrainOptions broken = quiet_options("broken");
  broken.stop_after_systems = 7 * 64;
  EXPECT_FALSE(train(tiny(), kLayout, linear_gaussian, broken).finished);
  broken.resume = true;
  broken.stop_after_systems = 19 * 64;
  broken.simulation_threads = 1;  // neither threads nor prefetching change a number
  broken.prefetch_batches = 7;
  EXPECT_FALSE(train(tiny(), kLayout, linear_gaussian, broken).finished);
  broken.stop_after_systems = 0;
  const TrainReport resumed = train(tiny(), kLayout, linear_gaussian, broken);
  EXPECT_TRUE(resumed.finished);
  EXPECT_EQ(resumed.best_validation_loss, whole.best_validation_loss);

  expect_same_state(straight, broken);

  // The log reads as if nothing had happened: header and the validations at steps 10, 20 and 30.
  std::ifstream log(broken.folder / "train.csv");
  std::string line;
  std::vector<int> steps;
  std::getline(log, line);
  while (std::getline(log, line)) steps.push_back(std::stoi(line));
  EXPECT_EQ(steps, (std::vector<int>{10, 20, 30}));
}

// In a process of its own: trains until system 1000 is asked for, then calls `end`.
template <class End>
void train_until_system_1000(TrainOptions options, const End& end) {
  watch_interrupts();
  options.checkpoint_seconds = 0.0;  // after every step
  const auto source = [&](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    if (seed == options.seed && first <= 1000 && 1000 < first + static_cast<std::uint64_t>(count)) end();
    linear_gaussian(seed, first, count, rows);
  };
  const TrainReport report = train(tiny(), kLayout, source, options);
  std::_Exit(!report.finished && report.steps >= 15 && report.steps < 30 ? 0 : 1);
}

// The child process repeats its test from the start, so each test has one such child and does nothing before it.
TEST(TrainDeathTest, KilledRunGoesOnBitIdentically) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  TrainOptions killed = quiet_options("killed");
  EXPECT_EXIT(train_until_system_1000(killed, [] { std::raise(SIGKILL); }), testing::KilledBySignal(SIGKILL), "");
  killed.resume = true;
  EXPECT_TRUE(train(tiny(), kLayout, linear_gaussian, killed).finished);
  const TrainOptions straight = quiet_options("unbroken");
  train(tiny(), kLayout, linear_gaussian, straight);
  expect_same_state(straight, killed);
}

TEST(TrainDeathTest, InterruptedRunGoesOnBitIdentically) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  TrainOptions interrupted = quiet_options("interrupted");
  EXPECT_EXIT(train_until_system_1000(interrupted, [] { std::raise(SIGTERM); }), testing::ExitedWithCode(0), "");
  interrupted.resume = true;
  EXPECT_TRUE(train(tiny(), kLayout, linear_gaussian, interrupted).finished);
  const TrainOptions straight = quiet_options("uninterrupted");
  train(tiny(), kLayout, linear_gaussian, straight);
  expect_same_state(straight, interrupted);
}

Preset wide() {
  Preset preset = tiny();
  preset.flow.hidden = 256;
  preset.train.batch = 16384;  // more than 100 MB of hidden layers
  preset.train.systems = 3 * 16384;
  return preset;
}

// From the second step on this process may have 64 MB more than it has then.
[[noreturn]] void train_with_little_memory(const TrainOptions& options) {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);  // what is freed goes back at once
  const auto source = [&](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    if (seed == options.seed && first == 16384) {
      long pages = 0;
      std::ifstream("/proc/self/statm") >> pages;
      const rlim_t bytes = static_cast<rlim_t>(pages) * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (64u << 20);
      const rlimit limit{bytes, bytes};
      setrlimit(RLIMIT_AS, &limit);
    }
    linear_gaussian(seed, first, count, rows);
  };
  const TrainReport report = train(wide(), kLayout, source, options);
  std::_Exit(report.finished && report.together < 16384 ? 0 : 1);
}

TEST(TrainDeathTest, ABatchLargerThanMemoryIsTakenInParts) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs all addresses";
#endif
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  TrainOptions little = quiet_options("little");
  little.simulation_threads = 1;
  EXPECT_EXIT(train_with_little_memory(little), testing::ExitedWithCode(0),
              "batch of 16384 systems does not fit in memory: it is taken in parts of");
  const TrainOptions enough = quiet_options("enough");
  EXPECT_EQ(train(wide(), kLayout, linear_gaussian, enough).together, 16384);
  const Checkpoint a = read_checkpoint(little.folder / "checkpoint.h5"),
                   b = read_checkpoint(enough.folder / "checkpoint.h5");
  EXPECT_NEAR(a.info.progress.validation_loss, b.info.progress.validation_loss, 1e-4);
  EXPECT_EQ(a.info.progress.steps, 3);
}

TEST(Train, RefusesToResumeAnotherRun) {
  TrainOptions options = quiet_options("refuse");
  options.resume = true;
  EXPECT_NE(error_of(tiny(), linear_gaussian, options).find("nothing to resume"), std::string::npos);
  options.resume = false;
  options.stop_after_systems = 64;
  train(tiny(), kLayout, linear_gaussian, options);
  EXPECT_NE(error_of(tiny(), linear_gaussian, options).find("exists"), std::string::npos);
  options.resume = true;
  Preset other = tiny();
  other.flow.hidden = 50;
  EXPECT_NE(error_of(other, linear_gaussian, options).find("hidden = 48"), std::string::npos);
  options.seed = 2;
  EXPECT_NE(error_of(tiny(), linear_gaussian, options).find("seed 1"), std::string::npos);
  options.seed = 1;
  options.provenance.prior = "field";
  EXPECT_NE(error_of(tiny(), linear_gaussian, options).find("prior linear"), std::string::npos);
}

TEST(Train, BeginsWithTheWeightsOfAnotherRun) {
  TrainOptions first = quiet_options("first_weights");
  const TrainReport before = train(tiny(), kLayout, linear_gaussian, first);
  const std::filesystem::path file = first.folder / "checkpoint.h5";

  // Of one step at a negligible rate the loss is the other run's, on other systems.
  TrainOptions next = quiet_options("next_weights");
  next.weights = file;
  next.seed = 9;
  Preset preset = tiny();
  preset.train.systems = preset.train.batch;
  preset.train.learning_rate = preset.train.minimum_learning_rate = 1e-9;
  preset.train.validation_systems = 2000;
  const TrainReport after = train(preset, kLayout, linear_gaussian, next);
  EXPECT_NEAR(after.validation_loss, before.best_validation_loss, 1.0);  // of 100 systems: about .4
  const Checkpoint one = read_checkpoint(file), other = read_checkpoint(next.folder / "checkpoint.h5");
  ASSERT_EQ(one.weights.size(), other.weights.size());
  for (std::size_t i = 0; i < one.weights.size(); ++i) {
    for (std::size_t k = 0; k < one.weights[i].values.size(); ++k) {
      ASSERT_NEAR(other.weights[i].values[k], one.weights[i].values[k], 1e-7) << one.weights[i].name;
    }
  }
  EXPECT_EQ(other.info.provenance.started_from, sha256_of_file(file));

  // It stays on record when the run is resumed, whether or not the file is named again.
  next.resume = true;
  next.weights.clear();
  train(preset, kLayout, linear_gaussian, next);
  EXPECT_EQ(read_checkpoint(next.folder / "checkpoint.h5").info.provenance.started_from, sha256_of_file(file));
  next.weights = next.folder / "checkpoint.h5";
  EXPECT_NE(error_of(preset, linear_gaussian, next).find("first weights of SHA-256"), std::string::npos);

  // Other targets do not make another network.
  TrainOptions eclipses = quiet_options("eclipse_weights");
  eclipses.weights = file;
  preset.targets = "eclipses";
  EXPECT_EQ(train(preset, kLayout, linear_gaussian, eclipses).systems, preset.train.systems);
  EXPECT_EQ(read_checkpoint(eclipses.folder / "checkpoint.h5").info.provenance.started_from, sha256_of_file(file));

  // Nor does a joint branch, which begins by adding nothing; but one that is there stays.
  TrainOptions joint = quiet_options("joint_weights");
  joint.weights = file;
  joint.seed = 9;
  Preset with_branch = preset;
  with_branch.targets = tiny().targets;
  with_branch.network.joint_hidden = {16};
  EXPECT_NEAR(train(with_branch, kLayout, linear_gaussian, joint).validation_loss, after.validation_loss, 1e-4);
  TrainOptions back = quiet_options("no_joint_weights");
  back.weights = joint.folder / "checkpoint.h5";
  EXPECT_NE(error_of(tiny(), linear_gaussian, back).find("another network than this run's"), std::string::npos);

  TrainOptions wrong = quiet_options("wrong_weights");
  wrong.weights = file;
  Preset wider = tiny();
  wider.flow.hidden = 50;
  const std::string error = error_of(wider, linear_gaussian, wrong);
  EXPECT_NE(error.find("another network than this run's"), std::string::npos) << error;
  EXPECT_FALSE(std::filesystem::exists(wrong.folder / "checkpoint.h5"));
}

TEST(Train, OnlyTheNamedTensorsAreTrained) {
  Preset preset = tiny();
  preset.train.systems = 300 * 64;
  preset.train.validate_every = preset.train.systems;
  TrainOptions first = quiet_options("all_tensors");
  train(preset, kLayout, linear_gaussian, first);
  const Checkpoint before = read_checkpoint(first.folder / "checkpoint.h5");

  TrainOptions next = quiet_options("some_tensors");
  next.weights = first.folder / "checkpoint.h5";
  next.seed = 9;
  preset.train.only = {"flow.2", "context.0.bias"};
  preset.train.learning_rate = 1e-3;
  const TrainReport report = train(preset, kLayout, linear_gaussian, next);
  const Checkpoint after = read_checkpoint(next.folder / "checkpoint.h5");
  EXPECT_EQ(read_preset(Config::parse(after.info.preset, "checkpoint")).train.only, preset.train.only);
  ASSERT_EQ(after.weights.size(), before.weights.size());
  int named = 0;
  for (std::size_t i = 0; i < before.weights.size(); ++i) {
    const std::string& name = before.weights[i].name;
    const bool trained = name.starts_with("flow.2.") || name == "context.0.bias";
    EXPECT_EQ(after.weights[i].values != before.weights[i].values, trained) << name;
    named += trained;
  }
  EXPECT_EQ(named, 9);
  EXPECT_GT(report.best_step, 0);  // better than what it began with

  preset.train.only = {"flow"};
  EXPECT_EQ(error_of(preset, linear_gaussian, quiet_options("flow_alone")), "");
  preset.train.only = {"flow.2.o"};
  EXPECT_NE(error_of(preset, linear_gaussian, quiet_options("no_tensors")).find("no weights named \"flow.2.o\""),
            std::string::npos);
}

TEST(Train, SkipsAndCountsBadSteps) {
  const auto one_bad = [](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    linear_gaussian(seed, first, count, rows);
    if (seed == 1 && first <= 500 && 500 < first + static_cast<std::uint64_t>(count))
      feature_row(rows, 0).meta[1] = NAN;
  };
  const TrainReport report = train(tiny(), kLayout, one_bad, quiet_options("one_bad"));
  EXPECT_EQ(report.skipped_steps, 1);
  EXPECT_TRUE(std::isfinite(report.best_validation_loss));
}

TEST(Train, StopsWhenEveryStepIsBad) {
  Preset preset = tiny();
  preset.train.systems = 200 * 64;
  const auto bad = [](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    linear_gaussian(seed, first, count, rows);
    rows.target(0)[3] = NAN;
  };
  EXPECT_NE(error_of(preset, bad, quiet_options("all_bad")).find("100 steps in a row"), std::string::npos);
}

TEST(Train, PassesOnTheErrorOfItsSource) {
  const auto failing = [](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    if (seed == 1 && first > 700) throw std::runtime_error("simulator broke");
    linear_gaussian(seed, first, count, rows);
  };
  EXPECT_EQ(error_of(tiny(), failing, quiet_options("failing")), "simulator broke");
}

TEST(Train, TimeBudgetEndsTheSchedule) {
  Preset preset = tiny();
  preset.train.systems = 1'000'000'000;
  preset.train.max_minutes = 0.02;
  const TrainOptions options = quiet_options("budget");
  const TrainReport report = train(preset, kLayout, linear_gaussian, options);
  EXPECT_TRUE(report.finished);
  EXPECT_GE(report.seconds, 1.2);
  EXPECT_TRUE(std::isfinite(report.best_validation_loss));
}

}  // namespace
}  // namespace penumbra
