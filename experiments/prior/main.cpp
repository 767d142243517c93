// The prior on Msum as the paper derives it (section 2.1.1): primaries of a Chabrier initial mass function, mass
// ratios, metallicities and ages of the prior, those that the stellar tracks have today, and an exponentially modified
// Gaussian fitted to the histogram of M1 + M2, by least squares and by maximum likelihood.
//
//   experiment_prior TRACKS.h5 > msum.csv
//
// The tracks carry initial masses, which differ from today's by more than 1% only near the tip of the giant branch and
// for O stars (sim/tracks.h).
#include <fmt/format.h>

#include <Eigen/Dense>
#include <cmath>
#include <unsupported/Eigen/NonLinearOptimization>
#include <unsupported/Eigen/NumericalDiff>
#include <vector>

#include "base/error.h"
#include "base/provenance.h"
#include "sim/prior.h"

using namespace penumbra;

namespace {

constexpr int kPrimaries = 2'000'000;
constexpr std::uint64_t kSeed = 1;
constexpr double kHistogramEnd = 200.0;  // Msun: all pairs
constexpr int kBins = 4000;

// Chabrier (2003, PASP 115, 763): a lognormal in mass below 1 Msun, with a power law dn/dlog m ~ m^-1.3 above.
struct InitialMassFunction {
  const char* name;
  double log_mean_mass, sigma;
  double operator()(double log_mass) const {
    const auto lognormal = [&](double x) { return std::exp(-0.5 * std::pow((x - log_mean_mass) / sigma, 2)); };
    return log_mass < 0.0 ? lognormal(log_mass) : lognormal(0.0) * std::pow(10.0, -1.3 * log_mass);
  }
};
const InitialMassFunction kFunctions[] = {
    {"single stars (Table 1)", std::log10(0.079), 0.69},
    {"systems (equation 18)", std::log10(0.22), 0.57},
};

// Quantiles of the mass function between .1 and 100 Msun.
class MassQuantiles {
 public:
  explicit MassQuantiles(const InitialMassFunction& imf) {
    cumulative_.push_back(0.0);
    for (int i = 0; i < kSteps; ++i) cumulative_.push_back(cumulative_.back() + imf(kLow + (i + 0.5) * kStep));
    for (double& value : cumulative_) value /= cumulative_.back();
  }
  double mass(double u) const {
    const int i = find_interval(cumulative_.data(), kSteps + 1, u);
    const double fraction = (u - cumulative_[i]) / (cumulative_[i + 1] - cumulative_[i]);
    return std::pow(10.0, kLow + (i + fraction) * kStep);
  }

 private:
  static constexpr double kLow = -1.0, kStep = 1e-3;
  static constexpr int kSteps = 3000;
  std::vector<double> cumulative_;
};

enum class Selection { kOnTracks, kAccepted };
constexpr const char* kSelectionNames[] = {"on the tracks", "and section 2.4 (ii), (iii)"};

bool selected(const StellarState& star, double mass, Selection selection) {
  return selection == Selection::kOnTracks || (star.teff_k >= 3500.0 && logg_cgs(mass, star.radius_rsun) <= 5.0);
}

std::vector<double> population(const PriorView& prior, const InitialMassFunction& imf, Selection selection) {
  const MassQuantiles quantiles(imf);
  std::vector<double> msum;
  RandomStream random(kSeed, 0, Stage::kPrior);
  for (int i = 0; i < kPrimaries; ++i) {
    const double mass = quantiles.mass(random.uniform());
    const double q = logistic(quantile_value(prior.logit_q, random.normal()));
    const double u_age = logistic(quantile_value(prior.logit_age, random.normal()));
    const double log_age = prior.spec.log_age_min + (prior.spec.log_age_max - prior.spec.log_age_min) * u_age;
    const double feh = quantile_value(prior.feh, random.normal());
    StellarState star;
    if (interpolate_star(prior.tracks, mass, log_age, feh, star) && selected(star, mass, selection) &&
        interpolate_star(prior.tracks, q * mass, log_age, feh, star) && selected(star, q * mass, selection))
      msum.push_back((1.0 + q) * mass);
  }
  return msum;
}

struct Fit {
  double k, mu, sigma;
};

// normal(mu, sigma) + exponential(mean k).
double density(const Fit& f, double x) {
  return std::exp(-(x - f.mu) / f.k + 0.5 * std::pow(f.sigma / f.k, 2)) *
         normal_cdf((x - f.mu) / f.sigma - f.sigma / f.k) / f.k;
}

double mean_log_density(const Fit& fit, const std::vector<double>& msum) {
  double sum = 0.0;
  for (const double x : msum) sum += std::log(std::max(density(fit, x), 1e-300));
  return sum / static_cast<double>(msum.size());
}

enum class Method { kLeastSquares, kMaximumLikelihood };
constexpr const char* kMethodNames[] = {"least squares", "maximum likelihood"};

// The residuals whose squares a method minimises. Those of maximum likelihood are the square roots of the deviance,
// which a sum of squares over Poisson counts turns into -2 ln L (McCullagh & Nelder 1989, section 2.4).
struct Residuals {
  using Scalar = double;
  enum { InputsAtCompileTime = 3, ValuesAtCompileTime = Eigen::Dynamic };
  using InputType = Eigen::Vector3d;
  using ValueType = Eigen::VectorXd;
  using JacobianType = Eigen::MatrixXd;

  Residuals(const std::vector<double>& msum, Method how) : counts(Eigen::VectorXd::Zero(kBins)), method(how) {
    for (const double x : msum) counts[static_cast<int>(x / kWidth)] += 1.0;
    expected_of_density = static_cast<double>(msum.size()) * kWidth;
  }
  static int inputs() { return 3; }
  static int values() { return kBins; }
  static Fit fit(const Eigen::VectorXd& x) { return {std::exp(x[0]), x[1], std::exp(x[2])}; }
  int operator()(const Eigen::VectorXd& x, Eigen::VectorXd& residual) const {
    for (int i = 0; i < kBins; ++i) {
      const double expected = std::max(expected_of_density * density(fit(x), (i + 0.5) * kWidth), 1e-300);
      const double excess = counts[i] - expected;
      if (method == Method::kLeastSquares) {
        residual[i] = excess / expected_of_density;
      } else {
        const double log_ratio = counts[i] > 0.0 ? std::log(counts[i] / expected) : 0.0;
        residual[i] = std::copysign(std::sqrt(2.0 * std::max(counts[i] * log_ratio - excess, 0.0)), excess);
      }
    }
    return 0;
  }

  static constexpr double kWidth = kHistogramEnd / kBins;
  Eigen::VectorXd counts;
  double expected_of_density;
  Method method;
};

Fit fit(const std::vector<double>& msum, Method method) {
  Eigen::NumericalDiff<Residuals> problem{Residuals(msum, method)};
  Eigen::LevenbergMarquardt<Eigen::NumericalDiff<Residuals>> solver(problem);
  Eigen::VectorXd x(3);
  x << 0.0, 0.7, std::log(0.25);
  solver.minimize(x);
  return Residuals::fit(x);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void derive(const TrackGrid& tracks) {
  const Fit paper_mean{1.1, 0.7, 0.25}, paper_shape{1.1 * 0.25, 0.7, 0.25};
  fmt::print("# made by experiments/prior/main.cpp, commit {}: {} primaries, seed {}\n", program_commit(), kPrimaries,
             kSeed);
  fmt::print("# K, mu, sigma: fitted, Msun. ln p: mean log density of the population under the fit, and under the\n");
  fmt::print("# paper's numbers with K as the mean of the exponential or as scipy's shape\n");
  fmt::print(
      "metallicity,initial_mass_function,selection,method,binaries,median_msum,K,mu,sigma,ln_p_fit,ln_p_K_mean,");
  fmt::print("ln_p_K_shape\n");
  for (const char* name : {"paper", "field"}) {
    const Prior prior(named_prior(name), tracks.view(), DustView{});
    for (const InitialMassFunction& imf : kFunctions) {
      for (const Selection selection : {Selection::kOnTracks, Selection::kAccepted}) {
        const std::vector<double> msum = population(prior.view(), imf, selection);
        for (const Method method : {Method::kLeastSquares, Method::kMaximumLikelihood}) {
          const Fit best = fit(msum, method);
          fmt::print("{},{},\"{}\",{},{},{:.3f},{:.3f},{:.3f},{:.3f},{:.3f},{:.3f},{:.3f}\n", name, imf.name,
                     kSelectionNames[static_cast<int>(selection)], kMethodNames[static_cast<int>(method)], msum.size(),
                     median(msum), best.k, best.mu, best.sigma, mean_log_density(best, msum),
                     mean_log_density(paper_mean, msum), mean_log_density(paper_shape, msum));
        }
      }
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    fmt::print(stderr, "usage: experiment_prior TRACKS.h5\n");
    return 2;
  }
  try {
    derive(TrackGrid::load(arguments[1]));
  } catch (const UserError& error) {
    fmt::print(stderr, "experiment_prior: {}\n", error.what());
    return 2;
  }
  return 0;
}
