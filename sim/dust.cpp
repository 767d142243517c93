#include "sim/dust.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/bayestar.h"
#include "sim/constants.h"
#include "sim/special_functions.h"

namespace penumbra {
namespace {

constexpr double kLn10 = 2.30258509299404568402;
constexpr double kZMin = -6.0, kZStep = 0.25;
constexpr int kZCount = 49;                    // -6 to 6
constexpr std::size_t kModelSightlines = 256;  // a smooth model
constexpr std::size_t kMapSightlines = 1024;   // a map with clouds in it

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

// A map shows its clouds, so what scatters about it is its error beyond its own samples: a tenth (Bayestar against
// Planck's dust emission; Green et al. 2018, MNRAS 478, 651) and .005 mag, which also stands in for the zeros that
// maps have near the Sun. Nearer than 100 pc the latter shrinks with distance.
constexpr double kMapRelativeError = 0.10;
constexpr double kMapErrorMag = 0.005, kMapErrorPc = 100.0;

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

// Sightlines on which a binary of one distance lies, and their weights (sum 1).
struct Sightlines {
  std::vector<SkyPosition> position;
  std::vector<double> weight;
};

// The paper moves a star of distance d0 along its sightline to d, log10 d = log10 d0 + epsilon; given d, log10 d0 is
// normal too. |sin b| follows the truncated exponential exp(-d0 |sin b| / h); longitude and the rest of the weight by
// importance. The points are a low-discrepancy lattice (the R2 sequence of Roberts 2018: powers of the plastic number;
// the golden ratio for epsilon), the same at every distance, so that nothing is noisy.
Sightlines sightlines_at(double log_distance, std::size_t count, double perturbation_dex) {
  constexpr double kPlastic = 1.32471795724474602596, kGolden = 1.61803398874989484820;
  const double share = perturbation_dex / std::hypot(kLogDistanceSigma, perturbation_dex);
  const double log_star_mean = log_distance - share * share * (log_distance - kLogDistanceMean);
  const double distance_pc = std::pow(10.0, log_distance);
  Sightlines lines;
  double total = 0.0;
  for (std::size_t k = 0; k < count; ++k) {
    const auto point = [number = static_cast<double>(k + 1)](double ratio) {
      const double u = 0.5 + number / ratio;
      return u - std::floor(u);
    };
    const double u = point(kPlastic), v = point(kPlastic * kPlastic);
    const double star_kpc =
        std::pow(10.0, log_star_mean + kLogDistanceSigma * share * normal_quantile(point(kGolden))) / 1000.0;
    const double rate = star_kpc / kStarHeightKpc;
    const double side = u < 0.5 ? -1.0 : 1.0;
    const double fraction = u < 0.5 ? 2.0 * u : 2.0 * u - 1.0;
    const double sin_b = side * std::min(1.0, -std::log1p(fraction * std::expm1(-rate)) / rate);
    const double l_rad = kTwoPi * v;
    const GalacticPosition star = position_on_sightline(std::cos(l_rad), sin_b, star_kpc);
    const double surveys = sin_declination(l_rad, sin_b) > kZtfSinDeclination ? 2.0 : 1.0;
    lines.position.push_back({l_rad, sin_b, distance_pc});
    lines.weight.push_back(surveys * std::exp(-(star.radius_kpc - kSunRadiusKpc) / kStarLengthKpc));
    total += lines.weight.back();
  }
  for (double& w : lines.weight) w /= total;
  return lines;
}

// E(B-V) at one distance: a lognormal on each sightline.
struct Reddening {
  std::vector<double> weight, log_ebv, scatter_dex;

  void add(double w, double ebv, double scatter) {
    weight.push_back(w);
    log_ebv.push_back(std::log10(ebv));
    scatter_dex.push_back(scatter);
  }
  void add_model(double w, const SkyPosition& at) {
    add(w, amores_lepine_ebv(at.l_rad, std::asin(at.sin_b), at.distance_pc), kPatchinessDex);
  }
  void add_map(double w, const SkyPosition& at, double ebv) {
    const double error = kMapErrorMag * std::min(1.0, at.distance_pc / kMapErrorPc);
    const double value = std::max(ebv, error);
    add(w, value, std::hypot(kMapRelativeError, error / value) / kLn10);
  }
};

// Quantile of the mixture of N(log_ebv, scatter) over the sightlines at Phi(z): Newton in z(y) = Phi^-1(CDF(y)), which
// is nearly straight, safeguarded by a bracket.
double mixture_quantile(const Reddening& lines, double z, double start) {
  double low = -12.0, high = 6.0, y = start;
  const double target = std::log(normal_cdf(-std::abs(z)));
  for (int step = 0; step < 100; ++step) {
    double tail = 0.0, density = 0.0;
    for (std::size_t k = 0; k < lines.weight.size(); ++k) {
      const double offset = (y - lines.log_ebv[k]) / lines.scatter_dex[k];
      tail += lines.weight[k] * normal_cdf(z <= 0.0 ? offset : -offset);
      density += lines.weight[k] * normal_pdf(offset) / lines.scatter_dex[k];
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

namespace {

// log10 d/pc at the table's knots. The perturbed distance of a lognormal one is lognormal.
std::vector<double> log_distance_knots() {
  const double sigma = std::hypot(kLogDistanceSigma, kLogDistancePerturbation);
  std::vector<double> knots(kZCount);
  for (int i = 0; i < kZCount; ++i) knots[i] = kLogDistanceMean + sigma * (kZMin + i * kZStep);
  return knots;
}

// The coefficients of log10 E(B-V) against z at one distance. The quantiles serve as such: exact for a lognormal, and
// within h^2 y''/6, some 1e-3 dex, for E(B-V). That spline is the prior.
void append_quantiles(const Reddening& reddening, std::vector<double>& log_ebv) {
  double y = -4.0, rise = 0.0;
  for (int j = 0; j < kZCount; ++j) {
    const double next = mixture_quantile(reddening, kZMin + j * kZStep, y + rise);
    if (j > 0) {
      rise = next - y;
      if (!(rise > 0.0)) throw std::logic_error("DustPrior: the quantiles of E(B-V) do not increase");
    }
    y = next;
    log_ebv.push_back(y);
  }
}

}  // namespace

DustPrior DustPrior::analytic() {
  DustPrior prior;
  prior.log_distance_ = log_distance_knots();
  for (const double log_distance : prior.log_distance_) {
    // The perturbation is in the distances but not in the sightlines: the trained networks know this prior. With it in
    // both, as a map has it, log10 E(B-V) would change by .004 at most within 800 pc, by -.03 at 2 kpc and by -.06 at
    // 5 kpc.
    const Sightlines lines = sightlines_at(log_distance, kModelSightlines, 0.0);
    Reddening reddening;
    for (std::size_t k = 0; k < lines.weight.size(); ++k) reddening.add_model(lines.weight[k], lines.position[k]);
    append_quantiles(reddening, prior.log_ebv_);
  }
  return prior;
}

DustPrior DustPrior::bayestar(const std::filesystem::path& map_file) {
  DustPrior prior;
  prior.log_distance_ = log_distance_knots();
  // All distances are asked for at once: the map reads its pixels in the order of the file.
  Sightlines all;
  for (const double log_distance : prior.log_distance_) {
    const Sightlines lines = sightlines_at(log_distance, kMapSightlines, kLogDistancePerturbation);
    all.position.insert(all.position.end(), lines.position.begin(), lines.position.end());
    all.weight.insert(all.weight.end(), lines.weight.begin(), lines.weight.end());
  }
  const std::vector<double> ebv = BayestarMap(map_file).ebv(all.position);
  for (std::size_t first = 0; first < ebv.size(); first += kMapSightlines) {
    Reddening reddening;
    for (std::size_t k = first; k < first + kMapSightlines; ++k) {
      if (std::isnan(ebv[k])) {
        reddening.add_model(all.weight[k], all.position[k]);
      } else {
        reddening.add_map(all.weight[k], all.position[k], ebv[k]);
      }
    }
    append_quantiles(reddening, prior.log_ebv_);
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
