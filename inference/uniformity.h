// Are N numbers independent and uniform on [0, 1]? The difference of their distribution function from the diagonal,
// with a band that it leaves nowhere with a given probability, and the p-value that belongs to it (Saeilynoja, Buerkner
// and Vehtari 2022, Stat. Comput. 32, 32); and a correction for asking often.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace penumbra {

// Of N values at the points k / K, k = 1 .. K - 1. At each point the number of values below it is binomial; the bands
// are its intervals with equal tails, of one tail probability for all points.
class UniformBand {
 public:
  // values N >= 1; points K >= 2. Takes memory and time in proportion to N K.
  UniformBand(std::size_t values, std::size_t points);

  // How many of the values lie at or below each point.
  std::vector<std::size_t> counts(std::span<const double> values) const;
  // Probability that N uniform values reach a tail as thin as `values` do anywhere. Within 1e-9 by recursion over the
  // points: given the count at one, that at the next is binomial.
  double p(std::span<const double> values) const;
  // The least and the largest count at each point, which N uniform values keep everywhere with at least `probability`.
  std::vector<std::pair<std::size_t, std::size_t>> band(double probability) const;

 private:
  double tail(std::size_t point, std::size_t count) const;  // twice the smaller tail that includes count
  std::vector<std::pair<std::size_t, std::size_t>> inside(double tail) const;  // counts of tails thicker than this
  double probability_inside(const std::vector<std::pair<std::size_t, std::size_t>>& limits) const;

  std::size_t values_, points_;
  std::vector<double> log_factorial_;               // [N + 1]
  std::vector<std::vector<double>> lower_, upper_;  // [K - 1][N + 1] P(count <= n), P(count >= n)
};

// Holm's (1979) correction: p-values that keep the chance of any false alarm among all tests below their level.
std::vector<double> holm(std::span<const double> p);

}  // namespace penumbra
