#include "sim/dust.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "sim/constants.h"
#include "sim/special_functions.h"

namespace penumbra {
namespace {

constexpr double kZMin = -6.0, kZStep = 0.25;
constexpr int kZCount = 49;  // -6 to 6
constexpr int kSightlines = 256;

// Distances. 35 eclipsing binaries from the ZTF and ASAS-SN lists of VSX with Gaia distances have log10 d = 3.14 +- .29
// (400 pc to 5.8 kpc), but those are faint ones; ASAS-SN also reaches binaries of 9th magnitude at 100 pc. A median of
// 790 pc with .40 dex covers both: 137 pc, the Pleiades, is at -1.9 sigma and 3 kpc at +1.4 sigma.
constexpr double kLogDistanceMean = 2.90;
constexpr double kLogDistanceSigma = 0.40;
constexpr double kLogDistancePerturbation = 0.10;  // the paper, section 2.1.4: epsilon ~ N(0, .10)

// Where the stars are: exp(-|z| / 300 pc - R / 2600 pc), the thin disc of Juric et al. (2008, ApJ 673, 864).
constexpr double kStarHeightKpc = 0.3;
constexpr double kStarLengthKpc = 2.6;

// ZTF observes north of declination -30 deg (Bellm et al. 2019); ASAS-SN observes the whole sky (Kochanek et al. 2017).
// Each survey counts once.
constexpr double kZtfSinDeclination = -0.5;

// Real dust is patchy where the model is smooth: lognormal scatter of E(B-V) about it, a factor of 1.8.
constexpr double kPatchinessDex = 0.25;

constexpr double kSunRadiusKpc = 7.5;   // of Amores & Lepine (2005)
constexpr double kSunHeightKpc = 0.02;  // their offset. Their program has the Sun south of the plane; it is north of it
constexpr double kRv = 3.1;
// Beyond this the disc adds nothing, and the exponentials of its flare grow without meaning.
constexpr double kDiscEdgeKpc = 30.0;

struct GalacticPosition {
  double radius_kpc;
  double height_kpc;  // above the mid-plane
};

GalacticPosition position_on_sightline(double cos_l, double sin_b, double distance_kpc) {
  const double in_plane = distance_kpc * std::sqrt(std::max(0.0, 1.0 - sin_b * sin_b));
  const double radius_squared =
      kSunRadiusKpc * kSunRadiusKpc + in_plane * in_plane - 2.0 * kSunRadiusKpc * in_plane * cos_l;
  return {std::sqrt(std::max(1e-12, radius_squared)), distance_kpc * sin_b + kSunHeightKpc};
}

// dA_V/ds in mag/kpc. Numbers of Amores & Lepine (2005), model A: gas densities in atoms cm^-3, H2 counted twice; HI
// weighted by metallicity; 3.086e21 cm kpc^-1 times .57e-21 mag cm^2.
double extinction_per_kpc(const GalacticPosition& at) {
  const double r = at.radius_kpc;
  const double height_h2 = 0.036 * std::exp(0.08 * r);
  const double height_hi = 1.8 * height_h2;
  const double hi = 0.7 * std::exp(-r / 7.0 - (1.9 / r) * (1.9 / r));
  const double h2 = 58.0 * std::exp(-r / 1.2 - (3.5 / r) * (3.5 / r)) + 240.0 * std::exp(-r * r / 0.095);
  const double metallicity = r <= 1.2   ? 9.6
                             : r <= 9.0 ? std::sqrt(kSunRadiusKpc / r)
                                        : std::pow(kSunRadiusKpc / r, 0.1);
  const double z_hi = at.height_kpc / height_hi, z_h2 = at.height_kpc / height_h2;
  const double gas = hi * metallicity * std::exp(-0.5 * z_hi * z_hi) + 2.0 * h2 * std::exp(-0.5 * z_h2 * z_h2);
  return gas * 3.086 * 0.57;
}

double sin_declination(double l_rad, double sin_b) {
  constexpr double kPoleDeclination = 27.12825 * kPi / 180.0;   // north Galactic pole, J2000
  constexpr double kLongitudeOfPole = 122.93192 * kPi / 180.0;  // Galactic longitude of the celestial pole
  const double cos_b = std::sqrt(std::max(0.0, 1.0 - sin_b * sin_b));
  return std::sin(kPoleDeclination) * sin_b + std::cos(kPoleDeclination) * cos_b * std::cos(l_rad - kLongitudeOfPole);
}

// log10 E(B-V) on the sightlines of one distance, and their weights (sum 1).
struct Sightlines {
  std::array<double, kSightlines> log_ebv, weight;
};

// |sin b| follows the truncated exponential exp(-d |sin b| / h); longitude and the rest of the weight by importance.
// The points are a low-discrepancy lattice (the R2 sequence of Roberts 2018: powers of the plastic number), the same at
// every distance, so that nothing is noisy.
Sightlines sightlines_at(double distance_pc) {
  constexpr double kPlastic = 1.32471795724474602596;
  const double distance_kpc = distance_pc / 1000.0;
  const double rate = distance_kpc / kStarHeightKpc;
  Sightlines lines;
  double total = 0.0;
  for (int k = 0; k < kSightlines; ++k) {
    const auto at = static_cast<std::size_t>(k);
    double u = 0.5 + (k + 1) / kPlastic, v = 0.5 + (k + 1) / (kPlastic * kPlastic);
    u -= std::floor(u);
    v -= std::floor(v);
    const double side = u < 0.5 ? -1.0 : 1.0;
    const double fraction = u < 0.5 ? 2.0 * u : 2.0 * u - 1.0;
    const double sin_b = side * std::min(1.0, -std::log1p(fraction * std::expm1(-rate)) / rate);
    const double l_rad = kTwoPi * v;
    const GalacticPosition star = position_on_sightline(std::cos(l_rad), sin_b, distance_kpc);
    const double surveys = sin_declination(l_rad, sin_b) > kZtfSinDeclination ? 2.0 : 1.0;
    lines.weight[at] = surveys * std::exp(-(star.radius_kpc - kSunRadiusKpc) / kStarLengthKpc);
    lines.log_ebv[at] = std::log10(amores_lepine_ebv(l_rad, std::asin(sin_b), distance_pc));
    total += lines.weight[at];
  }
  for (double& w : lines.weight) w /= total;
  return lines;
}

// Quantile of the mixture of N(log_ebv, patchiness) over the sightlines at Phi(z): Newton in z(y) = Phi^-1(CDF(y)),
// which is nearly straight, safeguarded by a bracket.
double mixture_quantile(const Sightlines& lines, double z, double start) {
  double low = -12.0, high = 6.0, y = start;
  const double target = std::log(normal_cdf(-std::abs(z)));
  for (int step = 0; step < 100; ++step) {
    double tail = 0.0, density = 0.0;
    for (std::size_t k = 0; k < kSightlines; ++k) {
      const double offset = (y - lines.log_ebv[k]) / kPatchinessDex;
      tail += lines.weight[k] * normal_cdf(z <= 0.0 ? offset : -offset);
      density += lines.weight[k] * normal_pdf(offset) / kPatchinessDex;
    }
    const double excess = (std::log(tail) - target) * (z <= 0.0 ? 1.0 : -1.0);
    (excess > 0.0 ? high : low) = y;
    double next = y - excess * tail / density;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - y) < 1e-10) return next;
    y = next;
  }
  return y;
}

}  // namespace

double amores_lepine_ebv(double l_rad, double b_rad, double distance_pc) {
  const double length_kpc = std::min(distance_pc / 1000.0, kDiscEdgeKpc);
  const double cos_l = std::cos(l_rad), sin_b = std::sin(b_rad);
  // Simpson's rule, 50 pc steps at most.
  const int pairs = std::max(4, static_cast<int>(std::ceil(length_kpc / 0.1)));
  const double step = length_kpc / (2 * pairs);
  double sum = 0.0;
  for (int k = 0; k <= 2 * pairs; ++k) {
    const double weight = k == 0 || k == 2 * pairs ? 1.0 : k % 2 == 1 ? 4.0 : 2.0;
    sum += weight * extinction_per_kpc(position_on_sightline(cos_l, sin_b, k * step));
  }
  // Their section 4.1: towards 120 deg < l < 200 deg the observed extinction is twice that of the gas model.
  const double turn = l_rad - kTwoPi * std::floor(l_rad / kTwoPi);
  const double tuning = turn > kTwoPi * 120.0 / 360.0 && turn < kTwoPi * 200.0 / 360.0 ? 2.0 : 1.0;
  return tuning * sum * step / 3.0 / kRv;
}

DustPrior DustPrior::analytic() {
  const double sigma = std::hypot(kLogDistanceSigma, kLogDistancePerturbation);
  DustPrior prior;
  for (int i = 0; i < kZCount; ++i) {
    // The quantiles serve as the spline's coefficients: exact for a lognormal, and within h^2 y''/6, some 1e-3 dex, for
    // E(B-V). That spline is the prior.
    const double log_distance = kLogDistanceMean + sigma * (kZMin + i * kZStep);
    prior.log_distance_.push_back(log_distance);
    const Sightlines lines = sightlines_at(std::pow(10.0, log_distance));
    double y = -4.0, rise = 0.0;
    for (int j = 0; j < kZCount; ++j) {
      const double next = mixture_quantile(lines, kZMin + j * kZStep, y + rise);
      if (j > 0) {
        rise = next - y;
        if (!(rise > 0.0)) throw std::logic_error("DustPrior: the quantiles of E(B-V) do not increase");
      }
      y = next;
      prior.log_ebv_.push_back(y);
    }
  }
  return prior;
}

DustView DustPrior::view() const {
  DustView view;
  view.z_min = kZMin;
  view.z_step = kZStep;
  view.z_count = kZCount;
  view.log_distance = log_distance_.data();
  view.log_ebv = log_ebv_.data();
  return view;
}

}  // namespace penumbra
