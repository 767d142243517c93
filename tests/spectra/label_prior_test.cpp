#include "spectra/label_prior.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "sim/special_functions.h"
#include "spectra/emulator.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;
const fs::path kTracks = PENUMBRA_SOURCE_DIR "/data/tables/tracks.h5";

class LabelPriorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!fs::exists(kTracks)) return;
    tracks_ = std::make_unique<TrackGrid>(TrackGrid::load(kTracks));
    prior_ = std::make_unique<LabelPrior>(tracks_->view());
  }
  static void TearDownTestSuite() {
    prior_.reset();
    tracks_.reset();
  }
  void SetUp() override {
    if (!prior_) GTEST_SKIP() << kTracks << " is absent: run python data/recipes/make_tracks.py";
  }
  static const LabelPrior& prior() { return *prior_; }
  static TrackView tracks() { return tracks_->view(); }
  static bool inside(const Labels& labels) {
    return prior().log_density(labels) > -std::numeric_limits<double>::infinity();
  }

 private:
  static inline std::unique_ptr<TrackGrid> tracks_;
  static inline std::unique_ptr<LabelPrior> prior_;
};

TEST_F(LabelPriorTest, DrawsAreNamedBySeedAndIndexAndStayInRange) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const LabelDraw draw = prior().draw(5, i);
    for (std::size_t l = 0; l < kLabels.size(); ++l) {
      ASSERT_GE(draw.labels[l], kLabels[l].low) << kLabels[l].name;
      ASSERT_LE(draw.labels[l], kLabels[l].high) << kLabels[l].name;
    }
    ASSERT_EQ(draw.labels, prior().labels_of(draw.z));
  }
  EXPECT_EQ(prior().draw(5, 17).labels, prior().draw(5, 17).labels);
  EXPECT_NE(prior().draw(6, 17).labels, prior().draw(5, 17).labels);
}

TEST_F(LabelPriorTest, LatentCoordinatesComeBack) {
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const LabelDraw draw = prior().draw(6, i);
    const LabelLatent z = prior().latent_of(draw.labels);
    for (std::size_t l = 0; l < z.size(); ++l)
      ASSERT_NEAR(z[l], draw.z[l], 1e-6) << kLabels[l].name << " of draw " << i;
  }
}

// A change of variables: p(labels) = product of phi(z) |dz / dlabel|, the Jacobian being triangular. The derivatives
// by finite differences.
TEST_F(LabelPriorTest, DensityIsThatOfTheDraws) {
  int compared = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    const LabelDraw draw = prior().draw(7, i);
    double log_density = 0.0;
    bool smooth = true;
    for (std::size_t l = 0; l < kLabels.size(); ++l) {
      const double h = 1e-7 * (kLabels[l].high - kLabels[l].low);
      Labels below = draw.labels, above = draw.labels;
      below[l] -= h;
      above[l] += h;
      if (!inside(below) || !inside(above)) smooth = false;
      const double lower = prior().latent_of(below)[l], upper = prior().latent_of(above)[l];
      log_density += std::log(normal_pdf(draw.z[l])) + std::log((upper - lower) / (2.0 * h));
      // A kink of the tables between the two.
      const double step = l == kLabelTeff ? LabelPrior::kTeffStepK : l == kLabelLogg ? LabelPrior::kLoggStep : 0.0;
      if (step > 0.0 &&
          std::floor((below[l] - kLabels[l].low) / step) != std::floor((above[l] - kLabels[l].low) / step)) {
        smooth = false;
      }
    }
    if (!smooth) continue;
    ++compared;
    EXPECT_NEAR(prior().log_density(draw.labels), log_density, 1e-4) << "draw " << i;
  }
  EXPECT_GT(compared, 290);
}

// The density of Teff and log g at one [Fe/H], summed over a fine grid, is one star; and so are the stars that are
// drawn in each part of it.
TEST_F(LabelPriorTest, DensityAddsUpToTheShareOfDraws) {
  constexpr int kDraws = 40000, kParts = 5;
  const double feh_low = -0.26, feh_high = -0.24;
  double others = 0.0;  // ln of what all other labels contribute
  Labels at{};
  for (std::size_t l = 0; l < kLabels.size(); ++l) {
    at[l] = 0.5 * (kLabels[l].low + kLabels[l].high);
    if (l == kLabelC12C13) {
      others -= std::log(at[l] * std::log(kLabels[l].high / kLabels[l].low));
    } else if (l != kLabelTeff && l != kLabelLogg) {
      others -= std::log(kLabels[l].high - kLabels[l].low);
    }
  }
  at[kLabelIron] = 0.5 * (feh_low + feh_high);
  double mass[kParts][kParts] = {}, total = 0.0;
  constexpr int kFine = 1000;
  for (int g = 0; g < kFine; ++g) {
    for (int t = 0; t < kFine; ++t) {
      at[kLabelLogg] = 5.0 * (g + 0.5) / kFine;
      at[kLabelTeff] = 3500.0 + 4500.0 * (t + 0.5) / kFine;
      const double share = std::exp(prior().log_density(at) - others) * 5.0 * 4500.0 / kFine / kFine;
      mass[g * kParts / kFine][t * kParts / kFine] += share;
      total += share;
    }
  }
  EXPECT_NEAR(total, 1.0, 2e-3);

  double drawn[kParts][kParts] = {};
  RandomStream random(8, 0, Stage::kTest);
  for (int i = 0; i < kDraws; ++i) {
    LabelLatent z;
    for (double& value : z) value = random.normal();
    z[kLabelIron] = normal_quantile((feh_low + (feh_high - feh_low) * random.uniform() + 2.0) / 2.5);
    const Labels star = prior().labels_of(z);
    const auto part = [&](double share) { return std::min(kParts - 1, static_cast<int>(share * kParts)); };
    drawn[part(star[kLabelLogg] / 5.0)][part((star[kLabelTeff] - 3500.0) / 4500.0)] += 1.0 / kDraws;
  }
  for (int g = 0; g < kParts; ++g) {
    for (int t = 0; t < kParts; ++t) {
      const double error = std::sqrt(std::max(mass[g][t], 1e-5) / kDraws);
      EXPECT_NEAR(drawn[g][t], mass[g][t], 4.5 * error + 1e-3 * mass[g][t])
          << "log g part " << g << ", Teff part " << t;
    }
  }
}

// Where stars are: the isochrones' dwarfs and giants, not between.
TEST_F(LabelPriorTest, FollowsTheIsochrones) {
  Labels sun{};
  for (std::size_t l = 0; l < kLabels.size(); ++l) sun[l] = 0.5 * (kLabels[l].low + kLabels[l].high);
  sun[kLabelIron] = 0.0;
  const auto at = [&](double teff, double logg) {
    Labels labels = sun;
    labels[kLabelTeff] = teff;
    labels[kLabelLogg] = logg;
    return prior().log_density(labels);
  };
  EXPECT_GT(at(5770.0, 4.44), at(5770.0, 3.0) + 5.0);
  EXPECT_GT(at(4700.0, 2.5), at(7500.0, 2.5) + 5.0);
  EXPECT_GT(at(4700.0, 2.5), at(3600.0, 4.0) + 5.0);
}

TEST_F(LabelPriorTest, IsZeroOutside) {
  const Labels star = prior().draw(9, 0).labels;
  for (std::size_t l = 0; l < kLabels.size(); ++l) {
    for (const double value : {kLabels[l].low - 0.01, kLabels[l].high + 0.01, static_cast<double>(NAN)}) {
      Labels labels = star;
      labels[l] = value;
      EXPECT_FALSE(inside(labels)) << kLabels[l].name << " = " << value;
      EXPECT_TRUE(std::isnan(prior().latent_of(labels)[l]));
    }
  }
}

TEST_F(LabelPriorTest, RefusesTracksThatEndTooEarly) {
  TrackView short_tracks = tracks();
  short_tracks.feh_count -= 1;
  EXPECT_THROW(LabelPrior{short_tracks}, UserError);
}

// The shipped emulator computes whatever the prior draws.
TEST_F(LabelPriorTest, ShippedEmulatorCoversIt) {
  const fs::path file = PENUMBRA_SOURCE_DIR "/data/spectra/emulator.h5";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is absent";
  const Emulator emulator = Emulator::load(file);
  for (std::uint64_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(emulator.status(prior().draw(10, i).labels), SpectrumStatus::kOk) << "draw " << i;
  }
}

}  // namespace
}  // namespace penumbra
