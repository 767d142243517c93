#include "nn/posterior.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "nn/features.h"
#include "nn/train.h"
#include "nn/width_factor.h"
#include "sim/parameters.h"

namespace penumbra {
namespace {

constexpr int kBins = 16;
const DataLayout kLayout = data_layout(FeatureLayout{.phase_bins = kBins});

void random_systems(std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
  for (int b = 0; b < count; ++b) {
    RandomStream random(seed, first + static_cast<std::uint64_t>(b), Stage::kTest);
    const auto fill = [&](float* out, std::size_t n) {
      std::generate_n(out, n, [&] { return float(random.normal()); });
    };
    const FeatureRow row = feature_row(rows, b);
    fill(row.curves, rows.layout->inputs[0].size());
    fill(row.summaries, FeatureLayout::summary_size());
    fill(row.sed, FeatureLayout::sed_size());
    fill(row.meta, FeatureLayout::kMeta);
    for (int i = 0; i < kParameterCount; ++i) {
      rows.target(b)[i] = static_cast<float>(0.3 * random.normal()) + row.meta[i % FeatureLayout::kMeta];
    }
  }
}

struct Trained {
  NeuralPosterior posterior, scaled;  // the second with width scales
};

std::vector<float> width_scale() {
  std::vector<float> scale(kParameterCount, 1.0f);
  scale[2] = 1e-6f;  // the posteriors of this network are wide: factors between .5 and .95
  scale[9] = 1e3f;
  return scale;
}

// A network that has learned a little, so that contexts matter.
const Trained& trained() {
  static const Trained loaded = [] {
    Preset preset;
    preset.network = {.phase_bins = kBins,
                      .curve_widths = {8, 8},
                      .curve_blocks = 1,
                      .curve_embedding = 16,
                      .sed_hidden = 16,
                      .sed_embedding = 8,
                      .scalar_hidden = 16,
                      .scalar_embedding = 8,
                      .context = 32};
    preset.flow = {.blocks = 4, .hidden = 40, .mixture_components = 3, .log_scale_limit = 3.0};
    preset.train.systems = 200 * 64;
    preset.train.batch = 64;
    preset.train.warmup_steps = 10;
    preset.train.validation_systems = 64;
    preset.train.validate_every = 64 * 100;
    TrainOptions options;
    options.folder = std::filesystem::path(testing::TempDir()) / ("posterior_test_" + std::to_string(::getpid()));
    options.device = "cpu";
    options.torch_threads = 1;
    options.quiet = true;
    train(preset, kLayout, random_systems, options);
    const std::filesystem::path file = options.folder / "checkpoint.h5", scaled = options.folder / "scaled.h5";
    Checkpoint checkpoint = read_checkpoint(file);
    checkpoint.width_scale = width_scale();
    checkpoint.info.width_calibration = "a test";
    write_checkpoint(scaled, checkpoint);
    Trained both{NeuralPosterior::load(file, "cpu"), NeuralPosterior::load(scaled, "cpu")};
    std::filesystem::remove_all(options.folder);
    return both;
  }();
  return loaded;
}

const NeuralPosterior& posterior() { return trained().posterior; }

FeatureBatch systems(std::uint64_t first, int count) {
  FeatureBatch batch;
  batch.resize(count, FeatureLayout{.phase_bins = kBins});
  random_systems(5, first, count, batch.rows());
  return batch;
}

TEST(NeuralPosterior, SamplesDoNotDependOnTheBatch) {
  constexpr int kSystems = 37, kSamples = 300;
  std::vector<float> z, log_q, z_one, log_q_one;
  posterior().sample(systems(0, kSystems), kSamples, 9, 1000, z, log_q);
  for (const int b : {0, 1, 17, 36}) {
    posterior().sample(systems(static_cast<std::uint64_t>(b), 1), kSamples, 9, 1000 + static_cast<std::uint64_t>(b),
                       z_one, log_q_one);
    for (std::size_t i = 0; i < z_one.size(); ++i) {
      ASSERT_NEAR(z_one[i], z[static_cast<std::size_t>(b) * z_one.size() + i], 1e-4)
          << "system " << b << ", value " << i;
    }
    for (std::size_t i = 0; i < log_q_one.size(); ++i) {
      ASSERT_NEAR(log_q_one[i], log_q[static_cast<std::size_t>(b) * log_q_one.size() + i], 1e-3);
    }
  }
}

TEST(NeuralPosterior, MoreSamplesBeginWithTheSameOnes) {
  std::vector<float> few, many, log_q;
  posterior().sample(systems(3, 1), 50, 9, 3, few, log_q);
  posterior().sample(systems(3, 1), 20000, 9, 3, many, log_q);  // more than passes through the flow at once
  for (std::size_t i = 0; i < few.size(); ++i) ASSERT_NEAR(few[i], many[i], 1e-4);
  EXPECT_NE(many[0], many[many.size() - kParameterCount]);
}

TEST(NeuralPosterior, EverySystemHasItsOwnNoise) {
  FeatureBatch twice = systems(3, 2);
  const std::size_t curve = twice.layout.curve_size();
  std::copy_n(twice.curves.begin(), curve, twice.curves.begin() + static_cast<std::ptrdiff_t>(curve));
  std::copy_n(twice.summaries.begin(), FeatureLayout::summary_size(),
              twice.summaries.begin() + FeatureLayout::summary_size());
  std::copy_n(twice.sed.begin(), FeatureLayout::sed_size(), twice.sed.begin() + FeatureLayout::sed_size());
  std::copy_n(twice.meta.begin(), FeatureLayout::kMeta, twice.meta.begin() + FeatureLayout::kMeta);
  std::vector<float> z, log_q, again;
  posterior().sample(twice, 10, 9, 0, z, log_q);
  for (std::size_t i = 0; i < 160; ++i) EXPECT_NE(z[i], z[160 + i]);
  posterior().sample(twice, 10, 9, 0, again, log_q);
  EXPECT_EQ(z, again);
  posterior().sample(twice, 10, 10, 0, again, log_q);
  EXPECT_NE(z, again);
}

TEST(NeuralPosterior, LogQIsTheDensityOfTheSample) {
  constexpr int kSamples = 40;
  const FeatureBatch one = systems(8, 1);
  for (const NeuralPosterior* const q : {&trained().posterior, &trained().scaled}) {
    std::vector<float> z, log_q;
    q->sample(one, kSamples, 9, 8, z, log_q);
    for (int s = 0; s < kSamples; ++s) {
      FeatureBatch at = one;
      at.z.assign(z.begin() + s * kParameterCount, z.begin() + (s + 1) * kParameterCount);
      EXPECT_NEAR(q->log_prob(at)[0], log_q[static_cast<std::size_t>(s)], 1e-3);
    }
  }
}

// Each dimension keeps where it lies and takes the factor of its width; the density is that of the map's Jacobian.
TEST(NeuralPosterior, WidthScalesNarrowTheSamples) {
  constexpr std::size_t kSystems = 3, kSamples = 4000, kAll = kSamples * kParameterCount;
  const std::vector<float> scale = width_scale();
  std::vector<float> z, log_q, scaled, scaled_log_q;
  posterior().sample(systems(4, kSystems), kSamples, 9, 4, z, log_q);
  trained().scaled.sample(systems(4, kSystems), kSamples, 9, 4, scaled, scaled_log_q);
  for (std::size_t b = 0; b < kSystems; ++b) {
    double log_volume = 0.0;
    for (std::size_t d = 0; d < kParameterCount; ++d) {
      const std::size_t first = b * kAll + d;
      double mean = 0.0, square = 0.0, new_mean = 0.0;
      for (std::size_t i = first; i < (b + 1) * kAll; i += kParameterCount) {
        mean += z[i] / double{kSamples};
        square += z[i] * z[i] / double{kSamples};
        new_mean += scaled[i] / double{kSamples};
      }
      // Width and centre are those of 64 samples: their errors are 1/11 and 1/8 of the width.
      const double deviation = std::sqrt(square - mean * mean);
      const double factor = (scaled[first] - scaled[first + kParameterCount]) / (z[first] - z[first + kParameterCount]);
      const double least = width_factor(scale[d], 0.6 * deviation), most = width_factor(scale[d], 1.4 * deviation);
      EXPECT_GE(factor, std::min(least, most) - 1e-3) << d;
      EXPECT_LE(factor, std::max(least, most) + 1e-3) << d;
      EXPECT_NEAR(new_mean, mean, 4.5 * std::fabs(1.0 - factor) * deviation / 8.0 + 1e-4) << d;
      for (std::size_t i = first + kParameterCount; i < (b + 1) * kAll; i += kParameterCount) {
        ASSERT_NEAR(scaled[i] - scaled[first], factor * (z[i] - z[first]), 2e-3) << d;
      }
      log_volume += std::log(factor);
    }
    for (std::size_t i = b * kSamples; i < (b + 1) * kSamples; ++i)
      ASSERT_NEAR(scaled_log_q[i], log_q[i] - log_volume, 5e-3);
  }
}

TEST(WidthFactor, ActsOnWhatTheDataFix) {
  EXPECT_DOUBLE_EQ(width_factor(0.9, 0.0), 0.9);
  EXPECT_NEAR(width_factor(0.9, 0.1), std::sqrt(0.9), 1e-12);
  EXPECT_NEAR(width_factor(0.9, 1.0), 1.0, 0.0011);
  EXPECT_DOUBLE_EQ(width_factor(1.0, 0.03), 1.0);
}

TEST(NeuralPosterior, AnswersWhenEverythingIsMissing) {
  FeatureBatch nothing = systems(0, 1);
  for (auto* values : {&nothing.curves, &nothing.summaries, &nothing.sed, &nothing.meta}) {
    std::fill(values->begin(), values->end(), 0.0f);
  }
  std::vector<float> z, log_q, again;
  posterior().sample(nothing, 100, 9, 0, z, log_q);
  for (const float value : z) ASSERT_TRUE(std::isfinite(value));
  for (const float value : log_q) ASSERT_TRUE(std::isfinite(value));
  posterior().sample(nothing, 100, 9, 0, again, log_q);
  EXPECT_EQ(z, again);
}

TEST(NeuralPosterior, RefusesOtherFeatures) {
  FeatureBatch batch;
  batch.resize(1, FeatureLayout{.phase_bins = 2 * kBins});
  std::vector<float> z, log_q;
  EXPECT_THROW(posterior().sample(batch, 1, 1, 0, z, log_q), UserError);
  EXPECT_THROW(NeuralPosterior::load("/nonexistent/checkpoint.h5", "cpu"), UserError);
  EXPECT_THROW(NeuralPosterior::load("/nonexistent/checkpoint.h5", "tpu"), UserError);
}

}  // namespace
}  // namespace penumbra
