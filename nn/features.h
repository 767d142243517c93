// From an observation to the fixed-size arrays that a network reads. No torch here.
//
// A light curve is folded and averaged in equal phase bins with inverse-variance weights: for detached binaries the
// flux is smooth at this scale, so nothing that matters is lost, and 100 or 20,000 epochs cost the network the same.
// Every feature of a light curve is a function of its bins alone, so it does not matter whether one point or ten tell
// the same.
//
// Light curves are divided by the median of their binned flux, simulated and real ones alike: bins, unlike points, do
// not favour phases that were observed more often, so the level does not depend on the cadence.
#pragma once

#include <cstddef>
#include <vector>

#include "base/random.h"
#include "nn/layout.h"
#include "sim/observation.h"
#include "sim/prior.h"

namespace penumbra {

struct FeatureLayout {
  int phase_bins = 256;
  // per channel and bin, f the binned flux and s its error:
  //   asinh((f - 1) / .1), asinh((f - 1) / hypot(.004, s)) / 2, (log10 s + 3) / 1.5, mask
  static constexpr int kBinChannels = 4;
  // per channel: observed flag, share of the bins that hold data, (log10 of the median bin error + 3) / 1.5,
  //   (log10(exposure / period + 1e-5) + 2.5) / 1.5, eclipse depth: the largest 1 - f - 2 s, at least 0
  static constexpr int kCurveSummaries = 5;
  // per SED band: log10 of flux over the SED's level, log10 of the relative error + 2, mask
  static constexpr int kSedChannels = 3;
  // log10 period / d, asinh(parallax / .2 mas) / 3, log10(parallax error / mas) + 1.5, parallax flag, period flag,
  //   SED level: the median of log10(flux / Jy) over the bands that exist (0 without any), plus 1, halved
  static constexpr int kMeta = 6;

  // The arrays as a network gets them: curves, summaries, sed, meta; the parameters are those of sim/parameters.h.
  DataLayout data_layout() const;

  std::size_t curve_size() const { return std::size_t(kChannelCount) * kBinChannels * std::size_t(phase_bins); }
  static constexpr std::size_t summary_size() { return std::size_t(kChannelCount) * kCurveSummaries; }
  static constexpr std::size_t sed_size() { return std::size_t(kSedBandCount) * kSedChannels; }
};

// Row-major destinations of one system; every value is finite and within +-10. Missing input is zero with its mask
// zero.
struct FeatureRow {
  float* curves;     // [kChannelCount * kBinChannels][phase_bins]
  float* summaries;  // [kChannelCount][kCurveSummaries]
  float* sed;        // [kSedChannels][kSedBandCount]
  float* meta;       // [kMeta]
};

// Those of row b of systems laid out as FeatureLayout::data_layout().
FeatureRow feature_row(const SystemRows& rows, int b);

// Points of a light curve without a finite flux and a positive error are left out; a curve without a positive level is
// missing. A magnitude without an error gets the paper's default of 5%, a flux below a tenth of its error that tenth.
void pack_features(const Observation& observation, const FeatureLayout& layout, FeatureRow row);

// What the network learns to predict of a system whose latent coordinates are z (sim/prior.h): target[16]. Where the
// period is known, rsumfrac follows from it (Prior::theta_from_latent) and its coordinate carries nothing: the target
// there is an independent unit normal, which the flow learns at once and sampling ignores.
void pack_target(const Latent& z, const Observation& observation, RandomStream& random, float* target);

// A batch of B systems on the host.
struct FeatureBatch {
  int size = 0;
  FeatureLayout layout;
  std::vector<float> curves, summaries, sed, meta;
  std::vector<float> z;  // [B][16] targets in the prior's latent coordinates
  void resize(int batch, const FeatureLayout& layout_);
  FeatureRow row(int b);
  SystemRows rows();
  operator SystemView() const;  // to be read by a network

 private:
  DataLayout data_layout_;
};

}  // namespace penumbra
