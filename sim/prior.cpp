#include "sim/prior.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "base/error.h"
#include "sim/constants.h"
#include "sim/special_functions.h"

namespace penumbra {
namespace {

constexpr double kLn10 = 2.30258509299404568402;

double logit(double x) { return std::log(x / (1.0 - x)); }

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

PriorView Prior::view() const {
  return {
      spec_,       loge_below_,        loge_inside_, loge_above_, log_msum_.view(), logit_q_.view(), logit_age_.view(),
      feh_.view(), logit_rsum_.view(), tracks_,      dust_};
}

double Prior::log10_eccentricity_density(double log10_e) const {
  return normal_pdf((log10_e - spec_.loge_mean) / spec_.loge_sigma) / (spec_.loge_sigma * loge_inside_);
}

Status Prior::theta_from_latent(const Latent& z, Theta& theta) const {
  return theta_from_latent(z, std::numeric_limits<double>::quiet_NaN(), theta);
}

Status Prior::theta_from_latent(const Latent& z, double period_day, Theta& theta) const {
  return penumbra::theta_from_latent(view(), z, period_day, theta);
}

Status Prior::latent_from_theta(const Theta& theta, Latent& z) const {
  for (const double value : theta) {
    if (!std::isfinite(value)) return Status::kInvalidInput;
  }
  const double u_age = (theta[kLogAge] - spec_.log_age_min) / (spec_.log_age_max - spec_.log_age_min);
  const bool inside = theta[kMsum] > 0.0 && theta[kQ] > 0.0 && theta[kQ] < 1.0 && u_age > 0.0 && u_age < 1.0 &&
                      theta[kRsumFrac] > 0.0 && theta[kRsumFrac] < 1.0 && theta[kOmega] >= 0.0 &&
                      theta[kOmega] < kTwoPi && theta[kDistance] > 0.0 && theta[kEbv] > 0.0;
  if (!inside) return Status::kInvalidInput;
  StellarState star[2];
  if (!stars_on_tracks(tracks_, theta, star)) return Status::kOutsideTracks;

  z[kMsum] = log_msum_.z_of(std::log(theta[kMsum]));
  z[kQ] = logit_q_.z_of(logit(theta[kQ]));
  z[kLogAge] = logit_age_.z_of(logit(u_age));
  z[kFeh] = feh_.z_of(theta[kFeh]);
  z[kRsumFrac] = z_from_rsumfrac(theta[kRsumFrac]);

  const Status eccentricity = latent_from_eccentricity(theta[kEccentricity], theta[kOmega], z);
  if (eccentricity != Status::kOk) return eccentricity;

  if (!normal_from_uniform(theta[kCosI] / cos_i_limit(spec_, theta), z[kCosI])) return Status::kInvalidInput;
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

Status Prior::latent_from_eccentricity(double eccentricity, double omega, Latent& z) const {
  const double log10_e = std::log10(eccentricity);
  if (!(log10_e > spec_.loge_min && log10_e < spec_.loge_max)) return Status::kInvalidInput;
  // r^2 = -2 ln(1 - CDF), from whichever tail is the smaller.
  const double t = (log10_e - spec_.loge_mean) / spec_.loge_sigma;
  const double lower = (normal_cdf(t) - loge_below_) / loge_inside_;
  const double log_upper = lower < 0.5 ? std::log1p(-lower) : std::log((normal_cdf(-t) - loge_above_) / loge_inside_);
  const double radius = std::sqrt(-2.0 * log_upper);
  z[kEccentricity] = radius * std::cos(omega);
  z[kOmega] = radius * std::sin(omega);
  return std::isfinite(radius) ? Status::kOk : Status::kInvalidInput;
}

double Prior::log_barrier(const Theta& theta) const { return penumbra::log_barrier(spec_, theta); }

double Prior::z_from_rsumfrac(double rsumfrac) const { return logit_rsum_.z_of(logit(rsumfrac)); }

double Prior::log_rsumfrac_density(double r) const {
  const double a = spec_.rsum_alpha, b = spec_.rsum_beta;
  const double log_beta = std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b);
  return (a - 1.0) * std::log(r) + (b - 1.0) * std::log1p(-r) - log_beta;
}

double Prior::log_period_density(const Theta& theta) const {
  const double r = theta[kRsumFrac];
  return std::log(2.0 / 3.0 * r) + log_rsumfrac_density(r);
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

  sum += log_eccentricity_jacobian(z, theta[kEccentricity]);

  // d(2 Phi - 1)/dz = 2 phi, d Phi/dz = phi.
  sum += log_normal_pdf(z[kCosI]) + std::log(cos_i_limit(spec_, theta));
  for (std::size_t k = 0; k < 2; ++k) {
    const auto log_offset_slope = [&](Parameter p) {
      // d ln(1 + tol erf) / dz
      return std::log(2.0 * spec_.track_tolerance) + log_normal_pdf(z[p + k]) -
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

double Prior::log_eccentricity_jacobian(const Latent& z, double eccentricity) const {
  // (de/dr) / r, with dCDF/dr = r exp(-r^2 / 2).
  const double r_squared = z[kEccentricity] * z[kEccentricity] + z[kOmega] * z[kOmega];
  return std::log(eccentricity * kLn10) - 0.5 * r_squared -
         std::log(log10_eccentricity_density(std::log10(eccentricity)));
}

double Prior::log_density(const Theta& theta) const {
  Latent z;
  if (latent_from_theta(theta, z) != Status::kOk || rejection(theta) != Status::kOk) {
    return -std::numeric_limits<double>::infinity();
  }
  double log_normal = 0.0;
  for (const double value : z) log_normal += log_normal_pdf(value);
  return log_normal - log_jacobian(z, theta) + log_barrier(theta);
}

PriorDraw Prior::draw(std::uint64_t seed, std::uint64_t index) const {
  PriorDraw out;
  if (accepted_draw(view(), seed, index, out)) return out;
  throw std::runtime_error(fmt::format("prior '{}': no draw of {} attempts was accepted (seed {}, draw {})", spec_.name,
                                       kMaxPriorTries, seed, index));
}

}  // namespace penumbra
