// Distance and reddening, drawn jointly (the paper, section 2.1.4) without sky position as a parameter.
//
// The paper resamples sky positions of catalogued eclipsing binaries, perturbs their distances and reads E(B-V) from a
// three-dimensional map. Here the same joint distribution is made from published analytic parts at start-up: a
// lognormal distance, perturbation included; the sightlines on which a binary of that distance lies (survey footprints
// times an exponential stellar disc); and the dust there, from the Galactic gas disc of Amores & Lepine (2005) with the
// scatter of patchy dust about it, or from the paper's own map, Bayestar2019. What the prior keeps are quantile
// functions: P(d) and P(E(B-V) | d), smooth, monotone and invertible, so that draws and densities are one definition.
#pragma once

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/host_device.h"

namespace penumbra {

// Coefficients of uniform cubic B-splines over the unit normal z; knot i is at z_min + i * z_step. Increasing
// coefficients make an increasing spline, with a continuous positive derivative.
struct DustView {
  double z_min = 0.0, z_step = 0.0;
  int z_count = 0;
  const double* log_distance = nullptr;  // [z_count] log10 d/pc
  const double* log_ebv = nullptr;       // [z_count of distance][z_count] log10 E(B-V)/mag
};

// The four non-zero cubic B-splines at z, for knots first .. first + 3.
struct SplineWeights {
  int first;
  double value[4];
  double slope[4];  // d value / dz
};

// z inside the table: between the second knot and the last but one.
PN_HD inline SplineWeights spline_weights(const DustView& dust, double z) {
  const double position = (z - dust.z_min) / dust.z_step;
  int i = static_cast<int>(position);
  if (i < 1) i = 1;
  if (i > dust.z_count - 3) i = dust.z_count - 3;
  const double t = position - i, s = 1.0 - t;
  return {
      i - 1,
      {s * s * s / 6.0, (4.0 + t * t * (3.0 * t - 6.0)) / 6.0, (4.0 + s * s * (3.0 * s - 6.0)) / 6.0, t * t * t / 6.0},
      {-0.5 * s * s / dust.z_step, t * (1.5 * t - 2.0) / dust.z_step, -s * (1.5 * s - 2.0) / dust.z_step,
       0.5 * t * t / dust.z_step}};
}

// An increasing spline with straight ends. coefficient(i) gives the i-th coefficient.
template <class Coefficient>
PN_HD inline double spline_value(const DustView& dust, const Coefficient& coefficient, double z, double* slope) {
  const double low = dust.z_min + dust.z_step, high = dust.z_min + (dust.z_count - 2) * dust.z_step;
  const double inside = z < low ? low : z > high ? high : z;
  const SplineWeights w = spline_weights(dust, inside);
  double y = 0.0, dy = 0.0;
  for (int k = 0; k < 4; ++k) {
    const double c = coefficient(w.first + k);
    y += w.value[k] * c;
    dy += w.slope[k] * c;
  }
  if (slope != nullptr) *slope = dy;
  return y + dy * (z - inside);
}

// z of a value: bracketed Newton. The straight ends are exact at the first step.
template <class Coefficient>
PN_HD inline double spline_inverse(const DustView& dust, const Coefficient& coefficient, double y) {
  double low = dust.z_min, high = dust.z_min + (dust.z_count - 1) * dust.z_step;
  double z = 0.5 * (low + high);
  for (int step = 0; step < 100; ++step) {
    double slope = 0.0;
    const double excess = spline_value(dust, coefficient, z, &slope) - y;
    (excess > 0.0 ? high : low) = z;
    double next = z - excess / slope;
    const bool on_straight_end = z <= dust.z_min + dust.z_step || z >= dust.z_min + (dust.z_count - 2) * dust.z_step;
    if (!on_straight_end && !(next > low && next < high)) next = 0.5 * (low + high);
    if (std::abs(next - z) <= 1e-14 * (1.0 + std::abs(z))) return next;
    z = next;
  }
  return z;
}

// Quantile functions of z ~ N(0, 1); beyond the table's ends they continue with the end slope in log10.
PN_HD inline double distance_from_z(const DustView& dust, double z, double* dlog10d_dz = nullptr) {
  const auto coefficient = [&dust](int i) { return dust.log_distance[i]; };
  return std::pow(10.0, spline_value(dust, coefficient, z, dlog10d_dz));
}

PN_HD inline double z_from_distance(const DustView& dust, double distance_pc) {
  const auto coefficient = [&dust](int i) { return dust.log_distance[i]; };
  return spline_inverse(dust, coefficient, std::log10(distance_pc));
}

// Coefficients of log10 E(B-V) against z at one distance. Beyond the table's ends in distance, those of the end.
struct EbvAtDistance {
  const DustView& dust;
  SplineWeights w;

  PN_HD EbvAtDistance(const DustView& view, double z_distance) : dust(view), w() {
    const double low = dust.z_min + dust.z_step, high = dust.z_min + (dust.z_count - 2) * dust.z_step;
    w = spline_weights(dust, z_distance < low ? low : z_distance > high ? high : z_distance);
  }
  PN_HD double operator()(int i) const {
    double sum = 0.0;
    for (int k = 0; k < 4; ++k) sum += w.value[k] * dust.log_ebv[(w.first + k) * dust.z_count + i];
    return sum;
  }
};

PN_HD inline double ebv_from_z(const DustView& dust, double z_distance, double z, double* dlog10ebv_dz = nullptr) {
  return std::pow(10.0, spline_value(dust, EbvAtDistance(dust, z_distance), z, dlog10ebv_dz));
}

PN_HD inline double z_from_ebv(const DustView& dust, double z_distance, double ebv) {
  return spline_inverse(dust, EbvAtDistance(dust, z_distance), std::log10(ebv));
}

// Amores & Lepine (2005, AJ 130, 679), axisymmetric model A: A_V by integrating the Galactic gas disc along (l, b) to
// distance d; E(B-V) = A_V / 3.1, in magnitudes.
double amores_lepine_ebv(double l_rad, double b_rad, double distance_pc);

class DustPrior {
 public:
  // Builds the tables; a few hundred milliseconds, the same numbers every time.
  static DustPrior analytic();
  // The same distances and sightlines with the dust of a Bayestar2019 file, and the analytic dust where that map has no
  // pixel (declination below -30 deg). UserError as BayestarMap.
  static DustPrior bayestar(const std::filesystem::path& map_file);
  DustView view() const;  // valid while this object lives

 private:
  std::vector<double> log_distance_, log_ebv_;
};

}  // namespace penumbra
