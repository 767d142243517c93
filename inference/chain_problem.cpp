#include "inference/chain_problem.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/parallel.h"
#include "inference/curved_mixture.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr int kMostComponents = 64;

// Coordinates of the second system.
Eigen::VectorXd second_coordinates(const EnsemblePoint& point, const std::vector<std::size_t>& chosen) {
  Eigen::VectorXd out(std::ssize(chosen));
  for (Eigen::Index k = 0; k < out.size(); ++k) out[k] = point.at[1][chosen[static_cast<std::size_t>(k)]];
  return out;
}

}  // namespace

ChainProblem::ChainProblem(const Simulator& simulator, const Observation& observation, const ExactPosterior& posterior,
                           int threads)
    : prior_(simulator.prior()),
      posterior_(posterior),
      coordinates_(simulator.prior(), observation.period_day),
      period_day_(observation.period_day),
      threads_(threads) {}

void ChainProblem::density(std::size_t system, std::span<EnsemblePoint> points) const {
  // The prior, and what it leaves to be judged by the data.
  std::vector<Theta> theta(points.size());
  std::vector<double> rest(points.size(), -INFINITY);
  parallel_for(points.size(), threads_, [&](std::uint64_t s) {
    EnsemblePoint& point = points[s];
    if (system == 0) {
      if (prior_.theta_from_latent(point.at[0], period_day_, theta[s]) != Status::kOk) return;
      point.at[1] = coordinates_.point(theta[s], point.at[0]);
    } else {
      theta[s] = coordinates_.theta(point.at[1]);
    }
    const double log_prior = coordinates_.log_prior(point.at[1], theta[s]);
    if (!std::isfinite(log_prior)) return;
    if (system == 1) point.at[0] = coordinates_.latent(point.at[1], theta[s]);
    const double log_normal = log_unit_normal(point.at[0]);
    rest[s] = posterior_.log_prior(point.at[0], theta[s]) - log_normal;
    point.log_start = {log_normal, log_prior - rest[s]};
  });
  std::vector<std::size_t> inside;
  std::vector<Theta> judged;
  for (std::size_t s = 0; s < points.size(); ++s) {
    if (!std::isfinite(rest[s])) continue;
    inside.push_back(s);
    judged.push_back(theta[s]);
  }
  std::vector<double> value(inside.size());
  posterior_.log_likelihood(judged, value);
  for (std::size_t i = 0; i < inside.size(); ++i) points[inside[i]].log_rest = rest[inside[i]] + value[i];
}

EnsembleStart ChainProblem::start_from_prior(std::size_t count, RandomStream& random) const {
  const BatchDensity density = [this](std::size_t system, std::span<EnsemblePoint> points) {
    this->density(system, points);
  };
  return {density, draw_start(density, count, random)};
}

std::optional<EnsembleStart> ChainProblem::start_from_samples(std::span<const Latent> z, std::size_t least,
                                                              RandomStream& random) const {
  EnsembleStart start;
  start.points.resize(z.size());
  for (std::size_t s = 0; s < z.size(); ++s) start.points[s].at[0] = z[s];
  density(0, start.points);
  std::erase_if(start.points, [](const EnsemblePoint& point) { return !std::isfinite(point.log_density(0)); });
  if (start.points.size() < least) return std::nullopt;

  const std::vector<std::size_t> unread = coordinates_.unread(), read = read_coordinates(unread);
  Eigen::MatrixXd half[2];
  for (std::size_t side = 0; side < 2; ++side) {
    half[side].resize(std::ssize(read), std::ssize(start.points) / 2);
    for (Eigen::Index i = 0; i < half[side].cols(); ++i)
      half[side].col(i) = second_coordinates(start.points[2 * static_cast<std::size_t>(i) + side], read);
  }
  std::optional<CurvedMixture> fitted = CurvedMixture::fit(half[0], half[1], kMostComponents, random);
  if (!fitted) return std::nullopt;

  // Moves the boundary between the two parts of the density from the prior to the mixture.
  const auto divide = [this, unread, read, mixture = std::make_shared<const CurvedMixture>(std::move(*fitted))](
                          std::span<EnsemblePoint> points) {
    parallel_for(points.size(), threads_, [&](std::uint64_t s) {
      EnsemblePoint& point = points[s];
      if (!std::isfinite(point.log_rest)) return;
      double log_start = mixture->log_density(second_coordinates(point, read));
      for (const std::size_t d : unread) log_start -= 0.5 * (point.at[1][d] * point.at[1][d] + std::log(kTwoPi));
      const double shift = log_start - point.log_start[1];
      for (double& part : point.log_start) part += shift;
      point.log_rest -= shift;
    });
  };
  divide(start.points);
  start.density = [this, divide](std::size_t system, std::span<EnsemblePoint> points) {
    density(system, points);
    divide(points);
  };
  return start;
}

PosteriorSamples ChainProblem::samples(const EnsembleChain& chain, std::size_t count, RandomStream& random) const {
  PosteriorSamples out;
  for (const std::size_t s : thinned(chain, count, random)) {
    const EnsemblePoint& point = chain.draws[s];
    const Theta theta = coordinates_.theta(point.at[1]);
    out.theta.push_back(theta);
    out.z.push_back(point.at[0]);
    out.log_prior.push_back(log_unit_normal(point.at[0]));
    out.log_density.push_back(point.log_density(0));
    out.log_likelihood.push_back(out.log_density.back() - posterior_.log_prior(point.at[0], theta));
  }
  return out;
}

}  // namespace penumbra
