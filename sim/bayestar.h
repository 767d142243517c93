// Bayestar2019, the three-dimensional map of reddening of Green et al. (2019, ApJ 887, 93), from the HDF5 file that the
// dustmaps package downloads (about 2 GB):
//
//   /pixel_info   [pixel] compound: nside, healpix_index (nested, Galactic), and more that is not read here
//                 attribute DM_bin_edges [D]: distance moduli, increasing
//   /samples      [pixel][S][D] cumulative reddening, samples of the posterior
//
// Pixels of several nside cover the sky north of declination -30 deg once; elsewhere there are none.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>
#include <vector>

namespace penumbra {

struct SkyPosition {
  double l_rad, sin_b, distance_pc;  // Galactic longitude, sine of Galactic latitude
};

class BayestarMap {
 public:
  // Reads where the pixels are. UserError naming file and dataset where something is missing, of the wrong kind or
  // shape, or impossible: a pixel outside the sky or given twice, distance moduli that do not increase.
  explicit BayestarMap(const std::filesystem::path& file);

  // E(B-V) in mag at each position, NaN where the map has no pixel. Position k is answered by sample k mod S of its
  // pixel, so that many positions carry the map's uncertainty. Linear in distance modulus; in front of the first bin
  // in proportion to distance, behind the last one constant. Reads the pixels that are needed and no others. UserError
  // where reddening is not finite or negative.
  std::vector<double> ebv(const std::vector<SkyPosition>& positions) const;

 private:
  std::int64_t row_of(const SkyPosition& position) const;  // in the file; -1: none

  std::filesystem::path file_;
  std::vector<double> distance_modulus_;                      // [D]
  std::vector<std::int64_t> nsides_;                          // the different ones, finest first
  std::vector<std::pair<std::int64_t, std::int64_t>> pixel_;  // (4 nside^2 + index, row), sorted
  std::size_t samples_ = 0;                                   // S
};

}  // namespace penumbra
