// Draws and log_density are one definition: the density is Table 1's, its integral is the acceptance rate of the draws,
// its marginals are theirs, and along any line or plane through parameter space it is their conditional density.
#include <array>
#include <cstdio>
#include <limits>

#include "sim/constants.h"
#include "sim/special_functions.h"
#include "tests/sim/prior_tables.h"

namespace penumbra {
namespace {

constexpr double kLn10 = 2.30258509299404568402;
constexpr double kDistanceDex = 0.41231056256176607;  // hypot(.40, .10)

double log_normal(double x, double mu, double sigma) {
  return -0.5 * std::pow((x - mu) / sigma, 2) - std::log(sigma * std::sqrt(kTwoPi));
}

double log_beta(double x, double a, double b) {
  return std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + (a - 1) * std::log(x) + (b - 1) * std::log(1 - x);
}

// Largest cos i that has a primary eclipse.
double steepest(const Theta& t) {
  return t[kRsumFrac] * (1 + t[kEccentricity] * std::sin(t[kOmega])) / (1 - t[kEccentricity] * t[kEccentricity]);
}

StellarState on_track(const TrackView& tracks, const Theta& t, int star) {
  StellarState state{};
  const double m = star == 0 ? t[kMsum] / (1 + t[kQ]) : t[kMsum] * t[kQ] / (1 + t[kQ]);
  EXPECT_TRUE(interpolate_star(tracks, m, t[kLogAge], t[kFeh], state));
  return state;
}

// ln of each parameter's conditional density in Table 1, written down without the code under test. Tracks and dust are
// taken as given.
Theta table_1_log_densities(const PriorSpec& s, const TrackView& tracks, const DustView& dust, const Theta& t) {
  Theta ln{};
  // P(normal + exponential > 0) by the sum over the normal part.
  double positive = 0.0;
  for (int i = 0; i < 20000; ++i) {
    const double n = s.msum_mu + s.msum_sigma * (-8.0 + 16.0 * (i + 0.5) / 20000);
    positive += std::exp(log_normal(n, s.msum_mu, s.msum_sigma)) * (n > 0 ? 1.0 : std::exp(n / s.msum_k)) *
                s.msum_sigma * 16.0 / 20000;
  }
  const double emg =
      1.0 / (2.0 * s.msum_k) *
      std::exp((2.0 * s.msum_mu + s.msum_sigma * s.msum_sigma / s.msum_k - 2.0 * t[kMsum]) / (2.0 * s.msum_k)) *
      std::erfc((s.msum_mu + s.msum_sigma * s.msum_sigma / s.msum_k - t[kMsum]) / (kSqrt2 * s.msum_sigma));
  ln[kMsum] = std::log(emg / positive);
  ln[kQ] = log_beta(t[kQ], s.q_alpha, s.q_beta);
  const double range = s.log_age_max - s.log_age_min;
  ln[kLogAge] = log_beta((t[kLogAge] - s.log_age_min) / range, s.age_alpha, s.age_beta) - std::log(range);
  ln[kFeh] = std::log(s.feh_weight * std::exp(log_normal(t[kFeh], s.feh_mean, s.feh_sigma)) +
                      (1 - s.feh_weight) * std::exp(log_normal(t[kFeh], s.feh_tail_mean, s.feh_tail_sigma)));
  ln[kRsumFrac] = log_beta(t[kRsumFrac], s.rsum_alpha, s.rsum_beta);
  const double kept =
      normal_cdf((s.loge_max - s.loge_mean) / s.loge_sigma) - normal_cdf((s.loge_min - s.loge_mean) / s.loge_sigma);
  const double e = t[kEccentricity];
  ln[kEccentricity] = log_normal(std::log10(e), s.loge_mean, s.loge_sigma) - std::log(kept) - std::log(e * kLn10);
  ln[kOmega] = -std::log(kTwoPi);
  ln[kCosI] = -std::log(std::min(s.cos_i_max, steepest(t)));
  for (int k = 0; k < 2; ++k) {
    const StellarState star = on_track(tracks, t, k);
    ln[kTeff1 + k] = -std::log(2 * s.track_tolerance * star.teff_k);
    ln[kRadius1 + k] = -std::log(2 * s.track_tolerance * star.radius_rsun);
    // Uniform in L over 2 tol L_track; dL / dlog10 L = L ln 10.
    ln[kLogL1 + k] = std::log(kLn10) + kLn10 * (t[kLogL1 + k] - star.log_l) - std::log(2 * s.track_tolerance);
  }
  ln[kDistance] = log_normal(std::log10(t[kDistance]), 2.90, kDistanceDex) - std::log(t[kDistance] * kLn10);
  const double zd = (std::log10(t[kDistance]) - 2.90) / kDistanceDex;
  const double h = 1e-5 * t[kEbv];
  const double probability =
      normal_cdf(z_from_ebv(dust, zd, t[kEbv] + h)) - normal_cdf(z_from_ebv(dust, zd, t[kEbv] - h));
  ln[kEbv] = std::log(probability / (2 * h));
  return ln;
}

double sum(const Theta& values) {
  double total = 0.0;
  for (const double value : values) total += value;
  return total;
}

TEST_F(PriorTest, DensityIsTable1) {
  for (const char* name : {"paper", "field"}) {
    const Prior prior = make(named_prior(name));
    for (std::uint64_t i = 0; i < 50; ++i) {
      const Theta theta = prior.draw(5, i).theta;
      const double expected =
          sum(table_1_log_densities(prior.spec(), tracks(), dust(), theta)) + prior.log_barrier(theta);
      EXPECT_NEAR(prior.log_density(theta), expected, 2e-5) << name << ' ' << i;
    }
  }
}

// Over distance and E(B-V), every conditional of the others stays: Table 1 without those two factors is left.
TEST_F(PriorTest, IntegratesToOneOverDistanceAndReddening) {
  constexpr int kPoints = 160;
  for (std::uint64_t i = 0; i < 8; ++i) {
    Theta theta = paper().draw(31, i).theta;
    Theta others = table_1_log_densities(paper().spec(), tracks(), dust(), theta);
    others[kDistance] = others[kEbv] = 0.0;
    const double expected = std::exp(sum(others) + paper().log_barrier(theta));
    // Trapezoid rule in log d over +-6.5 sigma and in log E(B-V) from 1e-8 to 1e3.
    const double step_d = 13.0 * kDistanceDex / kPoints, step_e = 11.0 / (2 * kPoints);
    double integral = 0.0;
    for (int a = 0; a <= kPoints; ++a) {
      theta[kDistance] = std::pow(10.0, 2.90 - 6.5 * kDistanceDex + a * step_d);
      for (int b = 0; b <= 2 * kPoints; ++b) {
        theta[kEbv] = std::pow(10.0, -8.0 + b * step_e);
        integral += std::exp(paper().log_density(theta)) * theta[kDistance] * theta[kEbv];
      }
    }
    integral *= kLn10 * kLn10 * step_d * step_e;
    EXPECT_NEAR(integral / expected, 1.0, 1e-4) << i;
  }
}

// Across the band of one Teff, luminosity or radius likewise, where no rejection cuts into it.
TEST_F(PriorTest, IntegratesToOneAcrossTheBands) {
  constexpr int kPoints = 4000;
  int done = 0;
  for (std::uint64_t i = 0; i < 120; ++i) {
    Theta theta = paper().draw(32, i).theta;
    const int p = kTeff1 + static_cast<int>(i % 6);
    const double drawn = theta[p];
    Theta others = table_1_log_densities(paper().spec(), tracks(), dust(), theta);
    others[p] = 0.0;
    const double expected = std::exp(sum(others) + paper().log_barrier(theta));
    const StellarState star = on_track(tracks(), theta, (p - kTeff1) % 2);
    const bool luminosity = p == kLogL1 || p == kLogL2;
    const double centre = luminosity ? star.log_l : p < kLogL1 ? star.teff_k : star.radius_rsun;
    const double low = luminosity ? centre + std::log10(0.95) : 0.95 * centre;
    const double high = luminosity ? centre + std::log10(1.05) : 1.05 * centre;
    ASSERT_TRUE(drawn > low && drawn < high);
    theta[p] = low;
    const bool cut_below = rejection(theta) != Status::kOk;
    theta[p] = high;
    if (cut_below || rejection(theta) != Status::kOk) continue;
    const double from = low - 0.1 * (high - low), step = 1.2 * (high - low) / kPoints;
    double integral = 0.0;
    for (int k = 0; k < kPoints; ++k) {
      theta[p] = from + (k + 0.5) * step;
      integral += std::exp(paper().log_density(theta)) * step;
    }
    EXPECT_NEAR(integral / expected, 1.0, 1.3 / kPoints) << kParameters[static_cast<std::size_t>(p)].name << ' ' << i;
    ++done;
  }
  EXPECT_GT(done, 90);
}

// A proposal made of elementary distributions, broader than the prior, and its density. False outside the tracks.
bool propose(const TrackView& tracks, const DustView& dust, RandomStream& random, Theta& t, double& log_q) {
  log_q = 0.0;
  const auto normal = [&](double mu, double sigma) {
    const double x = mu + sigma * random.normal();
    log_q += log_normal(x, mu, sigma);
    return x;
  };
  const auto uniform = [&](double low, double high) {
    log_q -= std::log(high - low);
    return low + (high - low) * random.uniform();
  };
  t[kMsum] = std::exp(normal(std::log(1.5), 0.75));
  t[kQ] = uniform(0.0, 1.0);
  t[kLogAge] = uniform(6.5, 10.13);
  t[kFeh] = normal(-1.0, 0.55);
  // Kumaraswamy (1980) with a = 1.5, b = 3.
  t[kRsumFrac] = std::pow(1.0 - std::cbrt(1.0 - random.uniform()), 1.0 / 1.5);
  log_q += std::log(4.5 * std::sqrt(t[kRsumFrac])) + 2.0 * std::log(1.0 - std::pow(t[kRsumFrac], 1.5));
  t[kEccentricity] = std::pow(10.0, normal(-2.0, 0.7));
  t[kOmega] = uniform(0.0, kTwoPi);
  t[kDistance] = std::pow(10.0, normal(2.90, 0.45));
  // E(B-V) log-logistic about its median at that distance.
  const double u = random.uniform(), width = 0.35;
  const double zd = (std::log10(t[kDistance]) - 2.90) / kDistanceDex;
  t[kEbv] = std::pow(10.0, std::log10(ebv_from_z(dust, zd, 0.0)) + width * std::log(u / (1.0 - u)));
  log_q += std::log(u * (1.0 - u) / width) - std::log(kLn10 * t[kEbv]);
  log_q -= std::log(t[kMsum]) + std::log(kLn10 * t[kEccentricity]) + std::log(kLn10 * t[kDistance]);
  if (t[kEccentricity] >= 1.0) return false;
  t[kCosI] = uniform(0.0, std::min(1.0, steepest(t)));
  for (int k = 0; k < 2; ++k) {
    StellarState star;
    const double m = (k == 0 ? 1.0 : t[kQ]) * t[kMsum] / (1.0 + t[kQ]);
    if (!interpolate_star(tracks, m, t[kLogAge], t[kFeh], star)) return false;
    t[kTeff1 + k] = uniform(0.94 * star.teff_k, 1.06 * star.teff_k);
    t[kRadius1 + k] = uniform(0.94 * star.radius_rsun, 1.06 * star.radius_rsun);
    t[kLogL1 + k] = uniform(star.log_l - 0.025, star.log_l + 0.025);
  }
  return true;
}

// The mean of density over proposal is the density's integral, and that is the share of tries that a draw accepts.
// Weighted so, the proposals have the draws' marginals in all 16 parameters.
TEST_F(PriorTest, BroadProposalsWeightedByTheDensityAreTheDraws) {
  constexpr int kDraws = 60000, kProposals = 400000;
  std::vector<Theta> draws;
  double tries = kDraws;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const PriorDraw draw = paper().draw(33, i);
    draws.push_back(draw.theta);
    for (const int count : draw.rejected) tries += count;
  }
  const double acceptance = kDraws / tries, acceptance_error = std::sqrt(acceptance * (1.0 - acceptance) / tries);

  std::vector<Theta> proposals;
  std::vector<double> weights;
  RandomStream random(34, 0, Stage::kTest);
  double total = 0.0, squares = 0.0;
  for (int i = 0; i < kProposals; ++i) {
    Theta theta;
    double log_q;
    if (!propose(tracks(), dust(), random, theta, log_q)) continue;
    const double weight = std::exp(paper().log_density(theta) - log_q);
    ASSERT_TRUE(std::isfinite(weight));
    if (weight == 0.0) continue;
    proposals.push_back(theta);
    weights.push_back(weight);
    total += weight;
    squares += weight * weight;
  }
  const double integral = total / kProposals;
  const double integral_error = std::sqrt((squares / kProposals - integral * integral) / kProposals);
  std::printf("integral of the density %.4f +- %.4f, acceptance %.4f +- %.4f, effective proposals %.0f\n", integral,
              integral_error, acceptance, acceptance_error, total * total / squares);
  EXPECT_LT(integral_error, 0.01 * integral);
  EXPECT_NEAR(integral, acceptance, 4.0 * std::hypot(integral_error, acceptance_error));

  constexpr std::size_t kBins = 10;
  double worst = 0.0;
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    std::vector<double> sorted;
    for (const Theta& theta : draws) sorted.push_back(theta[p]);
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t bin = 0; bin < kBins; ++bin) {
      const double low = bin == 0 ? -HUGE_VAL : sorted[bin * kDraws / kBins];
      const double high = bin + 1 == kBins ? HUGE_VAL : sorted[(bin + 1) * kDraws / kBins];
      double share = 0.0, variance = 0.1 * 0.9 / kDraws;
      for (std::size_t i = 0; i < proposals.size(); ++i) {
        const double inside = proposals[i][p] >= low && proposals[i][p] < high ? 1.0 : 0.0;
        share += weights[i] * inside / total;
        variance += std::pow(weights[i] * (inside - 0.1) / total, 2);
      }
      const double deviation = (share - 0.1) / std::sqrt(variance);
      worst = std::max(worst, std::abs(deviation));
      EXPECT_LT(std::abs(deviation), 4.5) << kParameters[p].name << ", tenth " << bin << ": " << share;
    }
  }
  std::printf("largest deviation of 160 tenths: %.2f sigma\n", worst);
}

// Steps along each parameter that stay within the bands of the tracks for a while.
constexpr Theta kReach{0.04, 0.04, 0.5, 0.4, 0.15, 0.03, 3.0, 0.15, 300.0, 300.0, 0.03, 0.03, 0.08, 0.08, 600.0, 0.15};

Theta along(const Theta& from, const Theta& step, int count) {
  Theta t = from;
  for (std::size_t p = 0; p < t.size(); ++p) t[p] += count * step[p];
  return t;
}

// Points theta + (a - A) u + (b - B) v, a < rows, b < columns, with random A and B: seen from the lattice, every point
// could have been the draw, with a probability as its density. So the density of the points before the draw, with a
// random part of its own, over that of all points is uniform, and exactly so however coarse the lattice is. `points`
// counts those that matter.
double position_in_lattice(const Prior& prior, const Theta& draw, const Theta& u, int rows, const Theta& v, int columns,
                           RandomStream& random, double& points) {
  const int row = random.below(rows), column = random.below(columns);
  double before = 0.0, total = 0.0, largest = 0.0;
  for (int a = 0; a < rows; ++a) {
    const Theta start = along(draw, u, a - row);
    for (int b = 0; b < columns; ++b) {
      const double density = std::exp(prior.log_density(along(start, v, b - column)) - prior.log_density(draw));
      if (a < row || (a == row && b < column)) before += density;
      if (a == row && b == column) before += random.uniform() * density;
      total += density;
      largest = std::max(largest, density);
    }
  }
  points += total / largest;
  return before / total;
}

Theta scaled(const Theta& direction, double factor) {
  Theta step{};
  for (std::size_t p = 0; p < step.size(); ++p) step[p] = factor * direction[p] * kReach[p];
  return step;
}

TEST_F(PriorTest, DensityAlongEachAxisIsTheDrawsConditional) {
  constexpr int kSlices = 1500, kPoints = 31;
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    RandomStream random(35, p, Stage::kTest);
    Theta axis{};
    axis[p] = 1.0;
    std::vector<double> u;
    double points = 0.0;
    for (std::uint64_t i = 0; i < kSlices; ++i) {
      const Theta draw = paper().draw(36 + p, i).theta;
      u.push_back(position_in_lattice(paper(), draw, {}, 1, scaled(axis, 2.0 / kPoints), kPoints, random, points));
    }
    const double distance = kolmogorov(u);
    std::printf("%-12s sqrt(N) D = %.2f, %.1f points a slice\n", kParameters[p].name.data(), distance,
                points / kSlices);
    EXPECT_LT(distance, 1.95) << kParameters[p].name;
    EXPECT_GT(points / kSlices, 4.0) << kParameters[p].name;
  }
}

TEST_F(PriorTest, DensityOverRandomLinesAndPlanesIsTheDrawsConditional) {
  constexpr int kSlices = 3000, kPoints = 15;
  RandomStream random(60, 0, Stage::kTest);
  // All parameters change together, and along a plane of two such directions.
  const auto direction = [&] {
    Theta d;
    for (double& value : d) value = random.normal();
    return d;
  };
  for (const int rows : {1, kPoints}) {
    std::vector<double> u;
    double points = 0.0;
    for (std::uint64_t i = 0; i < kSlices; ++i) {
      const Theta draw = paper().draw(61, i).theta;
      const Theta first = scaled(direction(), 0.5 / kPoints), second = scaled(direction(), 0.5 / kPoints);
      u.push_back(position_in_lattice(paper(), draw, first, rows, second, kPoints, random, points));
    }
    const double distance = kolmogorov(u);
    std::printf("%s: sqrt(N) D = %.2f, %.1f points a slice\n", rows == 1 ? "lines" : "planes", distance,
                points / kSlices);
    EXPECT_LT(distance, 1.95) << rows;
    EXPECT_GT(points / kSlices, 2.0) << rows;
  }
}

}  // namespace
}  // namespace penumbra
