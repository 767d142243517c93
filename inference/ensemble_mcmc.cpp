#include "inference/ensemble_mcmc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "inference/importance.h"

namespace penumbra {
namespace {

constexpr double kDimensions = kParameterCount;
constexpr double kStretchShare = 0.2, kJumpShare = 0.05;  // of the moves; the rest is differential evolution
constexpr double kStretch = 2.0;                          // a of Goodman and Weare
constexpr double kJitter = 1e-5;
// Between two rises of the likelihood's power each walker moves so often on average, or the generations are spent:
// resampled walkers that have not parted again would span no volume.
constexpr int kMovesPerRise = 3, kMaxGenerationsPerRise = 40;
constexpr double kLeastEffectiveShare = 0.6;  // of the walkers, when it rises
constexpr int kGenerationsPerCheck = 50;
constexpr std::size_t kMaxLagged = 1000;  // generations, after thinning, in an autocorrelation

using Walkers = std::vector<EnsemblePoint>;

void resample_by(std::span<const double> weight, Walkers& walkers, RandomStream& random) {
  const Walkers old = walkers;
  const std::vector<std::size_t> chosen = resample(weight, old.size(), random);
  for (std::size_t w = 0; w < old.size(); ++w) walkers[w] = old[chosen[w]];
}

class Ensemble {
 public:
  Ensemble(const BatchDensity& density, Walkers walkers, RandomStream& random)
      : density_(density), walkers_(std::move(walkers)), random_(random) {}

  const Walkers& walkers() const { return walkers_; }
  Walkers& walkers() { return walkers_; }
  std::int64_t evaluations() const { return evaluations_; }

  // Each walker proposes once, each half in one of the systems of coordinates; returns how many moved. power: of the
  // likelihood.
  int advance(double power) {
    const std::size_t half = walkers_.size() / 2;
    int accepted = 0;
    proposal_.resize(half);
    log_factor_.resize(half);
    for (const std::size_t first : {std::size_t{0}, half}) {
      const std::size_t system = random_.uniform() < 0.5 ? 0 : 1;
      for (std::size_t w = 0; w < half; ++w)
        log_factor_[w] = propose(walkers_[first + w].at[system], system, half - first, half, proposal_[w]);
      density_(system, proposal_);
      evaluations_ += static_cast<std::int64_t>(half);
      for (std::size_t w = 0; w < half; ++w) {
        EnsemblePoint& old = walkers_[first + w];
        const EnsemblePoint& now = proposal_[w];
        const double change =
            now.log_prior[system] + power * now.log_likelihood - (old.log_prior[system] + power * old.log_likelihood);
        if (!(std::log(random_.uniform()) < log_factor_[w] + change)) continue;
        old = now;
        ++accepted;
      }
    }
    return accepted;
  }

 private:
  // Sets `out` from the other half, walkers others .. others + half - 1; returns ln of the move's factor.
  double propose(const Latent& z, std::size_t system, std::size_t others, std::size_t half, EnsemblePoint& out) {
    const auto pick = [&] { return others + static_cast<std::size_t>(random_.below(static_cast<int>(half))); };
    out = {};
    Latent& to = out.at[system];
    const double kind = random_.uniform();
    if (kind < kStretchShare) {
      // g(s) ~ 1 / sqrt(s) on [1 / a, a]
      const double root = 1.0 + (kStretch - 1.0) * random_.uniform(), stretch = root * root / kStretch;
      const Latent& other = walkers_[pick()].at[system];
      for (std::size_t d = 0; d < to.size(); ++d) to[d] = other[d] + stretch * (z[d] - other[d]);
      return (kDimensions - 1.0) * std::log(stretch);
    }
    // gamma = 1 leads from mode to mode; the optimum for Gaussians is too far where the density is curved, so every
    // other step is shorter, by up to ten times.
    double gamma = kind < kStretchShare + kJumpShare ? 1.0 : 2.38 / std::sqrt(2.0 * kDimensions);
    if (gamma < 1.0 && random_.uniform() < 0.5) gamma *= std::pow(0.1, random_.uniform());
    const std::size_t a = pick();
    std::size_t b = pick();
    while (b == a) b = pick();
    for (std::size_t d = 0; d < to.size(); ++d)
      to[d] = z[d] + gamma * (walkers_[a].at[system][d] - walkers_[b].at[system][d]) + kJitter * random_.normal();
    return 0.0;
  }

  const BatchDensity& density_;
  Walkers walkers_;
  RandomStream& random_;
  std::int64_t evaluations_ = 0;
  std::vector<EnsemblePoint> proposal_;
  std::vector<double> log_factor_;
};

// The power at which such a spread of ln L (half the range between the quartiles over .6745) is that of a canonical
// ensemble: power^2 Var(ln L) = D / 2 where the posterior is Gaussian.
double typical_power(const Walkers& walkers) {
  std::vector<double> values;
  for (const EnsemblePoint& point : walkers) values.push_back(point.log_likelihood);
  std::sort(values.begin(), values.end());
  const double spread = (values[3 * values.size() / 4] - values[values.size() / 4]) / (2.0 * 0.6745);
  return spread > 0.0 ? std::min(1.0, std::sqrt(0.5 * kDimensions) / spread) : 1.0;
}

// weight[W] = L^step, scaled to at most 1.
std::vector<double> weights_of_rise(const Walkers& walkers, double step) {
  double top = -INFINITY;
  for (const EnsemblePoint& point : walkers) top = std::max(top, point.log_likelihood);
  std::vector<double> weight;
  for (const EnsemblePoint& point : walkers) weight.push_back(std::exp(step * (point.log_likelihood - top)));
  return weight;
}

double effective_share(std::span<const double> weight) {
  double sum = 0.0, squares = 0.0;
  for (const double w : weight) {
    sum += w;
    squares += w * w;
  }
  return sum * sum / squares / static_cast<double>(weight.size());
}

// The largest power up to 1 at which the walkers keep their least effective share, by bisection.
double next_power(const Walkers& walkers, double power) {
  double low = power, high = 1.0;
  if (effective_share(weights_of_rise(walkers, 1.0 - power)) >= kLeastEffectiveShare) return 1.0;
  for (int step = 0; step < 50; ++step) {
    const double middle = 0.5 * (low + high);
    (effective_share(weights_of_rise(walkers, middle - power)) >= kLeastEffectiveShare ? low : high) = middle;
  }
  return low > power ? low : high;
}

void diagnose_chain(EnsembleChain& chain) {
  chain.r_hat = 0.0;
  chain.autocorrelation_time = 0.0;
  std::vector<double> x(chain.draws.size());
  for (std::size_t d = 0; d < 2 * kParameterCount; ++d) {
    for (std::size_t s = 0; s < x.size(); ++s) x[s] = chain.draws[s].at[d % 2][d / 2];
    chain.r_hat = std::max(chain.r_hat, split_r_hat(x, chain.walkers));
    chain.autocorrelation_time = std::max(chain.autocorrelation_time, autocorrelation_time(x, chain.walkers));
  }
  chain.effective_size = static_cast<double>(chain.draws.size()) / chain.autocorrelation_time;
}

}  // namespace

double split_r_hat(std::span<const double> x, int walkers) {
  const auto width = static_cast<std::size_t>(walkers);
  const std::size_t half = x.size() / width / 2;
  if (half < 2) throw std::invalid_argument(fmt::format("split_r_hat: {} draws of {} walkers", x.size(), walkers));
  const double n = static_cast<double>(half), chains = 2.0 * static_cast<double>(walkers);
  double within = 0.0, mean_sum = 0.0, mean_squares = 0.0;
  for (std::size_t w = 0; w < width; ++w) {
    for (const std::size_t first : {std::size_t{0}, half}) {
      double mean = 0.0, squares = 0.0;
      for (std::size_t g = 0; g < half; ++g) mean += x[(first + g) * width + w] / n;
      for (std::size_t g = 0; g < half; ++g) squares += std::pow(x[(first + g) * width + w] - mean, 2);
      within += squares / (n - 1.0) / chains;
      mean_sum += mean;
      mean_squares += mean * mean;
    }
  }
  const double between = (mean_squares - mean_sum * mean_sum / chains) / (chains - 1.0);  // B / n
  return std::sqrt((n - 1.0) / n + between / within);
}

double autocorrelation_time(std::span<const double> x, int walkers) {
  const auto width = static_cast<std::size_t>(walkers);
  const std::size_t generations = x.size() / width;
  const std::size_t thinning = (generations + kMaxLagged - 1) / kMaxLagged, count = generations / thinning;
  const double mean = std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
  const auto covariance = [&](std::size_t lag) {
    double sum = 0.0;
    for (std::size_t g = 0; g + lag < count; ++g) {
      const double* now = &x[g * thinning * width];
      const double* then = &x[(g + lag) * thinning * width];
      for (std::size_t w = 0; w < width; ++w) sum += (now[w] - mean) * (then[w] - mean);
    }
    return sum / static_cast<double>((count - lag) * width);
  };
  const double variance = covariance(0);
  double time = 1.0;
  for (std::size_t lag = 1; lag < count && static_cast<double>(lag) < 5.0 * time; ++lag)
    time += 2.0 * covariance(lag) / variance;
  return std::max(1.0, time) * static_cast<double>(thinning);
}

EnsembleChain sample_ensemble(const BatchDensity& density, std::span<const Latent> start,
                              const EnsembleOptions& options, RandomStream& random) {
  const auto width = static_cast<std::size_t>(options.walkers);
  if (options.walkers % 2 != 0 || options.walkers <= 2 * kParameterCount || start.size() < width)
    throw std::invalid_argument(
        fmt::format("sample_ensemble: {} walkers from {} points", options.walkers, start.size()));
  Walkers walkers(width);
  for (std::size_t w = 0; w < width; ++w) walkers[w].at[0] = start[w];
  density(0, walkers);
  for (const EnsemblePoint& point : walkers) {
    const double log_density = point.log_prior[0] + point.log_likelihood;
    if (!std::isfinite(log_density))
      throw std::invalid_argument(fmt::format("sample_ensemble: a walker starts at ln density {}", log_density));
  }
  Ensemble ensemble(density, std::move(walkers), random);
  EnsembleChain chain;
  chain.walkers = options.walkers;
  const auto spent = [&] {
    const std::int64_t evaluations = static_cast<std::int64_t>(width) + ensemble.evaluations();
    if (options.progress) options.progress(evaluations, chain.r_hat);
    return evaluations >= options.budget;
  };

  double power = typical_power(ensemble.walkers());
  bool out_of_budget = false;
  while (power < 1.0 && !out_of_budget) {
    int moves = 0;
    for (int g = 0; g < kMaxGenerationsPerRise && moves < kMovesPerRise * options.walkers && !out_of_budget; ++g) {
      moves += ensemble.advance(power);
      out_of_budget = spent();
    }

    const double next = next_power(ensemble.walkers(), power);
    resample_by(weights_of_rise(ensemble.walkers(), next - power), ensemble.walkers(), random);
    power = next;
  }

  // All generations so far, of which the second half is kept.
  std::vector<EnsemblePoint> draws;
  std::vector<int> accepted;
  const auto keep_half = [&] {
    const std::size_t generations = accepted.size(), first = generations / 2;
    const auto start_kept = static_cast<std::ptrdiff_t>(first * width);
    chain.draws.assign(draws.begin() + start_kept, draws.end());
    const double moves = std::accumulate(accepted.begin() + static_cast<std::ptrdiff_t>(first), accepted.end(), 0.0);
    chain.acceptance = moves / static_cast<double>(chain.draws.size());
    diagnose_chain(chain);
    chain.converged = power == 1.0 && chain.r_hat <= options.r_hat && chain.effective_size >= options.effective_size;
  };
  std::size_t next_check = kGenerationsPerCheck;
  while (!out_of_budget && !chain.converged) {
    accepted.push_back(ensemble.advance(power));
    draws.insert(draws.end(), ensemble.walkers().begin(), ensemble.walkers().end());
    out_of_budget = spent();
    if (accepted.size() < next_check) continue;
    keep_half();
    next_check += std::max<std::size_t>(kGenerationsPerCheck, next_check / 10);
  }
  if (accepted.size() < 8) {  // the budget ended before a chain began: the walkers are all there is
    chain.draws = ensemble.walkers();
    chain.r_hat = chain.autocorrelation_time = INFINITY;
  } else if (!chain.converged) {
    keep_half();
  }
  chain.evaluations = static_cast<std::int64_t>(width) + ensemble.evaluations();
  return chain;
}

}  // namespace penumbra
