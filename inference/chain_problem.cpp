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
    point.log_prior = {log_normal, log_prior - rest[s]};
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
  for (std::size_t i = 0; i < inside.size(); ++i) points[inside[i]].log_likelihood = rest[inside[i]] + value[i];
}

PosteriorSamples ChainProblem::samples(const EnsembleChain& chain, std::size_t count, RandomStream& random) const {
  PosteriorSamples out;
  for (const std::size_t s : thinned(chain, count, random)) {
    const EnsemblePoint& point = chain.draws[s];
    const Theta theta = coordinates_.theta(point.at[1]);
    const double log_density = point.log_prior[0] + point.log_likelihood;
    out.theta.push_back(theta);
    out.z.push_back(point.at[0]);
    out.log_prior.push_back(point.log_prior[0]);
    out.log_likelihood.push_back(log_density - posterior_.log_prior(point.at[0], theta));
    out.log_density.push_back(log_density);
  }
  return out;
}

}  // namespace penumbra
