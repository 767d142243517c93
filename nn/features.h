// From an observation to the fixed-size arrays that a network reads (sim/feature_arrays.h). No torch here.
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

#include <vector>

#include "base/random.h"
#include "nn/config.h"
#include "nn/layout.h"
#include "sim/feature_arrays.h"
#include "sim/observation.h"

namespace penumbra {

// Of a preset for binaries.
FeatureLayout feature_layout(const Preset& preset);

// The arrays as a network gets them: curves, summaries (with bins), sed, meta; the parameters are those of
// sim/parameters.h.
DataLayout data_layout(const FeatureLayout& layout);

// Row b of systems laid out as data_layout() says.
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
