// A mixture of normal distributions in coordinates that polynomials have straightened: a cheap density that can be
// drawn from, close to one that is thin and curved.
//
// The points' principal axes, the widest first, give scores z_1 .. z_D of variance 1. From each is taken what those
// before it tell of it, y_k = z_k - f_k(z_1 .. z_(k-1)) with a polynomial f_k: a triangular map of constant volume
// (Parno and Marzouk 2018, SIAM/ASA J. Uncertainty Quantification 6, 645), so that a curved sheet becomes a flat one.
#pragma once

#include <Eigen/Dense>
#include <optional>
#include <vector>

#include "base/random.h"
#include "inference/gaussian_mixture.h"

namespace penumbra {

class CurvedMixture {
 public:
  // To the columns of points[D][N] by least squares, each f_k of the degree, 0, 2 or 3, that does best for the columns
  // of others[D][M]; then, of the same degrees, to all columns. The mixture as GaussianMixture::fit, of at most `most`
  // components. None where the points span fewer dimensions.
  static std::optional<CurvedMixture> fit(const Eigen::MatrixXd& points, const Eigen::MatrixXd& others, int most,
                                          RandomStream& random);

  // y of x[D], and x of any y.
  Eigen::VectorXd straight(const Eigen::VectorXd& x) const;
  Eigen::VectorXd curved(const Eigen::VectorXd& y) const;

  std::size_t size() const { return mixture_->size(); }
  double log_density(const Eigen::VectorXd& x) const;
  Eigen::VectorXd draw(RandomStream& random) const { return curved(mixture_->draw(random)); }

 private:
  Eigen::MatrixXd straighten(const Eigen::MatrixXd& x) const;  // of each column

  Eigen::VectorXd mean_;
  Eigen::MatrixXd axes_, inverse_;             // z = axes (x - mean)
  std::vector<Eigen::VectorXd> coefficients_;  // of f_k, for the terms of those before
  double log_volume_ = 0.0;                    // ln |dy / dx|
  std::optional<GaussianMixture> mixture_;     // of y
};

}  // namespace penumbra
