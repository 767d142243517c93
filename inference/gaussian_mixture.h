// A mixture of normal distributions fitted to points: a cheap density that can be drawn from, close to one that cannot.
#pragma once

#include <Eigen/Dense>
#include <optional>
#include <vector>

#include "base/random.h"

namespace penumbra {

class GaussianMixture {
 public:
  // Expectation maximisation (Dempster, Laird and Rubin 1977, JRSS B 39, 1) on the columns of points[D][N], for 1, 2,
  // 4, .. components up to `most`, as long as each is a better density of the columns of `others`[D][M]; then, of as
  // many components, on all columns. Each component is then three, of the same centre and 1, 1.3 and 1.7 times as wide,
  // so that the mixture's tails are not the thinner ones. None where the points span fewer dimensions.
  static std::optional<GaussianMixture> fit(const Eigen::MatrixXd& points, const Eigen::MatrixXd& others, int most,
                                            RandomStream& random);

  std::size_t size() const { return components_.size(); }  // three a component that was fitted
  double log_density(const Eigen::VectorXd& x) const;
  Eigen::VectorXd draw(RandomStream& random) const;

 private:
  struct Component {
    double log_weight;
    Eigen::VectorXd mean;
    Eigen::MatrixXd lower;  // Cholesky's factor of the covariance
  };
  // ln(weight x density) of the columns of x.
  static Eigen::ArrayXd log_share(const Component& component, const Eigen::MatrixXd& x);
  static Eigen::ArrayXd log_density(const std::vector<Component>& components, const Eigen::MatrixXd& x);
  static std::vector<Component> maximise(const Eigen::MatrixXd& x, int count, RandomStream& random);

  std::vector<Component> components_;
};

}  // namespace penumbra
