#include "inference/ensemble_mcmc.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "base/parallel.h"
#include "inference/curved_mixture.h"
#include "inference/importance.h"
#include "sim/special_functions.h"

namespace penumbra {
namespace {

constexpr double kLeastShare = 0.05;                            // of the generations, that move in either system
constexpr double kMirrorShare = 0.05, kJumpShare = 0.05;        // of the moves; the rest is differential evolution
constexpr double kShortShare = 0.5, kShortShareStraight = 0.2;  // of the steps; where there is a mixture
constexpr double kIndependentShare = 0.5;                       // of the chains' moves, where there is a mixture
constexpr double kJitter = 1e-6;
// Between two rises of the likelihood's power each walker moves so often on average, or the generations are spent:
// resampled walkers that have not parted again would span no volume.
constexpr int kMovesPerRise = 2, kMaxGenerationsPerRise = 40;
constexpr double kLeastEffectiveShare = 0.5;  // of the walkers, when it rises
constexpr std::size_t kArchived = 16384;      // points that the archive keeps
// Of the last round; the rest stays from before, so that a mode which all chains have left once is not forgotten.
constexpr double kRenewed = 0.75;
constexpr int kMostComponents = 64;
constexpr int kFirstRound = 50, kGenerationsPerCheck = 100, kLeastDiagnosed = 8;  // generations
constexpr std::size_t kTriesPerWalker = 1000;
constexpr std::size_t kMaxLagged = 1000;  // generations, after thinning, in an autocorrelation

using Walkers = std::vector<EnsemblePoint>;

Eigen::VectorXd chosen_of(const Latent& x, const std::vector<std::size_t>& chosen) {
  Eigen::VectorXd out(std::ssize(chosen));
  for (std::size_t k = 0; k < chosen.size(); ++k) out[static_cast<Eigen::Index>(k)] = x[chosen[k]];
  return out;
}

// A mixture of the points in the coordinates of one system that are read: its size is chosen by the points of odd
// index, fitted to those of even index.
std::optional<CurvedMixture> fit_mixture(const Walkers& points, std::size_t system,
                                         const std::vector<std::size_t>& read, RandomStream& random) {
  Eigen::MatrixXd half[2];
  for (std::size_t side = 0; side < 2; ++side) {
    half[side].resize(std::ssize(read), std::ssize(points) / 2);
    for (Eigen::Index i = 0; i < half[side].cols(); ++i)
      half[side].col(i) = chosen_of(points[2 * static_cast<std::size_t>(i) + side].at[system], read);
  }
  return CurvedMixture::fit(half[0], half[1], kMostComponents, random);
}

// What chains' proposals are made of. Points of even and of odd index come from different chains.
struct Archive {
  Walkers points;
  std::array<std::optional<CurvedMixture>, 2> mixture;  // of either system's coordinates that are read
};

// Walkers and the moves that they share.
class Ensemble {
 public:
  // first_share: of the generations that move in the first system.
  Ensemble(const BatchDensity& density, Walkers walkers, double first_share, const EnsembleOptions& options,
           RandomStream& random)
      : density_(density),
        walkers_(std::move(walkers)),
        first_share_(first_share),
        options_(options),
        random_(random),
        read_(read_coordinates(options.unread)) {}

  const Walkers& walkers() const { return walkers_; }
  Walkers& walkers() { return walkers_; }
  std::int64_t evaluations() const { return evaluations_; }
  double first_share() const { return first_share_; }

  // Shares the generations between the systems in proportion to the moves accepted in each since the last call.
  void adapt_share() {
    const auto rate = [&](std::size_t system) { return (1.0 + accepted_[system]) / (2.0 + proposed_[system]); };
    first_share_ = std::clamp(rate(0) / (rate(0) + rate(1)), kLeastShare, 1.0 - kLeastShare);
    accepted_ = proposed_ = {};
  }

  // Each walker of populations of `size` proposes once, from the other half of its population: one batch a half.
  // Returns how many moved. power: of the likelihood.
  int advance_populations(std::size_t size, double power) {
    int accepted = 0;
    for (const std::size_t side : {std::size_t{0}, size / 2}) {
      chosen_.clear();
      const std::size_t system = choose_system();
      proposal_.clear();
      log_factor_.clear();
      for (std::size_t first = 0; first < walkers_.size(); first += size) {
        const std::span<const EnsemblePoint> others(&walkers_[first + size / 2 - side], size / 2);
        for (std::size_t w = 0; w < size / 2; ++w) propose(first + side + w, system, others, nullptr);
      }
      accepted += decide(system, power);
    }
    return accepted;
  }

  // Each walker proposes once, from the archive.
  int advance(const Archive& archive) {
    chosen_.clear();
    proposal_.clear();
    log_factor_.clear();
    const std::size_t system = choose_system();
    const std::optional<CurvedMixture>& mixture = archive.mixture[system];
    for (std::size_t w = 0; w < walkers_.size(); ++w) propose(w, system, archive.points, mixture ? &*mixture : nullptr);
    return decide(system, 1.0);
  }

  void fit(Archive& archive) {
    for (std::size_t system = 0; system < 2; ++system)
      archive.mixture[system] = fit_mixture(archive.points, system, read_, random_);
  }

 private:
  std::size_t choose_system() { return random_.uniform() < first_share_ ? 0 : 1; }

  Eigen::VectorXd read_of(const Latent& x) const { return chosen_of(x, read_); }

  void set_read(const Eigen::VectorXd& read, Latent& x) const {
    for (std::size_t k = 0; k < read_.size(); ++k) x[read_[k]] = read[static_cast<Eigen::Index>(k)];
  }

  // A draw of the mixture, where there is one, or a step of walker w by the difference of two of `others` (in the
  // mixture's straight coordinates, where there is one); with ln of what the proposal's asymmetry costs.
  void propose(std::size_t w, std::size_t system, std::span<const EnsemblePoint> others, const CurvedMixture* mixture) {
    const Latent& from = walkers_[w].at[system];
    EnsemblePoint out;
    Latent& to = out.at[system];
    to = from;
    double log_factor = 0.0;
    const double kind = random_.uniform();
    if (mixture && random_.uniform() < kIndependentShare) {
      const Eigen::VectorXd x = mixture->draw(random_);
      set_read(x, to);
      log_factor = mixture->log_density(read_of(from)) - mixture->log_density(x);
    } else if (kind < kMirrorShare && !options_.mirrored.empty()) {
      for (const std::size_t d : options_.mirrored) to[d] = -from[d];
    } else {
      // gamma = 1 leads from mode to mode; the optimum for Gaussians is too far where the density is curved, so some
      // steps are shorter, by up to ten times. The mixture's map keeps volumes: such a step is as likely as its return.
      const auto straight = [&](const Latent& x) { return mixture ? mixture->straight(read_of(x)) : read_of(x); };
      double gamma = kind < kMirrorShare + kJumpShare ? 1.0 : 2.38 / std::sqrt(2.0 * static_cast<double>(read_.size()));
      if (gamma < 1.0 && random_.uniform() < (mixture ? kShortShareStraight : kShortShare))
        gamma *= std::pow(0.1, random_.uniform());
      const auto pick = [&] { return static_cast<std::size_t>(random_.below(static_cast<int>(others.size()))); };
      const std::size_t a = pick();
      std::size_t b = pick();
      while (b == a) b = pick();
      Eigen::VectorXd y = straight(others[a].at[system]) - straight(others[b].at[system]);
      for (double& step : y) step *= gamma * (1.0 + kJitter * random_.normal());
      y += straight(from);
      set_read(mixture ? mixture->curved(y) : y, to);
    }
    for (const std::size_t d : options_.unread) {
      to[d] = random_.normal();
      log_factor += 0.5 * (to[d] * to[d] - from[d] * from[d]);
    }
    chosen_.push_back(w);
    proposal_.push_back(out);
    log_factor_.push_back(log_factor);
  }

  int decide(std::size_t system, double power) {
    density_(system, proposal_);
    evaluations_ += std::ssize(proposal_);
    int accepted = 0;
    for (std::size_t i = 0; i < proposal_.size(); ++i) {
      EnsemblePoint& old = walkers_[chosen_[i]];
      const EnsemblePoint& now = proposal_[i];
      const double change =
          now.log_start[system] + power * now.log_rest - (old.log_start[system] + power * old.log_rest);
      if (!(std::log(random_.uniform()) < log_factor_[i] + change)) continue;
      old = now;
      ++accepted;
    }
    proposed_[system] += static_cast<double>(proposal_.size());
    accepted_[system] += accepted;
    return accepted;
  }

  const BatchDensity& density_;
  Walkers walkers_;
  double first_share_;
  std::array<double, 2> proposed_{}, accepted_{};
  const EnsembleOptions& options_;
  RandomStream& random_;
  std::vector<std::size_t> read_;
  std::int64_t evaluations_ = 0;
  std::vector<std::size_t> chosen_;
  std::vector<EnsemblePoint> proposal_;
  std::vector<double> log_factor_;
};

// What the rest's power rising by `step` makes of a population's equal weights.
struct RiseWeights {
  std::vector<double> weight;  // scaled so that the largest is 1
  double effective;            // their sum's square over the sum of squares
};

RiseWeights weigh_rise(std::span<const EnsemblePoint> population, double step) {
  double top = -INFINITY, sum = 0.0, squares = 0.0;
  for (const EnsemblePoint& point : population) top = std::max(top, point.log_rest);
  RiseWeights out;
  for (const EnsemblePoint& point : population) {
    const double w = std::exp(step * (point.log_rest - top));
    out.weight.push_back(w);
    sum += w;
    squares += w * w;
  }
  out.effective = sum * sum / squares;
  return out;
}

using Populations = std::vector<std::span<const EnsemblePoint>>;

// Equal parts of the walkers.
Populations populations_of(const Walkers& walkers, std::size_t count) {
  const std::size_t size = walkers.size() / count;
  Populations out;
  for (std::size_t p = 0; p < count; ++p) out.push_back(std::span(walkers).subspan(p * size, size));
  return out;
}

// The largest rise, up to 1 - power, that leaves `least` effective walkers: bisection of its logarithm. Each population
// counts its own, for it is resampled by itself: how far above another it stands does not slow the rise.
double next_rise(const Populations& populations, double power, double least) {
  const auto leaves_enough = [&](double step) {
    double effective = 0.0;
    for (const auto& population : populations) effective += weigh_rise(population, step).effective;
    return effective >= least;
  };
  if (leaves_enough(1.0 - power)) return 1.0 - power;
  double low = std::log(1e-300), high = std::log(1.0 - power);
  for (int step = 0; step < 60; ++step) {
    const double middle = 0.5 * (low + high);
    (leaves_enough(std::exp(middle)) ? low : high) = middle;
  }
  return std::exp(low);
}

// The worst of `diagnostic` over all coordinates of both systems.
double worst(double (*diagnostic)(std::span<const double>, int), const EnsembleChain& chain) {
  double out = 0.0;
  std::vector<double> x(chain.draws.size());
  for (std::size_t d = 0; d < 2 * kParameterCount; ++d) {
    for (std::size_t s = 0; s < x.size(); ++s) x[s] = chain.draws[s].at[d % 2][d / 2];
    out = std::max(out, diagnostic(x, chain.walkers));
  }
  return out;
}

// Puts draws of the chain in place of most points; even and odd indices still come from different chains.
void renew(Walkers& archive, const EnsembleChain& chain, RandomStream& random) {
  const auto any = [&](std::size_t n) { return static_cast<std::size_t>(random.below(static_cast<int>(n))); };
  const auto width = static_cast<std::size_t>(chain.walkers);
  Walkers out;
  for (std::size_t i = 0; i < kArchived; ++i) {
    const bool is_new = random.uniform() < kRenewed;
    out.push_back(is_new ? chain.draws[any(chain.draws.size() / width) * width + 2 * any(width / 2) + i % 2]
                         : archive[2 * any(archive.size() / 2) + i % 2]);
  }
  archive = std::move(out);
}

// Throws where starts and options do not fit each other.
void check(const std::vector<EnsembleStart>& starts, const EnsembleOptions& options) {
  const auto count = [](int number) { return static_cast<std::size_t>(std::max(number, 0)); };
  const std::size_t populations = count(options.populations), size = count(options.walkers);
  if (starts.empty() || populations == 0 || populations % (2 * starts.size()) != 0 || size % 2 != 0 ||
      size <= 2 * kParameterCount || options.chains <= 0 || count(options.chains) % populations != 0 ||
      count(options.chains) > populations * size)
    throw std::invalid_argument(fmt::format("sample_ensemble: {} starts, {} populations of {} walkers, {} chains",
                                            starts.size(), populations, size, options.chains));
  for (const EnsembleStart& start : starts) {
    if (start.points.size() < populations / starts.size() * size)
      throw std::invalid_argument(fmt::format("sample_ensemble: a start has {} points", start.points.size()));
    for (const EnsemblePoint& point : start.points) {
      if (!std::isfinite(point.log_density(0)))
        throw std::invalid_argument(
            fmt::format("sample_ensemble: a walker starts at ln density {}", point.log_density(0)));
    }
  }
}

}  // namespace

std::vector<std::size_t> read_coordinates(const std::vector<std::size_t>& unread) {
  std::vector<std::size_t> out;
  for (std::size_t d = 0; d < kParameterCount; ++d)
    if (std::ranges::find(unread, d) == unread.end()) out.push_back(d);
  return out;
}

std::vector<std::size_t> thinned(const EnsembleChain& chain, std::size_t count, RandomStream& random) {
  const auto walkers = static_cast<std::size_t>(chain.walkers);
  const std::size_t generations = chain.draws.size() / walkers;
  const std::vector<double> equal(walkers * generations, 1.0);
  std::vector<std::size_t> out = resample(equal, std::min(count, equal.size()), random);  // of [walker][generation]
  for (std::size_t& s : out) s = s % generations * walkers + s / generations;
  return out;
}

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

std::vector<EnsemblePoint> draw_start(const BatchDensity& density, std::size_t count, RandomStream& random) {
  std::vector<EnsemblePoint> out;
  std::size_t tries = 0;
  while (out.size() < count && tries < kTriesPerWalker * count) {
    std::vector<EnsemblePoint> batch(count);
    for (EnsemblePoint& point : batch)
      for (double& value : point.at[0]) value = random.normal();
    density(0, batch);
    for (std::size_t s = 0; s < count && out.size() < count; ++s) {
      ++tries;
      if (std::isfinite(batch[s].log_rest)) out.push_back(batch[s]);
    }
  }
  return out;
}

std::optional<EnsembleStart> start_near(const BatchDensity& density, std::vector<EnsemblePoint> points,
                                        const std::vector<std::size_t>& unread, std::size_t least, int threads,
                                        RandomStream& random) {
  std::erase_if(points, [](const EnsemblePoint& point) { return !std::isfinite(point.log_density(0)); });
  if (points.size() < least) return std::nullopt;
  const std::vector<std::size_t> read = read_coordinates(unread);
  std::optional<CurvedMixture> fitted = fit_mixture(points, 1, read, random);
  if (!fitted) return std::nullopt;

  // Moves the boundary between the two parts of the density to the mixture.
  const auto divide =
      [=, mixture = std::make_shared<const CurvedMixture>(std::move(*fitted))](std::span<EnsemblePoint> batch) {
        parallel_for(batch.size(), threads, [&](std::uint64_t s) {
          EnsemblePoint& point = batch[s];
          if (!std::isfinite(point.log_rest)) return;
          double log_start = mixture->log_density(chosen_of(point.at[1], read));
          for (const std::size_t d : unread) log_start += log_normal_pdf(point.at[1][d]);
          const double shift = log_start - point.log_start[1];
          for (double& part : point.log_start) part += shift;
          point.log_rest -= shift;
        });
      };
  divide(points);
  const auto divided = [density, divide](std::size_t system, std::span<EnsemblePoint> batch) {
    density(system, batch);
    divide(batch);
  };
  return EnsembleStart{divided, std::move(points)};
}

EnsembleChain sample_ensemble(const std::vector<EnsembleStart>& starts, const EnsembleOptions& options,
                              RandomStream& random) {
  check(starts, options);
  const auto size = static_cast<std::size_t>(options.walkers);
  const std::size_t populations = static_cast<std::size_t>(options.populations) / starts.size();  // of a start
  EnsembleChain chain;
  chain.walkers = options.chains;
  std::int64_t before = 0;  // evaluations of what came before the ensemble in use
  for (const EnsembleStart& start : starts) before += std::ssize(start.points);
  double power = 0.0;
  const auto spent = [&](const Ensemble& ensemble) {
    chain.evaluations = before + ensemble.evaluations();
    if (options.progress) options.progress(chain.evaluations, power, chain.r_hat);
    return chain.evaluations >= options.budget;
  };

  // 1. From each start to the posterior.
  std::vector<Walkers> arrived;
  double share = 0.5;  // of the generations, in the first system
  bool out_of_budget = false;
  for (const EnsembleStart& start : starts) {
    Ensemble ensemble(start.density, start.points, 0.5, options, random);
    for (power = 0.0; power < 1.0 && !out_of_budget; ++chain.temperatures) {
      const Walkers old = ensemble.walkers();
      const Populations own = populations_of(old, populations);
      const double rise = next_rise(own, power, kLeastEffectiveShare * static_cast<double>(populations * size));
      ensemble.walkers().clear();
      for (const auto& population : own) {
        for (const std::size_t w : resample(weigh_rise(population, rise).weight, size, random))
          ensemble.walkers().push_back(population[w]);
      }
      power = power + rise >= 1.0 ? 1.0 : power + rise;
      std::int64_t moves = 0;
      const std::int64_t wanted = kMovesPerRise * std::ssize(ensemble.walkers());
      for (int g = 0; g < kMaxGenerationsPerRise && moves < wanted && !out_of_budget; ++g) {
        moves += ensemble.advance_populations(size, power);
        out_of_budget = spent(ensemble);
      }
      ensemble.adapt_share();
    }
    share = ensemble.first_share();
    before += ensemble.evaluations();
    arrived.push_back(ensemble.walkers());
  }

  // 2. Chains, in rounds.
  const BatchDensity& density = starts.front().density;
  Archive archive;
  for (std::size_t w = 0; w < size; ++w)
    for (const Walkers& from : arrived)
      for (std::size_t p = 0; p < populations; ++p) archive.points.push_back(from[p * size + w]);
  Walkers walkers(archive.points.begin(), archive.points.begin() + options.chains);
  int generations = 0;  // of the round
  for (int length = kFirstRound; !out_of_budget && !chain.converged; length *= 2) {
    before = chain.evaluations;
    Ensemble chains(density, walkers, share, options, random);
    if (generations > 0) renew(archive.points, chain, random);
    chains.fit(archive);
    chain.draws.clear();
    std::int64_t moves = 0;
    for (generations = 0; generations < length && !out_of_budget && !chain.converged;) {
      moves += chains.advance(archive);
      ++generations;
      chain.draws.insert(chain.draws.end(), chains.walkers().begin(), chains.walkers().end());
      out_of_budget = spent(chains);
      const bool last = out_of_budget || generations == length;
      if (generations < kLeastDiagnosed || (generations % kGenerationsPerCheck != 0 && !last)) continue;
      chain.acceptance = static_cast<double>(moves) / static_cast<double>(chain.draws.size());
      chain.r_hat = worst(split_r_hat, chain);
      if (chain.r_hat > options.r_hat && !last) continue;  // the rest takes longer
      chain.autocorrelation_time = worst(autocorrelation_time, chain);
      chain.effective_size = static_cast<double>(chain.draws.size()) / chain.autocorrelation_time;
      chain.converged = chain.r_hat <= options.r_hat && chain.effective_size >= options.effective_size;
    }
    walkers = chains.walkers();
    chains.adapt_share();
    share = chains.first_share();
  }
  if (generations < kLeastDiagnosed) {  // the budget ended before a chain began: the walkers are all there is
    if (generations == 0) {
      chain.walkers = static_cast<int>(archive.points.size());
      chain.draws = archive.points;
    }
    chain.r_hat = chain.autocorrelation_time = INFINITY;
    chain.effective_size = 0.0;
  }
  return chain;
}

}  // namespace penumbra
