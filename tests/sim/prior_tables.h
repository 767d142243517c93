// The tables behind a prior, for the tests of its draws and of its density: loaded once, skipped where absent.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <vector>

#include "sim/prior.h"

namespace penumbra {

class PriorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::filesystem::exists(kTable)) return;
    tables_ = std::make_unique<Tables>();
    paper_ = std::make_unique<Prior>(make(named_prior("paper")));
  }
  static void TearDownTestSuite() {
    paper_.reset();
    tables_.reset();
  }
  void SetUp() override {
    if (!tables_) GTEST_SKIP() << kTable << " is absent: run python data/recipes/make_tracks.py";
  }
  static Prior make(const PriorSpec& spec) { return Prior(spec, tables_->tracks.view(), tables_->dust.view()); }
  static const Prior& paper() { return *paper_; }
  static DustView dust() { return tables_->dust.view(); }
  static TrackView tracks() { return tables_->tracks.view(); }

 private:
  static inline const std::filesystem::path kTable = PENUMBRA_SOURCE_DIR "/data/tables/tracks.h5";
  struct Tables {
    TrackGrid tracks = TrackGrid::load(kTable);
    DustPrior dust = DustPrior::analytic();
  };
  static inline std::unique_ptr<Tables> tables_;
  static inline std::unique_ptr<Prior> paper_;
};

// Kolmogorov-Smirnov distance of values that should be uniform, times sqrt(N): above 1.95 once in a thousand.
inline double kolmogorov(std::vector<double> u) {
  std::sort(u.begin(), u.end());
  double worst = 0.0;
  const auto n = static_cast<double>(u.size());
  for (std::size_t i = 0; i < u.size(); ++i) {
    worst =
        std::max({worst, std::abs(u[i] - static_cast<double>(i) / n), std::abs(u[i] - static_cast<double>(i + 1) / n)});
  }
  return worst * std::sqrt(n);
}

}  // namespace penumbra
