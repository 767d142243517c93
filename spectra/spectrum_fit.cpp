#include "spectra/spectrum_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <stdexcept>

namespace penumbra {
namespace {

constexpr int kPriorDraws = 200, kMaxSteps = 60;
constexpr double kConverged = 0.01;  // of chi^2
constexpr double kDamped = 1e-2;     // of the normal matrix's diagonal: steps are clearly shorter than without
constexpr auto kWidth = static_cast<Eigen::Index>(kLabelCount);

using Point = std::array<double, kLabelCount>;

std::size_t at(Eigen::Index i) { return static_cast<std::size_t>(i); }

// What is fitted: coordinates, the labels there, limits; `prior`: a unit normal of each counts as one more pixel.
struct Problem {
  std::function<Labels(const Point&)> labels;
  double low, high, step;
  bool prior;
};

// The same of each label's range in the prior.
double range_start(int i) { return kLabels[static_cast<std::size_t>(i)].low; }
double range_width(int i) { return kLabels[static_cast<std::size_t>(i)].high - range_start(i); }

Problem box() {
  return {[](const Point& u) {
            Labels labels;
            for (int i = 0; i < kLabelCount; ++i) {
              labels[static_cast<std::size_t>(i)] = range_start(i) + range_width(i) * u[static_cast<std::size_t>(i)];
            }
            return labels;
          },
          0.0, 1.0, 2e-3, false};
}

Problem latent(const LabelPrior& prior) {
  return {[&prior](const Point& z) { return prior.labels_of(z); }, -6.0, 6.0, 5e-3, true};
}

struct Fit {
  Point point;
  double objective = INFINITY, chi_squared = INFINITY;  // objective: with the prior, where there is one
  Eigen::MatrixXd normal;                               // J^T J at the point, the prior's 1 included
  int evaluations = 0;
};

class Solver {
 public:
  Solver(const SpectrumLikelihood& likelihood, const Problem& problem) : likelihood_(likelihood), problem_(problem) {}

  Fit run(Point start) {
    Fit fit;
    fit.point = start;
    linearise(fit);
    double damping = 1e-3;
    for (int step = 0; step < kMaxSteps; ++step) {
      Point next = fit.point;
      move(fit, damping, next);
      const std::vector<Labels> labels{problem_.labels(next)};
      const double chi_squared = likelihood_.models(labels).chi_squared.front();
      ++fit.evaluations;
      const double gain = fit.objective - (chi_squared + prior_term(next));
      if (gain > 0.0) {
        fit.point = next;
        linearise(fit);
        const bool damped = damping > kDamped;  // a small gain then means a small step
        damping = std::max(1e-9, 0.1 * damping);
        if (gain < kConverged && !damped) break;
      } else {
        damping *= 10.0;
        if (damping > 1e6) break;
      }
    }
    return fit;
  }

 private:
  double prior_term(const Point& point) const {
    return problem_.prior ? std::inner_product(point.begin(), point.end(), point.begin(), 0.0) : 0.0;
  }

  // Objective, gradient and normal matrix at fit.point: a batch of the point and a step along each coordinate.
  void linearise(Fit& fit) {
    std::vector<Labels> labels{problem_.labels(fit.point)};
    Point steps;
    for (std::size_t i = 0; i < kLabelCount; ++i) {
      steps[i] = fit.point[i] + problem_.step <= problem_.high ? problem_.step : -problem_.step;
      Point moved = fit.point;
      moved[i] += steps[i];
      labels.push_back(problem_.labels(moved));
    }
    const SpectrumLikelihood::Models models = likelihood_.models(labels);
    fit.evaluations += static_cast<int>(labels.size());
    fit.chi_squared = models.chi_squared.front();
    fit.objective = fit.chi_squared + prior_term(fit.point);
    Eigen::VectorXd here(kPixelCount), there(kPixelCount);
    likelihood_.residuals(models.flux.data(), here.data());
    Eigen::MatrixXd jacobian(kPixelCount, kWidth);
    for (Eigen::Index i = 0; i < kWidth; ++i) {
      // Off the emulator's range nothing is known of this direction: it stays.
      if (!std::isfinite(models.chi_squared[at(i) + 1])) {
        jacobian.col(i).setZero();
        continue;
      }
      likelihood_.residuals(&models.flux[(at(i) + 1) * kPixelCount], there.data());
      jacobian.col(i) = (there - here) / steps[at(i)];
    }
    fit.normal = jacobian.transpose() * jacobian;
    gradient_ = jacobian.transpose() * here;
    if (!problem_.prior) return;
    fit.normal.diagonal().array() += 1.0;
    for (Eigen::Index i = 0; i < kWidth; ++i) gradient_[i] += fit.point[at(i)];
  }

  // A damped step of the coordinates that are not held: those at a limit whose gradient points beyond it, and those
  // that change nothing.
  void move(const Fit& fit, double damping, Point& next) const {
    std::vector<Eigen::Index> free;
    for (Eigen::Index i = 0; i < kWidth; ++i) {
      const bool held = fit.normal(i, i) == 0.0 || (fit.point[at(i)] <= problem_.low && gradient_[i] > 0.0) ||
                        (fit.point[at(i)] >= problem_.high && gradient_[i] < 0.0);
      if (!held) free.push_back(i);
    }
    Eigen::MatrixXd matrix = fit.normal(free, free);
    matrix.diagonal() *= 1.0 + damping;
    const Eigen::VectorXd change = matrix.ldlt().solve(gradient_(free));
    for (std::size_t f = 0; f < free.size(); ++f) {
      double& x = next[at(free[f])];
      x = std::clamp(x - change[static_cast<Eigen::Index>(f)], problem_.low, problem_.high);
    }
  }

  const SpectrumLikelihood& likelihood_;
  const Problem& problem_;
  Eigen::VectorXd gradient_;  // half of the objective's
};

// The draws of the prior that fit best. z and labels of each.
std::vector<LabelDraw> likely_draws(const SpectrumLikelihood& likelihood, const LabelPrior& prior, int count) {
  std::vector<LabelDraw> draws;
  std::vector<Labels> labels;
  for (std::uint64_t i = 0; i < kPriorDraws; ++i) {
    draws.push_back(prior.draw(0, i));
    labels.push_back(draws.back().labels);
  }
  const std::vector<double> log_likelihood = likelihood.log_likelihood(labels, 1);
  std::vector<std::size_t> order(draws.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, std::greater{}, [&](std::size_t i) { return log_likelihood[i]; });
  std::vector<LabelDraw> best;
  for (const std::size_t i : order) {
    if (std::ssize(best) < count && std::isfinite(log_likelihood[i])) best.push_back(draws[i]);
  }
  if (best.empty()) throw std::invalid_argument("fit_spectrum: the emulator has no spectrum of any star of the prior");
  return best;
}

Fit best_fit(const SpectrumLikelihood& likelihood, const Problem& problem, const std::vector<Point>& starts) {
  Fit best;
  int evaluations = kPriorDraws;
  for (const Point& start : starts) {
    Fit fit = Solver(likelihood, problem).run(start);
    evaluations += fit.evaluations;
    if (fit.objective < best.objective) best = std::move(fit);
  }
  best.evaluations = evaluations;
  return best;
}

}  // namespace

SpectrumFit fit_spectrum(const SpectrumLikelihood& likelihood, const LabelPrior& prior, int starts) {
  const Problem problem = box();
  std::vector<Point> points;
  for (const LabelDraw& draw : likely_draws(likelihood, prior, starts)) {
    Point u;
    for (int i = 0; i < kLabelCount; ++i) {
      u[static_cast<std::size_t>(i)] = (draw.labels[static_cast<std::size_t>(i)] - range_start(i)) / range_width(i);
    }
    points.push_back(u);
  }
  const Fit fit = best_fit(likelihood, problem, points);
  SpectrumFit out{problem.labels(fit.point), {}, fit.chi_squared, fit.evaluations};
  out.error.fill(NAN);
  std::vector<Eigen::Index> inside;
  for (Eigen::Index i = 0; i < kWidth; ++i) {
    const double u = fit.point[at(i)];
    if (u > problem.low && u < problem.high && fit.normal(i, i) > 0.0) inside.push_back(i);
  }
  const Eigen::MatrixXd known = fit.normal(inside, inside);
  const Eigen::MatrixXd covariance = known.ldlt().solve(Eigen::MatrixXd::Identity(known.rows(), known.cols()));
  for (std::size_t k = 0; k < inside.size(); ++k) {
    const auto d = static_cast<Eigen::Index>(k);
    out.error[at(inside[k])] = range_width(static_cast<int>(inside[k])) * std::sqrt(covariance(d, d));
  }
  return out;
}

PosteriorMode fit_posterior(const SpectrumLikelihood& likelihood, const LabelPrior& prior, int starts) {
  const Problem problem = latent(prior);
  std::vector<Point> points;
  for (const LabelDraw& draw : likely_draws(likelihood, prior, starts)) points.push_back(draw.z);
  const Fit fit = best_fit(likelihood, problem, points);
  return {fit.point, fit.normal.ldlt().solve(Eigen::MatrixXd::Identity(kWidth, kWidth)), fit.chi_squared,
          fit.evaluations};
}

}  // namespace penumbra
