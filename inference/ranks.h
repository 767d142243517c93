// Where a true value lies among posterior samples. Each rank here is uniform on (0, 1) if the samples come from the
// exact posterior, whatever their number: (how many lie below + u (1 + how many are equal)) / (S + 1) with a uniform u,
// so that a finite S leaves no steps (Talts et al. 2018, Saeilynoja et al. 2022).
#pragma once

#include <array>
#include <span>
#include <vector>

#include "base/random.h"
#include "sim/parameters.h"
#include "sim/prior.h"

namespace penumbra {

double uniform_rank(double truth, std::span<const double> samples, RandomStream& random);

// One parameter as numbers on a line. omega is periodic: it is counted from the samples' circular mean, in [-pi, pi),
// and `origin` is that mean (0 for all others).
struct Marginal {
  double truth, origin;
  std::vector<double> samples;
};
Marginal marginal(const Theta& truth, const std::vector<Theta>& samples, Parameter parameter);

// The rank of the density at the truth: a region of highest density of probability p holds the truth where this exceeds
// 1 - p. The density is that of the k nearest order statistics, k a tenth, of one half of the samples; the rank is
// among the other half, which makes it uniform however rough that density is. The shortest interval of the samples
// themselves is no such thing: of 950 normal ones the shortest half holds 48.6% of the distribution.
double density_rank(const Marginal& marginal, RandomStream& random);

// Values as shares of the prior below them, each uniform on [0, 1] over the prior: one scale for all parameters.
class PriorScale {
 public:
  PriorScale(const Prior& prior, std::uint64_t seed, std::size_t draws = 2000);
  Theta operator()(const Theta& theta) const;  // omega / 2 pi

 private:
  std::array<std::vector<double>, kParameterCount> sorted_;
};

// Tests of accuracy with random points, TARP (Lemos et al. 2023, ICML): the rank of the truth's distance from
// `reference` among the samples' distances. All are in PriorScale, omega on a circle. Uniform for every reference that
// does not know the truth; a posterior is exact where it is uniform for all.
double tarp_rank(const Theta& truth, const std::vector<Theta>& samples, const Theta& reference, RandomStream& random);

}  // namespace penumbra
