// The prior of a star's 26 labels: one definition of what is drawn and of its density.
//
// As in Zhang, Jayasinghe & Bloom (2023), Teff and log g follow the MIST isochrones of 1 to 10 Gyr, every row of the
// tables counting the same, and all else is uniform in the ranges of spectra/labels.h: [Fe/H], abundances relative to
// iron, turbulence, velocity; C12/C13, which our tables do not have, in its logarithm. Two things differ from the
// paper. The isochrone is that of the star's own [Fe/H], because an emulator is good only where stars are. And it is
// broadened by 2% in Teff and .1 in log g, so that a star is possible whose isochrone is off by that much.
//
// Each label is a monotone function of a unit normal z, those of Teff and log g given the labels before them:
// [Fe/H], then log g, then Teff. The z are what networks learn.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "sim/tracks.h"
#include "spectra/labels.h"

namespace penumbra {

using LabelLatent = std::array<double, kLabelCount>;

struct LabelDraw {
  LabelLatent z;
  Labels labels;
};

class LabelPrior {
 public:
  // UserError where the tables have no isochrone of 1 to 10 Gyr in the range of [Fe/H].
  explicit LabelPrior(const TrackView& tracks);

  // The next star of a stream: one unit normal a label.
  LabelDraw draw(RandomStream& random) const;
  // The first of the stream (seed, index).
  LabelDraw draw(std::uint64_t seed, std::uint64_t index) const;

  Labels labels_of(const LabelLatent& z) const;
  // NaN where the labels are outside the prior or not finite.
  LabelLatent latent_of(const Labels& labels) const;
  // ln p, in the labels' own units; -infinity outside.
  double log_density(const Labels& labels) const;

  static constexpr double kTeffStepK = 50.0, kLoggStep = 0.1;
  static constexpr double kTeffBroadening = 0.02, kLoggBroadening = 0.1;  // relative; dex

 private:
  // Between two isochrones in [Fe/H]: the lower one, and the weight of the other.
  struct Place {
    std::size_t index;
    double share;
  };
  // The same in [Fe/H] and log g: four rows of teff_cdf_ and their weights.
  struct Corners {
    std::array<std::size_t, 4> row;
    std::array<double, 4> weight;
  };
  Place place_of(double feh) const;
  Corners corners(const Place& feh, double logg) const;
  // Node n of the cumulative distribution of log g at this [Fe/H], and of Teff at that and a log g.
  double logg_node(const Place& feh, std::size_t n) const;
  double teff_node(const Corners& corners, std::size_t n) const;

  std::vector<double> feh_;       // [F] of the isochrones
  std::vector<double> logg_cdf_;  // [F][G]
  std::vector<double> teff_cdf_;  // [F][G][T]
  std::size_t logg_count_, teff_count_;
};

}  // namespace penumbra
