#include "inference/bridge_sampling.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "inference/curved_mixture.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr std::size_t kSystem = 1;  // of coordinates
constexpr int kMaxIterations = 1000, kMostComponents = 64;
constexpr std::size_t kMostFitted = 16384;  // draws that the mixture is fitted to

struct Moments {
  double mean, relative_variance;  // variance over the squared mean
};

Moments moments(const std::vector<double>& x) {
  const double count = static_cast<double>(x.size());
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / count;
  double squares = 0.0;
  for (const double value : x) squares += (value - mean) * (value - mean) / count;
  return {mean, squares / (mean * mean)};
}

}  // namespace

LogEvidence bridge_evidence(const BatchDensity& density, const EnsembleChain& chain,
                            const std::vector<std::size_t>& unread, std::size_t proposals, RandomStream& random) {
  if (!(chain.effective_size > 0.0)) return {};
  const std::vector<std::size_t> read = read_coordinates(unread);
  const auto dimensions = std::ssize(read);
  const auto coordinates = [&](const EnsemblePoint& point) {
    Eigen::VectorXd x(dimensions);
    for (Eigen::Index k = 0; k < dimensions; ++k) x[k] = point.at[kSystem][read[static_cast<std::size_t>(k)]];
    return x;
  };
  // The unread coordinates' own unit normal is left out on both sides.
  const auto log_density = [&](const EnsemblePoint& point) {
    double sum = point.log_density(kSystem);
    for (const std::size_t d : unread) sum += 0.5 * (std::pow(point.at[kSystem][d], 2) + std::log(kTwoPi));
    return sum;
  };

  std::vector<const EnsemblePoint*> fitted, bridged;
  const auto walkers = static_cast<std::size_t>(chain.walkers);
  const std::size_t thinning = chain.draws.size() / 2 / kMostFitted + 1;  // of generations
  for (std::size_t s = 0; s < chain.draws.size(); ++s) {
    if (s % walkers % 2 == 1) bridged.push_back(&chain.draws[s]);
    if (s % walkers % 2 == 0 && s / walkers % thinning == 0) fitted.push_back(&chain.draws[s]);
  }
  Eigen::MatrixXd half[2];
  for (std::size_t side = 0; side < 2; ++side) {
    half[side].resize(dimensions, std::ssize(fitted) / 2);
    for (Eigen::Index i = 0; i < half[side].cols(); ++i)
      half[side].col(i) = coordinates(*fitted[2 * static_cast<std::size_t>(i) + side]);
  }
  const std::optional<CurvedMixture> mixture = CurvedMixture::fit(half[0], half[1], kMostComponents, random);
  if (!mixture) return {};

  // ln of density over the mixture's, of either kind of draws.
  std::vector<EnsemblePoint> drawn(proposals);
  std::vector<double> drawn_ratio, bridged_ratio;
  for (EnsemblePoint& point : drawn) {
    const Eigen::VectorXd x = mixture->draw(random);
    for (Eigen::Index k = 0; k < dimensions; ++k) point.at[kSystem][read[static_cast<std::size_t>(k)]] = x[k];
    for (const std::size_t d : unread) point.at[kSystem][d] = random.normal();
  }
  density(kSystem, drawn);
  const auto log_ratio = [&](const EnsemblePoint& point) {
    return log_density(point) - mixture->log_density(coordinates(point));
  };
  for (const EnsemblePoint& point : drawn) drawn_ratio.push_back(log_ratio(point));
  for (const EnsemblePoint* point : bridged) bridged_ratio.push_back(log_ratio(*point));

  // Their equation 4.1, iterated; everything relative to ln of the evidence so far.
  std::vector<double> sorted = bridged_ratio;
  std::nth_element(sorted.begin(), sorted.begin() + std::ssize(sorted) / 2, sorted.end());
  LogEvidence out{sorted[sorted.size() / 2], INFINITY};
  const double n1 = 0.5 * chain.effective_size, n2 = static_cast<double>(proposals);
  const double s1 = n1 / (n1 + n2), s2 = n2 / (n1 + n2);
  for (int step = 0; step < kMaxIterations; ++step) {
    std::vector<double> density_over_both, proposal_over_both;
    for (const double ratio : drawn_ratio) {
      const double odds = std::exp(std::min(ratio - out.value, 700.0));
      density_over_both.push_back(odds / (s1 * odds + s2));
    }
    for (const double ratio : bridged_ratio)
      proposal_over_both.push_back(1.0 / (s1 * std::exp(std::min(ratio - out.value, 700.0)) + s2));
    const Moments top = moments(density_over_both), bottom = moments(proposal_over_both);
    if (!(top.mean > 0.0)) return {};
    const double change = std::log(top.mean / bottom.mean);
    out.value += change;
    out.error = std::sqrt(top.relative_variance / n2 + bottom.relative_variance / n1);
    if (std::abs(change) < 1e-8) break;
  }
  return out;
}

}  // namespace penumbra
