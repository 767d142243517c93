#include "experiments/ablation/independent_prior.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "base/error.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "sim/constants.h"
#include "sim/special_functions.h"
#include "sim/system.h"

namespace penumbra {
namespace {

constexpr double kStep = 0.1;         // of z
constexpr double kLeastBeyond = 5.0;  // values of the sample beyond its outermost quantiles
constexpr std::array kLogarithmic{kMsum, kRsumFrac, kEccentricity, kTeff1, kTeff2, kRadius1, kRadius2, kDistance};

}  // namespace

MarginalMap::MarginalMap(std::vector<double> values, bool logarithmic) : logarithmic_(logarithmic) {
  if (values.size() < 1000) throw std::invalid_argument("MarginalMap: fewer than 1000 values");
  std::sort(values.begin(), values.end());
  const double count = static_cast<double>(values.size()), end = -normal_quantile(kLeastBeyond / count);
  const int pieces = static_cast<int>(2.0 * end / kStep);
  for (int i = 0; i <= pieces; ++i) {
    const double z = end * (2.0 * i / pieces - 1.0), at = normal_cdf(z) * count;
    const double x = values[std::min(static_cast<std::size_t>(at), values.size() - 1)];
    const double y = logarithmic ? std::log(x) : x;
    if (!y_.empty() && !(y > y_.back())) continue;  // ties
    z_.push_back(z);
    y_.push_back(y);
  }
}

std::size_t MarginalMap::piece_of(const std::vector<double>& edges, double value) {
  const auto above = std::upper_bound(edges.begin() + 1, edges.end() - 1, value) - edges.begin();
  return static_cast<std::size_t>(above) - 1;
}

double MarginalMap::value(double z) const {
  const std::size_t i = piece_of(z_, z);
  const double y = y_[i] + slope(i) * (z - z_[i]);
  return logarithmic_ ? std::exp(y) : y;
}

double MarginalMap::normal(double x) const {
  const double y = logarithmic_ ? std::log(x) : x;
  const std::size_t i = piece_of(y_, y);
  return z_[i] + (y - y_[i]) / slope(i);
}

double MarginalMap::log_density(double x) const {
  const double y = logarithmic_ ? std::log(x) : x;
  return log_normal_pdf(normal(x)) - std::log(slope(piece_of(y_, y))) - (logarithmic_ ? y : 0.0);
}

IndependentPrior::IndependentPrior(const Prior& prior, std::uint64_t seed, std::size_t draws, int threads) {
  std::vector<Theta> thetas(draws * kParameterCount);
  parallel_for(thetas.size(), threads, [&](std::size_t n) { thetas[n] = prior.draw(seed, n).theta; });
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    std::vector<double> values;
    values.reserve(thetas.size());
    for (const Theta& theta : thetas) values.push_back(theta[p]);
    marginal_.emplace_back(std::move(values), std::ranges::find(kLogarithmic, p) != kLogarithmic.end());
  }
}

Theta IndependentPrior::theta(const Latent& z, double period_day) const {
  Theta out;
  for (std::size_t p = 0; p < kParameterCount; ++p) out[p] = marginal_[p].value(z[p]);
  if (!std::isnan(period_day))
    out[kRsumFrac] = (out[kRadius1] + out[kRadius2]) / sma_from_period_rsun(period_day, out[kMsum]);
  return out;
}

Latent IndependentPrior::latent(const Theta& theta) const {
  Latent out;
  for (std::size_t p = 0; p < kParameterCount; ++p) out[p] = marginal_[p].normal(theta[p]);
  return out;
}

Theta IndependentPrior::complete(std::size_t system, const ChainCoordinates& coordinates, EnsemblePoint& point) const {
  const std::vector<std::size_t> unread = coordinates.unread();
  Theta out;
  if (system == 0) {
    out = theta(point.at[0], coordinates.period_day());
    point.at[1] = coordinates.point(out, point.at[0]);
  } else {
    out = coordinates.theta(point.at[1]);
    point.at[0] = latent(out);
    for (const std::size_t d : unread) point.at[0][d] = point.at[1][d];
  }
  double log_density = coordinates.log_volume(out);
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    const bool read = std::ranges::find(unread, p) == unread.end();
    log_density += read ? marginal_[p].log_density(out[p]) : log_normal_pdf(point.at[0][p]);
  }
  point.log_start = {log_unit_normal(point.at[0]), log_density};
  return out;
}

// |d rsumfrac / d ln P| = 2/3 rsumfrac.
double IndependentPrior::log_period_density(const Theta& theta) const {
  return marginal_[kRsumFrac].log_density(theta[kRsumFrac]) + std::log(2.0 / 3.0 * theta[kRsumFrac]);
}

PriorPosterior sample_under_independent_prior(const IndependentPrior& prior, const ExactPosterior& exact,
                                              const ChainCoordinates& coordinates, const std::vector<Theta>& near,
                                              const IndependentRun& run, RandomStream random) {
  const bool period_known = !std::isnan(coordinates.period_day());
  const BatchDensity density = [&](std::size_t system, std::span<EnsemblePoint> points) {
    std::vector<Theta> theta;
    for (EnsemblePoint& point : points) theta.push_back(prior.complete(system, coordinates, point));
    std::vector<double> value(points.size());
    exact.log_likelihood(theta, value);
    for (std::size_t s = 0; s < points.size(); ++s) {
      // Beyond its marginal's ends omega leaves the turn and would stand for a binary that is there already.
      const bool one_turn = theta[s][kOmega] >= 0.0 && theta[s][kOmega] < kTwoPi;
      points[s].log_rest = one_turn ? value[s] + (period_known ? prior.log_period_density(theta[s]) : 0.0) : -INFINITY;
    }
  };

  EnsembleOptions options;
  options.populations = 2;
  options.budget = run.budget;
  options.unread = coordinates.unread();
  options.mirrored = {kOmega};
  Progress progress(run.name, static_cast<std::uint64_t>(run.budget));
  options.progress = [&](std::int64_t evaluations, double, double) {
    progress.set(static_cast<std::uint64_t>(std::min(evaluations, run.budget)));
  };
  const auto count = static_cast<std::size_t>(options.populations) * static_cast<std::size_t>(options.walkers);
  std::vector<EnsemblePoint> points(near.size());
  for (std::size_t s = 0; s < near.size(); ++s) {
    points[s].at[0] = prior.latent(near[s]);
    for (const std::size_t d : options.unread) points[s].at[0][d] = random.normal();
  }
  density(0, points);
  const std::optional<EnsembleStart> start =
      start_near(density, std::move(points), options.unread, count, run.threads, random);
  if (!start) {
    throw UserError(fmt::format("{}: expected {} draws under the hierarchical prior that it allows too, of {}",
                                run.name, count, near.size()));
  }

  const EnsembleChain chain = sample_ensemble({*start}, options, random);
  PriorPosterior out{{}, chain.r_hat, chain.effective_size, chain.evaluations, chain.converged};
  for (const std::size_t s : thinned(chain, run.draws, random))
    out.theta.push_back(prior.theta(chain.draws[s].at[0], coordinates.period_day()));
  return out;
}

double possible_share(const Prior& prior, const std::vector<Theta>& draws) {
  const auto possible = std::ranges::count_if(draws, [&](Theta theta) {
    StellarState star[2];
    if (!stars_on_tracks(prior.view().tracks, theta, star)) return false;
    theta[kLogL1] = star[0].log_l;
    theta[kLogL2] = star[1].log_l;
    return std::isfinite(prior.log_density(theta));
  });
  return static_cast<double>(possible) / static_cast<double>(draws.size());
}

}  // namespace penumbra
