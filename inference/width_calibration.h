// How wide a network's posteriors should be, dimension by dimension of its targets, so that the ranks of the true
// parameters among the samples are right on simulated systems.
//
// Training hardly asks for that: a width 7% off costs .005 nats. What good data fix well, such as the sum of the radii,
// is what remains of many numbers that a flow has learned with some error each, and comes out a few per cent too wide
// in nearly every system. One scale for each dimension mends it, as a temperature does a classifier (Guo et al. 2017,
// ICML); it acts where the posterior is narrow (nn/width_factor.h).
#pragma once

#include <array>
#include <functional>
#include <span>

#include "sim/parameters.h"

namespace penumbra {

class WidthCalibration {
 public:
  // From a sample[16] in the coordinates of the targets to the parameters; false where the prior has no such system.
  // Called from several threads.
  using Restore = std::function<bool(const float* sample, Theta& theta)>;

  // One system and its samples drawn[S][16]. How far out the truth ranks, |2 u - 1|, is measured for each parameter
  // with the samples as they are, and with one dimension of them narrowed at a time. Systems of which too few samples
  // are accepted are ignored. Not thread-safe.
  void add(const Theta& truth, std::span<const float> drawn, const Restore& restore, int threads);
  std::size_t systems() const { return systems_; }

  struct Parameter {
    double excess;  // mean of |2 u - 1| less 1/2: below 0 where intervals are too wide
    double error;   // standard error
    double left;    // excess to be expected with the scales
  };
  struct Fit {
    std::array<Parameter, kParameterCount> parameters;
    std::array<double, kParameterCount> scale;  // of each dimension of the targets: nn/width_factor.h
  };
  // Least squares of all excesses over their errors, with ln scale ~ N(0, .02^2) so that what the ranks do not tell of
  // stays as it is. std::runtime_error: fewer than 20 systems.
  Fit fit() const;

 private:
  static constexpr double kNarrowed = 0.95;        // the scale that is tried
  std::array<Theta, kParameterCount + 1> sums_{};  // of |2 u - 1|: as they are, then with dimension d narrowed
  Theta squares_{};                                // as they are
  std::size_t systems_ = 0;
};

}  // namespace penumbra
