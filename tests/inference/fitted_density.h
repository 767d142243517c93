// What every density that is fitted to points and drawn from has to show, with the points' true density at hand.
#pragma once

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "base/random.h"

namespace penumbra {

// Over the columns of x[D][N].
template <class Density>
double mean_log_density(const Density& density, const Eigen::MatrixXd& x) {
  double sum = 0.0;
  for (Eigen::Index i = 0; i < x.cols(); ++i) sum += density.log_density(x.col(i)) / static_cast<double>(x.cols());
  return sum;
}

// The mean of truth over density, over draws of the density, is the truth's integral: 1. Its mean square is below
// largest_square where the density is near the truth.
template <class Density, class LogTruth>
void expect_draws_near_truth(const Density& density, const LogTruth& log_truth, double largest_square,
                             RandomStream& random) {
  double sum = 0.0, squares = 0.0;
  constexpr int kCount = 20000;
  for (int i = 0; i < kCount; ++i) {
    const Eigen::VectorXd x = density.draw(random);
    const double ratio = std::exp(log_truth(x) - density.log_density(x));
    sum += ratio / kCount;
    squares += ratio * ratio / kCount;
  }
  EXPECT_NEAR(sum, 1.0, 4.5 * std::sqrt((squares - sum * sum) / kCount));
  EXPECT_LT(squares, largest_square);
}

}  // namespace penumbra
