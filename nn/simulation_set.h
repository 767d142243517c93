// Simulations of any simulator as one HDF5 file: theta [N][P] and x [N][...], and how they become what a network reads.
// No torch here.
//
//   /theta       [N][P]       parameters
//   /x           [N][T], [N][C][T], ...  what each gave; one observation may be [T] alone
//   /parameters  P names; without them theta0, theta1, ...
//   /bounds      [P][2] smallest and largest value that the prior allows, infinite where there is none; without it none
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "nn/layout.h"
#include "nn/train.h"

namespace penumbra {

// theta <-> z and the scaling of x. Where a parameter has bounds, z lives on the whole line behind a logarithm or a
// logit, so that no sample can leave them. What a linear regression on x predicts is taken off (not of series), so the
// flow need not learn it from few simulations, and the rest is standardised with its moments in the training set.
class Coordinates {
 public:
  // As a checkpoint keeps it. UserError: text that to_toml did not write.
  static Coordinates parse(const std::string& toml, const std::string& source);
  std::string to_toml() const;

  DataLayout layout() const;
  std::size_t parameter_count() const { return names_.size(); }
  const std::vector<std::string>& names() const { return names_; }
  const std::vector<std::int64_t>& x_shape() const { return x_shape_; }

  void scale_x(const double* x, float* scaled) const;  // [x_shape] -> [x_shape]
  // theta [P] inside its bounds <-> z [P], of a system whose scaled x is given.
  void standardise(const double* theta, const float* scaled, float* z) const;
  void restore(const float* z, const float* scaled, double* theta) const;
  double log_jacobian(const float* z, const float* scaled) const;  // ln |d theta / d z|

 private:
  friend class SimulationSet;
  double unbounded(std::size_t p, double theta) const;
  double bounded(std::size_t p, double y) const;
  double predicted(std::size_t p, const float* scaled) const;  // of the unbounded parameter

  std::vector<std::string> names_;
  std::vector<double> lower_, upper_;  // [P]
  std::vector<double> mean_;           // [P] of the unbounded parameters
  std::vector<double> regression_;     // [P][number of x] on scaled x; empty: none
  std::vector<double> deviation_;      // [P] of what remains
  std::vector<std::int64_t> x_shape_;
  std::vector<double> x_mean_, x_deviation_;  // [number of x], or [C] for C series
};

class SimulationSet {
 public:
  // Reads a set to train on. UserError naming file, dataset, row and column: missing, shapes that disagree, fewer than
  // 20 simulations, values that are not finite, a parameter that is constant or outside its bounds. series: x is
  // scaled by the moments of each whole series, not number by number.
  static SimulationSet load(const std::filesystem::path& file, bool series);

  const Coordinates& coordinates() const { return coordinates_; }
  std::size_t size() const { return theta_.size() / coordinates_.parameter_count(); }

  // For a training with that seed: the last `validation` simulations are the validation set, the others are read in a
  // new order every epoch. The source must not outlive the set.
  SystemSource source(std::uint64_t seed, std::size_t validation) const;

 private:
  Coordinates coordinates_;
  std::vector<float> theta_, x_;  // standardised
};

// One or more observations, scaled for the network. UserError: another shape than the network's, not finite.
struct ObservationSet {
  DataLayout layout;
  std::size_t size = 0;   // B
  std::vector<double> x;  // [B][x_shape] as given
  std::vector<float> scaled;
  static ObservationSet load(const std::filesystem::path& file, const Coordinates& coordinates);
  SystemView view(std::size_t observation) const;
};

}  // namespace penumbra
