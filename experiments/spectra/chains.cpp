#include "experiments/spectra/chains.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "base/interrupt.h"
#include "inference/ensemble_mcmc.h"

namespace penumbra {
namespace {

LabelLatent moved(const LabelLatent& from, const Eigen::MatrixXd& root, double scale, RandomStream& random) {
  Eigen::VectorXd unit(kLabelCount);
  for (double& u : unit) u = scale * random.normal();
  const Eigen::VectorXd step = root * unit;
  LabelLatent to = from;
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += step[static_cast<Eigen::Index>(i)];
  return to;
}

void diagnose(Chains& chains, int width) {
  chains.r_hat = 0.0;
  double time = 1.0;
  std::vector<double> x(chains.draws.size());
  for (std::size_t i = 0; i < kLabelCount; ++i) {
    for (std::size_t s = 0; s < x.size(); ++s) x[s] = chains.draws[s][i];
    chains.r_hat = std::max(chains.r_hat, split_r_hat(x, width));
    time = std::max(time, autocorrelation_time(x, width));
  }
  chains.effective_size = static_cast<double>(chains.draws.size()) / time;
}

}  // namespace

Chains run_chains(const ChainDensity& density, const LabelLatent& mode, const Eigen::MatrixXd& covariance,
                  const ChainOptions& options, RandomStream& random) {
  const Eigen::MatrixXd root = Eigen::LLT<Eigen::MatrixXd>(covariance).matrixL();
  const double step = 2.38 / std::sqrt(static_cast<double>(kLabelCount));
  const auto width = static_cast<std::size_t>(options.chains);
  std::vector<LabelLatent> now, next(width);
  for (std::size_t c = 0; c < width; ++c) now.push_back(moved(mode, root, std::sqrt(2.0), random));
  std::vector<double> log_density = density(now);
  Chains chains{{}, INFINITY, 0.0, 0.0, static_cast<long>(width), false};
  for (int length = options.first_round; !chains.converged && chains.evaluations < options.budget; length *= 2) {
    chains.draws.clear();
    long accepted = 0, proposed = 0;
    for (int s = 0; s < length && chains.evaluations < options.budget; ++s) {
      throw_if_interrupted();
      for (std::size_t c = 0; c < width; ++c) next[c] = moved(now[c], root, step, random);
      const std::vector<double> there = density(next);
      for (std::size_t c = 0; c < width; ++c) {
        ++proposed;
        if (!(std::log(random.uniform()) < there[c] - log_density[c])) continue;
        ++accepted;
        now[c] = next[c];
        log_density[c] = there[c];
      }
      chains.evaluations += static_cast<long>(width);
      chains.draws.insert(chains.draws.end(), now.begin(), now.end());
    }
    if (chains.draws.size() < 4 * width) break;  // too few to say anything
    chains.acceptance = static_cast<double>(accepted) / static_cast<double>(proposed);
    diagnose(chains, options.chains);
    chains.converged = chains.r_hat <= options.r_hat && chains.effective_size >= options.effective_size;
  }
  return chains;
}

}  // namespace penumbra
