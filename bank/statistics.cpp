#include "bank/statistics.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

namespace penumbra {
namespace {

constexpr double kScale = 0.1, kBound = 5.0;

double cost_of(const std::vector<double>& residuals) {
  double cost = 0.0;
  for (const double r : residuals) cost += 2.0 * (std::sqrt(1.0 + (r / kScale) * (r / kScale)) - 1.0);
  return cost;
}

}  // namespace

std::vector<double> quantiles(std::vector<double> values, std::size_t nodes) {
  std::sort(values.begin(), values.end());
  std::vector<double> out(nodes);
  for (std::size_t i = 0; i < nodes; ++i) {
    const double position =
        static_cast<double>(i) / static_cast<double>(nodes - 1) * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    out[i] = values[below] + (position - static_cast<double>(below)) * (values[above] - values[below]);
  }
  return out;
}

double median(std::vector<double> values) { return quantiles(std::move(values), 3)[1]; }

double robust_deviation(const std::vector<double>& values) {
  const double centre = median(values);
  std::vector<double> distance = values;
  for (double& v : distance) v = std::abs(v - centre);
  return 1.4826 * median(std::move(distance));
}

std::vector<double> fit_robustly(const std::function<std::vector<double>(const std::vector<double>&)>& residuals,
                                 std::vector<double> start) {
  constexpr int kSteps = 200;
  constexpr double kDifference = 1e-6, kEnough = 1e-10;
  const auto parameters = static_cast<Eigen::Index>(start.size());
  std::vector<double> best = std::move(start), value = residuals(best);
  double cost = cost_of(value), damping = 1e-3;
  for (int step = 0; step < kSteps && damping < 1e12; ++step) {
    Eigen::MatrixXd jacobian(static_cast<Eigen::Index>(value.size()), parameters);
    for (Eigen::Index p = 0; p < parameters; ++p) {
      std::vector<double> moved = best;
      moved[static_cast<std::size_t>(p)] += kDifference;
      const std::vector<double> there = residuals(moved);
      for (std::size_t i = 0; i < value.size(); ++i) {
        jacobian(static_cast<Eigen::Index>(i), p) = (there[i] - value[i]) / kDifference;
      }
    }
    Eigen::VectorXd residual = Eigen::Map<const Eigen::VectorXd>(value.data(), jacobian.rows());
    const Eigen::VectorXd weight = (1.0 + (residual.array() / kScale).square()).rsqrt();
    const Eigen::MatrixXd normal = jacobian.transpose() * weight.asDiagonal() * jacobian;
    const Eigen::VectorXd gradient = jacobian.transpose() * (weight.asDiagonal() * residual);
    const double before = cost;
    bool better = false;
    while (!better && damping < 1e12) {
      Eigen::MatrixXd damped = normal;
      damped.diagonal() += damping * (normal.diagonal().array() + 1e-9).matrix();
      const Eigen::VectorXd move = damped.ldlt().solve(-gradient);
      std::vector<double> next = best;
      for (std::size_t p = 0; p < next.size(); ++p) {
        next[p] = std::clamp(next[p] + move[static_cast<Eigen::Index>(p)], -kBound, kBound);
      }
      std::vector<double> there = residuals(next);
      const double cost_there = cost_of(there);
      better = cost_there < cost;
      damping = better ? std::max(damping * 0.25, 1e-9) : damping * 4.0;
      if (!better) continue;
      best = std::move(next);
      value = std::move(there);
      cost = cost_there;
    }
    if (before - cost <= kEnough * before) break;
  }
  return best;
}

}  // namespace penumbra
