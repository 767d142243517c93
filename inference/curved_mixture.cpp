#include "inference/curved_mixture.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace penumbra {
namespace {

constexpr Eigen::Index kCubic = 5;  // scores that have terms of the third degree: the widest
constexpr double kRange = 4.0;      // beyond it polynomials go on as constants
constexpr double kRidge = 1.0;      // as if so many points told that a coefficient of scores of variance 1 is 0

// The terms of f, in the order of the last score that each needs, so that f_k has those at the front.
// Calls term(degree, score, earlier, earliest) for each that score k adds; -1: none.
template <class Term>
void for_each_term(Eigen::Index k, Term&& term) {
  term(1, k, -1, -1);
  for (Eigen::Index i = 0; i <= k; ++i) {
    term(2, k, i, -1);
    if (k >= kCubic) continue;
    for (Eigen::Index j = 0; j <= i; ++j) term(3, k, i, j);
  }
}

Eigen::Index terms_before(Eigen::Index k) {
  Eigen::Index count = 1;  // the constant
  for (Eigen::Index i = 0; i < k; ++i) for_each_term(i, [&](auto...) { ++count; });
  return count;
}

// Writes the terms that score k adds, behind the `used` ones of the scores before.
void append_terms(const Eigen::VectorXd& z, Eigen::Index k, Eigen::VectorXd& terms, Eigen::Index& used) {
  const auto at = [&](Eigen::Index i) { return i < 0 ? 1.0 : std::clamp(z[i], -kRange, kRange); };
  for_each_term(k, [&](int, Eigen::Index a, Eigen::Index b, Eigen::Index c) { terms[used++] = at(a) * at(b) * at(c); });
}

// Of each column of z.
Eigen::MatrixXd terms_of(const Eigen::MatrixXd& z) {
  const Eigen::Index count = terms_before(z.rows());
  Eigen::MatrixXd out(count, z.cols());
  Eigen::VectorXd terms(count);
  terms[0] = 1.0;
  for (Eigen::Index s = 0; s < z.cols(); ++s) {
    Eigen::Index used = 1;
    for (Eigen::Index k = 0; k < z.rows(); ++k) append_terms(z.col(s), k, terms, used);
    out.col(s) = terms;
  }
  return out;
}

// Least squares of score k by the terms of the scores before it up to `degree`; 0 for the others.
Eigen::VectorXd regress(const Eigen::MatrixXd& terms, const Eigen::MatrixXd& z, Eigen::Index k, int degree) {
  std::vector<Eigen::Index> used{0};
  Eigen::Index count = 1;
  for (Eigen::Index i = 0; i < k; ++i) {
    for_each_term(i, [&](int of_term, auto...) {
      if (of_term <= degree) used.push_back(count);
      ++count;
    });
  }
  const Eigen::MatrixXd x = terms(used, Eigen::all);
  Eigen::MatrixXd normal = x * x.transpose();
  normal.diagonal().array() += kRidge;
  const Eigen::VectorXd f = normal.llt().solve(x * z.row(k).transpose());
  Eigen::VectorXd out = Eigen::VectorXd::Zero(count);
  out(used) = f;
  return out;
}

}  // namespace

std::optional<CurvedMixture> CurvedMixture::fit(const Eigen::MatrixXd& points, const Eigen::MatrixXd& others, int most,
                                                RandomStream& random) {
  const Eigen::Index dimensions = points.rows();
  if (points.cols() <= dimensions) return std::nullopt;
  Eigen::MatrixXd all(dimensions, points.cols() + others.cols());
  all << points, others;
  CurvedMixture out;
  out.mean_ = all.rowwise().mean();
  const Eigen::MatrixXd centred = all.colwise() - out.mean_;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> axes(centred * centred.transpose() /
                                                            static_cast<double>(all.cols()));
  if (!(axes.eigenvalues()[0] > std::numeric_limits<double>::epsilon() * axes.eigenvalues()[dimensions - 1]))
    return std::nullopt;
  const Eigen::VectorXd width = axes.eigenvalues().reverse().cwiseSqrt();
  const Eigen::MatrixXd vectors = axes.eigenvectors().rowwise().reverse();  // the widest first
  out.axes_ = width.cwiseInverse().asDiagonal() * vectors.transpose();
  out.inverse_ = vectors * width.asDiagonal();
  out.log_volume_ = -width.array().log().sum();

  const Eigen::MatrixXd z = out.axes_ * centred, terms = terms_of(z);
  const Eigen::Index inside = points.cols(), outside = others.cols();
  for (Eigen::Index k = 0; k < dimensions; ++k) {
    int best_degree = 0;
    double best = INFINITY;
    for (const int degree : {0, 2, 3}) {
      const Eigen::VectorXd f = regress(terms.leftCols(inside), z.leftCols(inside), k, degree);
      const double squares = (z.row(k) - f.transpose() * terms.topRows(f.size())).rightCols(outside).squaredNorm();
      if (!(squares < best)) continue;
      best = squares;
      best_degree = degree;
    }
    out.coefficients_.push_back(regress(terms, z, k, best_degree));
  }
  out.mixture_ = GaussianMixture::fit(out.straighten(points), out.straighten(others), most, random);
  return out.mixture_ ? std::optional(out) : std::nullopt;
}

Eigen::VectorXd CurvedMixture::straight(const Eigen::VectorXd& x) const {
  const Eigen::VectorXd z = axes_ * (x - mean_);
  Eigen::VectorXd y(z.size()), terms(coefficients_.back().size());
  terms[0] = 1.0;
  Eigen::Index used = 1;
  for (Eigen::Index k = 0; k < z.size(); ++k) {
    y[k] = z[k] - coefficients_[static_cast<std::size_t>(k)].dot(terms.head(used));
    if (k + 1 < z.size()) append_terms(z, k, terms, used);
  }
  return y;
}

Eigen::VectorXd CurvedMixture::curved(const Eigen::VectorXd& y) const {
  Eigen::VectorXd z(y.size()), terms(coefficients_.back().size());
  terms[0] = 1.0;
  Eigen::Index used = 1;
  for (Eigen::Index k = 0; k < y.size(); ++k) {
    z[k] = y[k] + coefficients_[static_cast<std::size_t>(k)].dot(terms.head(used));
    if (k + 1 < y.size()) append_terms(z, k, terms, used);
  }
  return mean_ + inverse_ * z;
}

Eigen::MatrixXd CurvedMixture::straighten(const Eigen::MatrixXd& x) const {
  Eigen::MatrixXd out(x.rows(), x.cols());
  for (Eigen::Index s = 0; s < x.cols(); ++s) out.col(s) = straight(x.col(s));
  return out;
}

double CurvedMixture::log_density(const Eigen::VectorXd& x) const {
  return mixture_->log_density(straight(x)) + log_volume_;
}

}  // namespace penumbra
