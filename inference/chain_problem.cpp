#include "inference/chain_problem.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"

namespace penumbra {

ChainProblem::ChainProblem(const Simulator& simulator, const Observation& observation, const ExactPosterior& posterior,
                           int threads)
    : prior_(simulator.prior()),
      posterior_(posterior),
      coordinates_(simulator.prior(), observation.period_day),
      threads_(threads) {}

void ChainProblem::density(std::size_t system, std::span<EnsemblePoint> points) const {
  // The prior, and what it leaves to be judged by the data.
  std::vector<Theta> theta(points.size());
  std::vector<double> rest(points.size(), -INFINITY);
  parallel_for(points.size(), threads_, [&](std::uint64_t s) {
    EnsemblePoint& point = points[s];
    if (system == 0) {
      if (prior_.theta_from_latent(point.at[0], coordinates_.period_day(), theta[s]) != Status::kOk) return;
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

BatchDensity ChainProblem::batch_density() const {
  return [this](std::size_t system, std::span<EnsemblePoint> points) { density(system, points); };
}

EnsembleStart ChainProblem::start_from_prior(std::size_t count, RandomStream& random) const {
  const BatchDensity density = batch_density();
  return {density, draw_start(density, count, random)};
}

std::optional<EnsembleStart> ChainProblem::start_from_samples(std::span<const Latent> z, std::size_t least,
                                                              RandomStream& random) const {
  std::vector<EnsemblePoint> points(z.size());
  for (std::size_t s = 0; s < z.size(); ++s) points[s].at[0] = z[s];
  density(0, points);
  return start_near(batch_density(), std::move(points), coordinates_.unread(), least, threads_, random);
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
