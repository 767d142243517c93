#include "sim/prior.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "sim/constants.h"
#include "sim/roche.h"
#include "sim/special_functions.h"
#include "sim/system.h"

namespace penumbra {
namespace {

constexpr double kLn10 = 2.30258509299404568402;
constexpr int kMaxTries = 100'000;

constexpr double kMaxLogG = 5.0;
constexpr double kMinTeff = 3500.0;
constexpr double kGiantLogG = 3.5;
constexpr double kGiantLogL = 2.69897000433601880479;  // log10(500)

double logistic(double y) { return 1.0 / (1.0 + std::exp(-y)); }
double logit(double x) { return std::log(x / (1.0 - x)); }

// ln(1 + e^x) without overflow.
double softplus(double x) { return x > 0.0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

// Beta(a, b) in y = logit x.
QuantileTable logit_beta(double a, double b) {
  const double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  return QuantileTable(
      [=](double y) -> TailProbabilities {
        const double x = logistic(y), complement = logistic(-y);
        return {regularized_beta(a, b, x, complement), regularized_beta(b, a, complement, x),
                std::exp(a * std::log(x) + b * std::log(complement) - log_beta)};
      },
      -60.0, 60.0);
}

// The exponentially modified Gaussian, cut at 0, in y = ln x.
QuantileTable log_exponentially_modified_gaussian(double k, double mu, double sigma) {
  const auto exponential = [=](double x) {
    return std::exp(-(x - mu) / k + 0.5 * (sigma / k) * (sigma / k)) * normal_cdf((x - mu) / sigma - sigma / k);
  };
  const auto above = [=](double x) { return normal_cdf(-(x - mu) / sigma) + exponential(x); };
  const double inside = above(0.0);
  // The lower tail as an integral from 0 (Simpson): a difference of CDFs would lose it.
  const auto below = [=](double x) {
    constexpr int kIntervals = 400;
    double sum = exponential(0.0) + exponential(x);
    for (int i = 1; i < kIntervals; ++i) sum += (i % 2 == 1 ? 4.0 : 2.0) * exponential(x * i / kIntervals);
    return sum * x / (3.0 * kIntervals * k);
  };
  return QuantileTable(
      [=](double y) -> TailProbabilities {
        const double x = std::exp(y);
        return {below(x) / inside, above(x) / inside, x * exponential(x) / k / inside};
      },
      -50.0, 8.0);
}

QuantileTable two_normals(const PriorSpec& s) {
  return QuantileTable(
      [=](double x) -> TailProbabilities {
        const double a = (x - s.feh_mean) / s.feh_sigma, b = (x - s.feh_tail_mean) / s.feh_tail_sigma;
        const double w = s.feh_weight;
        return {w * normal_cdf(a) + (1.0 - w) * normal_cdf(b), w * normal_cdf(-a) + (1.0 - w) * normal_cdf(-b),
                w * normal_pdf(a) / s.feh_sigma + (1.0 - w) * normal_pdf(b) / s.feh_tail_sigma};
      },
      -30.0, 30.0);
}

PriorSpec checked(PriorSpec spec) {
  const auto positive = [&spec](const char* key, double value) {
    if (!(value > 0.0 && std::isfinite(value))) {
      throw UserError(fmt::format("prior '{}': {} = {} must be positive and finite", spec.name, key, value));
    }
  };
  positive("msum_k", spec.msum_k);
  positive("msum_sigma", spec.msum_sigma);
  positive("q_alpha", spec.q_alpha);
  positive("q_beta", spec.q_beta);
  positive("age_alpha", spec.age_alpha);
  positive("age_beta", spec.age_beta);
  positive("log_age_max - log_age_min", spec.log_age_max - spec.log_age_min);
  positive("feh_sigma", spec.feh_sigma);
  positive("feh_tail_sigma", spec.feh_tail_sigma);
  positive("rsum_alpha", spec.rsum_alpha);
  positive("rsum_beta", spec.rsum_beta);
  positive("loge_sigma", spec.loge_sigma);
  positive("loge_max - loge_min", spec.loge_max - spec.loge_min);
  positive("-loge_max", -spec.loge_max);
  positive("track_tolerance", spec.track_tolerance);
  positive("barrier_steepness", spec.barrier_steepness);
  positive("cos_i_max", spec.cos_i_max);
  if (!(spec.feh_weight >= 0.0 && spec.feh_weight <= 1.0)) {
    throw UserError(fmt::format("prior '{}': feh_weight = {} must lie in [0, 1]", spec.name, spec.feh_weight));
  }
  if (!(spec.cos_i_max <= 1.0 && spec.track_tolerance < 1.0)) {
    throw UserError(fmt::format("prior '{}': cos_i_max = {} must not exceed 1 and track_tolerance = {} must be below 1",
                                spec.name, spec.cos_i_max, spec.track_tolerance));
  }
  return spec;
}

// The two stars on the tracks; false where one is outside the grid.
bool stars_on_tracks(const TrackView& tracks, const Theta& theta, StellarState star[2]) {
  const double m1 = theta[kMsum] / (1.0 + theta[kQ]);
  return interpolate_star(tracks, m1, theta[kLogAge], theta[kFeh], star[0]) &&
         interpolate_star(tracks, theta[kMsum] - m1, theta[kLogAge], theta[kFeh], star[1]);
}

// z of a value at fraction `u` of a uniform conditional on (0, 1); false outside.
bool normal_from_uniform(double u, double& z) {
  if (!(u > 0.0 && u < 1.0)) return false;
  z = normal_quantile(u);
  return true;
}

}  // namespace

PriorSpec named_prior(const std::string& name) {
  PriorSpec spec;
  if (name == "paper") return spec;
  if (name == "field") {
    // Solar neighbourhood: the Geneva-Copenhagen survey's thin disc, just below solar with .2 dex (Casagrande et al.
    // 2011, A&A 530, A138), and a metal-poor tail of a tenth of the stars for the thick disc. Rounded.
    spec.name = "field";
    spec.feh_mean = -0.05;
    spec.feh_sigma = 0.20;
    spec.feh_weight = 0.9;
    spec.feh_tail_mean = -0.6;
    spec.feh_tail_sigma = 0.4;
    return spec;
  }
  throw UserError(fmt::format("prior '{}' is not known: choose 'paper' or 'field'", name));
}

Status rejection(const Theta& theta) {
  const double m1 = theta[kMsum] / (1.0 + theta[kQ]);
  const double logg[2] = {logg_cgs(m1, theta[kRadius1]), logg_cgs(theta[kMsum] - m1, theta[kRadius2])};
  const double radius[2] = {theta[kRadius1], theta[kRadius2]};
  const double periastron = (radius[0] + radius[1]) / theta[kRsumFrac] * (1.0 - theta[kEccentricity]);
  const double lobe[2] = {roche_lobe_radius(theta[kQ]), roche_lobe_radius(1.0 / theta[kQ])};
  for (const double g : logg) {
    if (!(g <= kMaxLogG)) return Status::kGravityTooHigh;
  }
  for (const int teff : {kTeff1, kTeff2}) {
    if (!(theta[static_cast<std::size_t>(teff)] >= kMinTeff)) return Status::kTooCool;
  }
  for (int k = 0; k < 2; ++k) {
    if (!(radius[k] < lobe[k] * periastron)) return Status::kRocheOverflow;
  }
  if (logg[0] < kGiantLogG && theta[kLogL1] > kGiantLogL) return Status::kLuminousGiant;
  if (logg[1] < kGiantLogG && theta[kLogL2] > kGiantLogL) return Status::kLuminousGiant;
  return Status::kOk;
}

Prior::Prior(PriorSpec spec, TrackView tracks, DustView dust)
    : spec_(checked(std::move(spec))),
      tracks_(tracks),
      dust_(dust),
      loge_below_(normal_cdf((spec_.loge_min - spec_.loge_mean) / spec_.loge_sigma)),
      loge_inside_(normal_cdf((spec_.loge_max - spec_.loge_mean) / spec_.loge_sigma) - loge_below_),
      loge_above_(normal_cdf(-(spec_.loge_max - spec_.loge_mean) / spec_.loge_sigma)),
      log_msum_(log_exponentially_modified_gaussian(spec_.msum_k, spec_.msum_mu, spec_.msum_sigma)),
      logit_q_(logit_beta(spec_.q_alpha, spec_.q_beta)),
      logit_age_(logit_beta(spec_.age_alpha, spec_.age_beta)),
      feh_(two_normals(spec_)),
      logit_rsum_(logit_beta(spec_.rsum_alpha, spec_.rsum_beta)) {}

// log10 e at radius r of the plane (z5, z6): 1 - CDF = exp(-r^2 / 2).
double Prior::eccentricity_quantile(double radius) const {
  const double upper = std::exp(-0.5 * radius * radius), lower = -std::expm1(-0.5 * radius * radius);
  const double z = lower < 0.5 ? normal_quantile(loge_below_ + lower * loge_inside_)
                               : -normal_quantile(loge_above_ + upper * loge_inside_);
  return spec_.loge_mean + spec_.loge_sigma * z;
}

double Prior::log10_eccentricity_density(double log10_e) const {
  return normal_pdf((log10_e - spec_.loge_mean) / spec_.loge_sigma) / (spec_.loge_sigma * loge_inside_);
}

// The paper, section 2.1.1: primary eclipses need cos i <= (R1 + R2)/a (1 + e sin omega) / (1 - e^2).
double Prior::cos_i_limit(const Theta& theta) const {
  const double e = theta[kEccentricity];
  return std::min(spec_.cos_i_max, theta[kRsumFrac] * (1.0 + e * std::sin(theta[kOmega])) / (1.0 - e * e));
}

Status Prior::theta_from_latent(const Latent& z, Theta& theta) const {
  return theta_from_latent(z, std::numeric_limits<double>::quiet_NaN(), theta);
}

Status Prior::theta_from_latent(const Latent& z, double period_day, Theta& theta) const {
  for (const double value : z) {
    if (!std::isfinite(value)) return Status::kInvalidInput;
  }
  theta[kMsum] = std::exp(log_msum_.value(z[kMsum]));
  theta[kQ] = logistic(logit_q_.value(z[kQ]));
  theta[kLogAge] = spec_.log_age_min + (spec_.log_age_max - spec_.log_age_min) * logistic(logit_age_.value(z[kLogAge]));
  theta[kFeh] = feh_.value(z[kFeh]);
  StellarState star[2];
  if (!stars_on_tracks(tracks_, theta, star)) return Status::kOutsideTracks;

  // erf(z / sqrt 2) = 2 Phi(z) - 1 is uniform in (-1, 1). The luminosity's band is +-5% in linear L: a fraction of log
  // L itself would vanish at 1 Lsun.
  for (std::size_t k = 0; k < 2; ++k) {
    const auto offset = [&](Parameter p) { return 1.0 + spec_.track_tolerance * std::erf(z[p + k] / kSqrt2); };
    theta[kTeff1 + k] = star[k].teff_k * offset(kTeff1);
    theta[kLogL1 + k] = star[k].log_l + std::log10(offset(kLogL1));
    theta[kRadius1 + k] = star[k].radius_rsun * offset(kRadius1);
  }

  if (!std::isnan(period_day)) {
    theta[kRsumFrac] = (theta[kRadius1] + theta[kRadius2]) / sma_from_period_rsun(period_day, theta[kMsum]);
    if (!(theta[kRsumFrac] > 0.0 && theta[kRsumFrac] < 1.0)) return Status::kBadGeometry;
  } else {
    theta[kRsumFrac] = logistic(logit_rsum_.value(z[kRsumFrac]));
  }
  theta[kEccentricity] = std::pow(10.0, eccentricity_quantile(std::hypot(z[kEccentricity], z[kOmega])));
  const double angle = std::atan2(z[kOmega], z[kEccentricity]);
  theta[kOmega] = angle < 0.0 ? angle + kTwoPi : angle;
  theta[kCosI] = normal_cdf(z[kCosI]) * cos_i_limit(theta);
  theta[kDistance] = distance_from_z(dust_, z[kDistance]);
  theta[kEbv] = ebv_from_z(dust_, z[kDistance], z[kEbv]);
  for (const double value : theta) {
    if (!std::isfinite(value)) return Status::kInvalidInput;
  }
  return rejection(theta);
}

Status Prior::latent_from_theta(const Theta& theta, Latent& z) const {
  for (const double value : theta) {
    if (!std::isfinite(value)) return Status::kInvalidInput;
  }
  const double u_age = (theta[kLogAge] - spec_.log_age_min) / (spec_.log_age_max - spec_.log_age_min);
  const double log10_e = std::log10(theta[kEccentricity]);
  const bool inside = theta[kMsum] > 0.0 && theta[kQ] > 0.0 && theta[kQ] < 1.0 && u_age > 0.0 && u_age < 1.0 &&
                      theta[kRsumFrac] > 0.0 && theta[kRsumFrac] < 1.0 && log10_e > spec_.loge_min &&
                      log10_e < spec_.loge_max && theta[kOmega] >= 0.0 && theta[kOmega] < kTwoPi &&
                      theta[kDistance] > 0.0 && theta[kEbv] > 0.0;
  if (!inside) return Status::kInvalidInput;
  StellarState star[2];
  if (!stars_on_tracks(tracks_, theta, star)) return Status::kOutsideTracks;

  z[kMsum] = log_msum_.z_of(std::log(theta[kMsum]));
  z[kQ] = logit_q_.z_of(logit(theta[kQ]));
  z[kLogAge] = logit_age_.z_of(logit(u_age));
  z[kFeh] = feh_.z_of(theta[kFeh]);
  z[kRsumFrac] = logit_rsum_.z_of(logit(theta[kRsumFrac]));

  // r^2 = -2 ln(1 - CDF), from whichever tail is the smaller.
  const double t = (log10_e - spec_.loge_mean) / spec_.loge_sigma;
  const double lower = (normal_cdf(t) - loge_below_) / loge_inside_;
  const double log_upper = lower < 0.5 ? std::log1p(-lower) : std::log((normal_cdf(-t) - loge_above_) / loge_inside_);
  const double radius = std::sqrt(-2.0 * log_upper);
  z[kEccentricity] = radius * std::cos(theta[kOmega]);
  z[kOmega] = radius * std::sin(theta[kOmega]);

  if (!std::isfinite(radius) || !normal_from_uniform(theta[kCosI] / cos_i_limit(theta), z[kCosI])) {
    return Status::kInvalidInput;
  }
  for (std::size_t k = 0; k < 2; ++k) {
    const auto invert = [&](Parameter p, double ratio) {
      return normal_from_uniform(0.5 * ((ratio - 1.0) / spec_.track_tolerance + 1.0), z[p + k]);
    };
    if (!invert(kTeff1, theta[kTeff1 + k] / star[k].teff_k) ||
        !invert(kLogL1, std::pow(10.0, theta[kLogL1 + k] - star[k].log_l)) ||
        !invert(kRadius1, theta[kRadius1 + k] / star[k].radius_rsun)) {
      return Status::kInvalidInput;
    }
  }
  z[kDistance] = z_from_distance(dust_, theta[kDistance]);
  z[kEbv] = z_from_ebv(dust_, z[kDistance], theta[kEbv]);
  return Status::kOk;
}

// Section 2.1.2, log p = -k ln(1 + exp(x - xmax)), leaves the unit of x and the constant k open; with x = rsumfrac
// itself it would not be flat inside (0, 1) at all. Here k = 1 and x is barrier_steepness times ln(rsumfrac), so that a
// boundary is as sharp for wide binaries as for close ones: the factor is 1 / (1 + (rsumfrac / max)^steepness), and 1/2
// on the boundary.
double Prior::log_barrier(const Theta& theta) const {
  const double e = theta[kEccentricity], q = theta[kQ];
  // Eclipses at both conjunctions.
  const double least = theta[kCosI] * (1.0 - e * e) / (1.0 + std::abs(e * std::sin(theta[kOmega])));
  // Detached at periastron.
  const double most = (roche_lobe_radius(q) + roche_lobe_radius(1.0 / q)) * (1.0 - e);
  return -softplus(spec_.barrier_steepness * std::log(least / theta[kRsumFrac])) -
         softplus(spec_.barrier_steepness * std::log(theta[kRsumFrac] / most));
}

double Prior::log_period_density(const Theta& theta) const {
  const double a = spec_.rsum_alpha, b = spec_.rsum_beta, r = theta[kRsumFrac];
  const double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  return std::log(2.0 / 3.0) + a * std::log(r) + (b - 1.0) * std::log1p(-r) - log_beta;
}

double Prior::log_jacobian(const Latent& z, const Theta& theta) const {
  // theta depends on z one after the other (e and omega together), so |d theta / d z| is the product of the diagonal.
  double sum = 0.0, slope = 0.0;
  log_msum_.value(z[kMsum], &slope);
  sum += std::log(theta[kMsum] * slope);
  logit_q_.value(z[kQ], &slope);
  sum += std::log(theta[kQ] * (1.0 - theta[kQ]) * slope);
  const double y_age = logit_age_.value(z[kLogAge], &slope);
  sum += std::log((spec_.log_age_max - spec_.log_age_min) * logistic(y_age) * logistic(-y_age) * slope);
  feh_.value(z[kFeh], &slope);
  sum += std::log(slope);
  logit_rsum_.value(z[kRsumFrac], &slope);
  sum += std::log(theta[kRsumFrac] * (1.0 - theta[kRsumFrac]) * slope);

  // |d(e, omega) / d(z5, z6)| = (de/dr) / r, with dCDF/dr = r exp(-r^2 / 2).
  const double r_squared = z[kEccentricity] * z[kEccentricity] + z[kOmega] * z[kOmega];
  const double e = theta[kEccentricity];
  sum += std::log(e * kLn10) - 0.5 * r_squared - std::log(log10_eccentricity_density(std::log10(e)));

  // d(2 Phi - 1)/dz = 2 phi, d Phi/dz = phi.
  const auto log_phi = [](double x) { return -0.5 * x * x + std::log(kInvSqrt2Pi); };
  sum += log_phi(z[kCosI]) + std::log(cos_i_limit(theta));
  for (std::size_t k = 0; k < 2; ++k) {
    const auto log_offset_slope = [&](Parameter p) {
      // d ln(1 + tol erf) / dz
      return std::log(2.0 * spec_.track_tolerance) + log_phi(z[p + k]) -
             std::log1p(spec_.track_tolerance * std::erf(z[p + k] / kSqrt2));
    };
    sum += log_offset_slope(kTeff1) + std::log(theta[kTeff1 + k]);
    sum += log_offset_slope(kLogL1) - std::log(kLn10);
    sum += log_offset_slope(kRadius1) + std::log(theta[kRadius1 + k]);
  }

  distance_from_z(dust_, z[kDistance], &slope);
  sum += std::log(theta[kDistance] * kLn10 * slope);
  ebv_from_z(dust_, z[kDistance], z[kEbv], &slope);
  sum += std::log(theta[kEbv] * kLn10 * slope);
  return sum;
}

double Prior::log_density(const Theta& theta) const {
  Latent z;
  if (latent_from_theta(theta, z) != Status::kOk || rejection(theta) != Status::kOk) {
    return -std::numeric_limits<double>::infinity();
  }
  double log_normal = 0.0;
  for (const double value : z) log_normal += -0.5 * value * value + std::log(kInvSqrt2Pi);
  return log_normal - log_jacobian(z, theta) + log_barrier(theta);
}

PriorDraw Prior::draw(std::uint64_t seed, std::uint64_t index) const {
  RandomStream random(seed, index, Stage::kPrior);
  PriorDraw out;
  for (int attempt = 0; attempt < kMaxTries; ++attempt) {
    // Always 16 normals and one uniform, whatever becomes of the attempt.
    for (double& value : out.z) value = random.normal();
    const double u = random.uniform();
    Status status = theta_from_latent(out.z, out.theta);
    if (status == Status::kOk && std::log(u) > log_barrier(out.theta)) status = Status::kSoftBarrier;
    if (status == Status::kOk) return out;
    ++out.rejected[static_cast<std::size_t>(status)];
  }
  throw std::runtime_error(fmt::format("prior '{}': no draw of {} attempts was accepted (seed {}, draw {})", spec_.name,
                                       kMaxTries, seed, index));
}

}  // namespace penumbra
