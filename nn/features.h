// From an observation to the fixed-size arrays that a network reads. No torch here.
//
// Light curves take one of two forms. In bins (kind = "binary"): a light curve is folded and averaged in equal phase
// bins with inverse-variance weights: for detached binaries the flux is smooth at this scale, so nothing that matters
// is lost, and 100 or 20,000 epochs cost the network the same. Every feature of a light curve is a function of its bins
// alone, so it does not matter whether one point or ten tell the same.
//
// Light curves are divided by the median of their binned flux, simulated and real ones alike: bins, unlike points, do
// not favour phases that were observed more often, so the level does not depend on the cadence.
//
// As points (kind = "points", the paper's section 3.2): phase, flux, error and mask of each, zeros behind the last one.
// The paper normalises each light curve across time; here its fluxes are divided by their median, so that an eclipse
// keeps its depth. The paper standardises photometry and metadata by their moments over the training set; here they are
// logarithms with a fixed origin and scale, which make them of order one.
#pragma once

#include <cstddef>
#include <vector>

#include "base/random.h"
#include "nn/config.h"
#include "nn/layout.h"
#include "sim/observation.h"
#include "sim/parameters.h"

namespace penumbra {

struct FeatureLayout {
  int phase_bins = 256;
  int points = 0;                // of a light curve at most; 0: light curves in bins
  int channels = kChannelCount;  // light-curve channels: the first of kChannels

  static FeatureLayout of(const Preset& preset);  // a preset for binaries

  // per channel and bin, f the binned flux and s its error:
  //   asinh((f - 1) / .1), asinh((f - 1) / hypot(.004, s)) / 2, (log10 s + 3) / 1.5, mask
  static constexpr int kBinChannels = 4;
  // per channel and point: 2 phase - 1, asinh((f - 1) / .1), (log10 s + 3) / 1.5, mask
  static constexpr int kPointChannels = kBinChannels;
  // per channel: observed flag, share of the bins that hold data, (log10 of the median bin error + 3) / 1.5,
  //   (log10(exposure / period + 1e-5) + 2.5) / 1.5, eclipse depth: the largest 1 - f - 2 s, at least 0
  static constexpr int kCurveSummaries = 5;
  // per SED band: log10 of flux over the SED's level, log10 of the relative error + 2, mask. With points the first is
  //   scaled as the SED level in `meta` instead.
  static constexpr int kSedChannels = 3;
  // log10 period / d, asinh(parallax / .2 mas) / 3, log10(parallax error / mas) + 1.5, parallax flag, period flag,
  //   SED level: the median of log10(flux / Jy) over the bands that exist (0 without any), plus 1, halved
  static constexpr int kMeta = 6;
  static constexpr int kPointMeta = 4;  // with points the first of them

  // The arrays as a network gets them: curves, summaries (with bins), sed, meta; the parameters are those of
  // sim/parameters.h.
  DataLayout data_layout() const;

  int curve_length() const { return points > 0 ? points : phase_bins; }
  std::size_t curve_size() const { return std::size_t(channels) * kBinChannels * std::size_t(curve_length()); }
  std::size_t meta_size() const { return points > 0 ? kPointMeta : kMeta; }
  static constexpr std::size_t summary_size() { return std::size_t(kChannelCount) * kCurveSummaries; }
  static constexpr std::size_t sed_size() { return std::size_t(kSedBandCount) * kSedChannels; }
};

// Row-major destinations of one system; every value is finite and within +-10. Missing input is zero with its mask
// zero.
struct FeatureRow {
  float* curves;     // [channels * kBinChannels][curve_length()]
  float* summaries;  // [kChannelCount][kCurveSummaries]; nullptr with points
  float* sed;        // [kSedChannels][kSedBandCount]
  float* meta;       // [meta_size()]
};

// Those of row b of systems laid out as FeatureLayout::data_layout().
FeatureRow feature_row(const SystemRows& rows, int b);

// Points of a light curve without a finite flux and a positive error are left out; a curve without a positive level is
// missing. A magnitude without an error gets the paper's default of 5%, a flux below a tenth of its error that tenth.
void pack_features(const Observation& observation, const FeatureLayout& layout, FeatureRow row);

// Takes away each light curve, each magnitude and the parallax with that probability: a network that is trained on such
// data serves any subset of them.
void drop_at_random(double share, RandomStream& random, Observation& observation);

// A batch of B systems on the host.
struct FeatureBatch {
  int size = 0;
  FeatureLayout layout;
  std::vector<float> curves, summaries, sed, meta;
  std::vector<float> z;  // [B][16] targets (nn/targets.h)
  void resize(int batch, const FeatureLayout& layout_);
  FeatureRow row(int b);
  SystemRows rows();
  operator SystemView() const;  // to be read by a network

 private:
  DataLayout data_layout_;
};

}  // namespace penumbra
