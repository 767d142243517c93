#include "inference/gaussian_mixture.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr int kMaxIterations = 200;
constexpr double kLeastGain = 1e-4;  // a point, in ln of the density: the iteration ends
// Each component's covariance is averaged with that of all, as if so many points a dimension spoke for the latter, and
// a ridge is added, where the points' variances are 1: maximum a posteriori with a Wishart prior.
constexpr double kSharedPoints = 1.0, kRidge = 1e-6;
// Each component is drawn from at three widths. Where the truth has more in its tails than the mixture, an independent
// proposal hardly ever leaves; a little more width there costs less than that.
struct Width {
  double share, factor;
};
constexpr std::array kWidths{Width{0.4, 1.0}, Width{0.4, 1.3}, Width{0.2, 1.7}};

}  // namespace

Eigen::ArrayXd GaussianMixture::log_share(const Component& component, const Eigen::MatrixXd& x) {
  const Eigen::MatrixXd u = component.lower.triangularView<Eigen::Lower>().solve(x.colwise() - component.mean);
  const double constant = component.log_weight - component.lower.diagonal().array().log().sum() -
                          0.5 * static_cast<double>(x.rows()) * std::log(kTwoPi);
  return constant - 0.5 * u.colwise().squaredNorm().transpose().array();
}

Eigen::ArrayXd GaussianMixture::log_density(const std::vector<Component>& components, const Eigen::MatrixXd& x) {
  Eigen::ArrayXXd shares(x.cols(), std::ssize(components));
  for (std::size_t k = 0; k < components.size(); ++k)
    shares.col(static_cast<Eigen::Index>(k)) = log_share(components[k], x);
  const Eigen::ArrayXd top = shares.rowwise().maxCoeff();
  return top + (shares.colwise() - top).exp().rowwise().sum().log();
}

// x: of mean 0 and covariance I. Starts with each point given to the nearest of `count` random ones. Empty where a
// component starves.
std::vector<GaussianMixture::Component> GaussianMixture::maximise(const Eigen::MatrixXd& x, int count,
                                                                  RandomStream& random) {
  const Eigen::Index dimensions = x.rows(), points = x.cols();
  Eigen::ArrayXXd share(points, count);  // of each point in each component
  for (int k = 0; k < count; ++k) {
    const Eigen::VectorXd centre = x.col(random.below(static_cast<int>(points)));
    share.col(k) = (x.colwise() - centre).colwise().squaredNorm().transpose().array();
  }
  for (Eigen::Index i = 0; i < points; ++i) {
    Eigen::Index nearest = 0;
    share.row(i).minCoeff(&nearest);
    share.row(i).setZero();
    share(i, nearest) = 1.0;
  }
  std::vector<Component> out(static_cast<std::size_t>(count));
  double before = -INFINITY;
  for (int iteration = 0; iteration < kMaxIterations; ++iteration) {
    Eigen::MatrixXd shared = Eigen::MatrixXd::Zero(dimensions, dimensions);
    std::vector<Eigen::MatrixXd> scatter;  // of each component: sum over the points
    for (int k = 0; k < count; ++k) {
      const double total = share.col(k).sum();
      if (total < static_cast<double>(dimensions)) return {};
      Component& component = out[static_cast<std::size_t>(k)];
      component.log_weight = std::log(total / static_cast<double>(points));
      component.mean = x * share.col(k).matrix() / total;
      const Eigen::MatrixXd scaled =
          ((x.colwise() - component.mean).array().rowwise() * share.col(k).sqrt().transpose()).matrix();
      scatter.push_back(scaled * scaled.transpose());
      shared += scatter.back() / static_cast<double>(points);
    }
    for (int k = 0; k < count; ++k) {
      const double total = share.col(k).sum(), borrowed = kSharedPoints * static_cast<double>(dimensions);
      Eigen::MatrixXd covariance = (scatter[static_cast<std::size_t>(k)] + borrowed * shared) / (total + borrowed);
      covariance.diagonal().array() += kRidge;
      out[static_cast<std::size_t>(k)].lower = covariance.llt().matrixL();
    }
    const Eigen::ArrayXd total = log_density(out, x);
    for (int k = 0; k < count; ++k) share.col(k) = (log_share(out[static_cast<std::size_t>(k)], x) - total).exp();
    if (total.mean() - before < kLeastGain) break;
    before = total.mean();
  }
  return out;
}

std::optional<GaussianMixture> GaussianMixture::fit(const Eigen::MatrixXd& points, const Eigen::MatrixXd& others,
                                                    int most, RandomStream& random) {
  const Eigen::Index dimensions = points.rows();
  if (points.cols() <= dimensions) return std::nullopt;
  // Everything in coordinates in which the points have mean 0 and covariance I.
  const Eigen::VectorXd mean = points.rowwise().mean();
  const Eigen::MatrixXd centred = points.colwise() - mean;
  const Eigen::LLT<Eigen::MatrixXd> factor(centred * centred.transpose() / static_cast<double>(points.cols()));
  if (factor.info() != Eigen::Success) return std::nullopt;
  const Eigen::MatrixXd lower = factor.matrixL();
  const auto whiten = [&](const Eigen::MatrixXd& x) -> Eigen::MatrixXd {
    return lower.triangularView<Eigen::Lower>().solve(x.colwise() - mean);
  };
  const Eigen::MatrixXd inside = whiten(points), outside = whiten(others);
  if (!inside.allFinite() || !outside.allFinite()) return std::nullopt;

  GaussianMixture out;
  double best = -INFINITY;
  for (int count = 1; count <= most; count *= 2) {
    const std::vector<Component> fitted = maximise(inside, count, random);
    if (fitted.empty()) break;
    const double now = log_density(fitted, outside).mean();
    if (!(now > best)) break;
    best = now;
    out.components_ = fitted;
  }
  if (out.components_.empty()) return std::nullopt;
  Eigen::MatrixXd all(dimensions, inside.cols() + outside.cols());
  all << inside, outside;
  const std::vector<Component> fitted = maximise(all, static_cast<int>(out.components_.size()), random);
  if (!fitted.empty()) out.components_ = fitted;
  std::vector<Component> widened;
  for (const Component& component : out.components_) {
    for (const Width& width : kWidths) {
      widened.push_back({component.log_weight + std::log(width.share), mean + lower * component.mean,
                         width.factor * lower * component.lower});
    }
  }
  out.components_ = widened;
  return out;
}

double GaussianMixture::log_density(const Eigen::VectorXd& x) const {
  return log_density(components_, Eigen::MatrixXd(x))[0];
}

Eigen::VectorXd GaussianMixture::draw(RandomStream& random) const {
  double left = random.uniform();
  std::size_t k = 0;
  while (k + 1 < components_.size() && left > std::exp(components_[k].log_weight)) {
    left -= std::exp(components_[k].log_weight);
    ++k;
  }
  Eigen::VectorXd u(components_[k].mean.size());
  for (double& value : u) value = random.normal();
  return components_[k].mean + components_[k].lower * u;
}

}  // namespace penumbra
