// Surface brightness and limb darkening of a star in every passband, from tables in (Teff, log g, [Fe/H]).
#pragma once

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/host_device.h"
#include "sim/axis.h"
#include "sim/passbands.h"
#include "sim/status.h"
#include "sim/system.h"

namespace penumbra {

// I(mu) / I(1) = 1 - sum_k c[k] (1 - mu^((k + 1) / 2)) - log mu ln mu, k = 0..3: Claret's (2000, A&A 363, 1081) four
// terms and that of the logarithmic law (Klinglesmith & Sobieski 1970, AJ 75, 175), with PHOEBE's signs. The usual laws
// are special cases:
//   linear       1 - u (1 - mu)
//   logarithmic  1 - x (1 - mu) - y mu ln mu
//   square root  1 - x (1 - mu) - y (1 - sqrt(mu))
//   Claret       1 - sum_k c[k] (1 - mu^((k + 1) / 2))
struct LimbDarkening {
  double c[4];
  double log = 0.0;

  PN_HD static LimbDarkening linear(double u) { return {{0.0, u, 0.0, 0.0}}; }
  PN_HD static LimbDarkening logarithmic(double x, double y) { return {{0.0, x, 0.0, 0.0}, y}; }
  PN_HD static LimbDarkening square_root(double x, double y) { return {{y, x, 0.0, 0.0}}; }
  PN_HD static LimbDarkening claret(double c1, double c2, double c3, double c4) { return {{c1, c2, c3, c4}}; }

  // Integral of I(mu) / I(1) over the disc, divided by pi: 2 int_0^1 I(mu)/I(1) mu dmu.
  PN_HD double disc_integral() const {
    double d = 1.0 + log * (2.0 / 9.0);
    for (int k = 0; k < 4; ++k) d -= c[k] * (k + 1.0) / (k + 5.0);
    return d;
  }
  PN_HD double operator()(double mu) const {
    const double s = std::sqrt(mu);
    const double logarithm = mu > 0.0 ? log * mu * std::log(mu) : 0.0;
    return 1.0 - c[0] * (1.0 - s) - c[1] * (1.0 - mu) - c[2] * (1.0 - mu * s) - c[3] * (1.0 - mu * mu) - logarithm;
  }
};

// One star in one passband, expanded about its mean (Teff, log g): the light-curve stage reads nothing else. The mean
// disc intensity at a surface point of temperature T and gravity g is, to second order in x = ln(T / Teff), y = ln(g /
// g_mean),
//   I = exp(log_intensity + slope_t x + curve_t x^2 / 2 + slope_g y)
// in Jy / sr (surface.h says how it goes on from there), and the emergent intensity is I * limb(mu) /
// limb.disc_integral(). From the tables slope_t and curve_t are central differences over kExpansionStep; a blackbody's
// are derivatives. A sphere of radius R at distance d then has the flux pi (R/d)^2 exp(log_intensity).
inline constexpr double kExpansionStep = 0.05;  // of ln T

struct StarBand {
  double log_intensity;
  double slope_t;
  double curve_t;
  double slope_g;
  LimbDarkening limb;
};

// View of the tables, usable on the device. Grids are regular in the indices; values are NaN where no model exists.
struct AtmosphereView {
  // log_intensity[band][feh][logg][teff], ln(Jy / sr) on (log10 Teff, log g, [Fe/H]) axes
  const double* log_intensity = nullptr;
  // spectral_slope[band][feh][logg][teff] on the same axes: d ln f_lambda / d ln lambda inside the band, effective for
  // its extinction (data/recipes/make_atmospheres.py)
  const double* spectral_slope = nullptr;
  const double* log_teff_axis = nullptr;
  const double* logg_axis = nullptr;
  const double* feh_axis = nullptr;
  int teff_count = 0, logg_count = 0, feh_count = 0;
  // limb_darkening[band][feh][logg][teff][4]
  const double* limb_darkening = nullptr;
  const double* ld_log_teff_axis = nullptr;
  const double* ld_logg_axis = nullptr;
  const double* ld_feh_axis = nullptr;
  int ld_teff_count = 0, ld_logg_count = 0, ld_feh_count = 0;
};

namespace detail {

// Weights of two neighbours, of which the second one has `fraction`.
struct LinearNode {
  int index;
  double fraction;
  double step;  // axis[index + 1] - axis[index]
};

PN_HD inline LinearNode linear_node(const double* axis, int count, double x) {
  const int i = find_interval(axis, count, x);
  if (i < 0) return {-1, 0.0, 1.0};
  const double step = axis[i + 1] - axis[i];
  return {i, (x - axis[i]) / step, step};
}

// Weights of four neighbours.
struct CubicNode {
  int index;  // of the first of the four; -1 outside the axis
  double weight[4];
};

// Two parabolas, through nodes 0 1 2 and 1 2 3, blended linearly between nodes 1 and 2 (Overhauser 1968): the slope is
// continuous on uneven nodes. In the first and the last interval the one parabola that exists. count >= 4.
PN_HD inline CubicNode cubic_node(const double* axis, int count, double x) {
  CubicNode node{};
  const int i = find_interval(axis, count, x);
  if (i < 0) {
    node.index = -1;
    return node;
  }
  node.index = i == 0 ? 0 : (i == count - 2 ? count - 4 : i - 1);
  const double* t = axis + node.index;
  const double right = i == 0 ? 0.0 : (i == count - 2 ? 1.0 : (x - axis[i]) / (axis[i + 1] - axis[i]));
  for (int parabola = 0; parabola < 2; ++parabola) {
    const double share = parabola == 0 ? 1.0 - right : right;
    for (int k = 0; k < 3; ++k) {  // Lagrange's weights of three nodes
      const double a = t[parabola + (k + 1) % 3], b = t[parabola + (k + 2) % 3], c = t[parabola + k];
      node.weight[parabola + k] += share * (x - a) * (x - b) / ((c - a) * (c - b));
    }
  }
  return node;
}

PN_HD inline LimbDarkening interpolate_limb(const AtmosphereView& tables, Passband band, const LinearNode& feh,
                                            const LinearNode& logg, const LinearNode& teff) {
  LimbDarkening limb{};
  for (int corner = 0; corner < 8; ++corner) {
    const int f = corner & 1, g = (corner >> 1) & 1, t = corner >> 2;
    const double weight = (f ? feh.fraction : 1.0 - feh.fraction) * (g ? logg.fraction : 1.0 - logg.fraction) *
                          (t ? teff.fraction : 1.0 - teff.fraction);
    const double* c =
        tables.limb_darkening +
        4 * (((static_cast<long>(band) * tables.ld_feh_count + feh.index + f) * tables.ld_logg_count + logg.index + g) *
                 tables.ld_teff_count +
             teff.index + t);
    for (int k = 0; k < 4; ++k) limb.c[k] += weight * c[k];
  }
  return limb;
}

}  // namespace detail

// Where a star lies in the tables, for every passband alike.
struct StarNode {
  detail::CubicNode teff[3];  // cooler by kExpansionStep, the star's own, hotter
  detail::LinearNode logg, feh;
  detail::LinearNode limb_teff, limb_logg, limb_feh;
  bool tabulated_limb;
};

// As expand_star says, but for empty cells.
PN_HD inline Status find_star_node(const AtmosphereView& tables, const Star& star, double feh, bool tabulated_limb,
                                   StarNode& node) {
  constexpr double kLn10 = 2.302585092994046;  // the axes are log10
  const double log_teff = std::log10(star.teff_k);
  node.tabulated_limb = tabulated_limb;
  node.logg = detail::linear_node(tables.logg_axis, tables.logg_count, star.logg);
  node.feh = detail::linear_node(tables.feh_axis, tables.feh_count, feh);
  if (node.logg.index < 0 || node.feh.index < 0) return Status::kOutsideAtmospheres;
  for (int n = 0; n < 3; ++n) {
    node.teff[n] =
        detail::cubic_node(tables.log_teff_axis, tables.teff_count, log_teff + (n - 1) * kExpansionStep / kLn10);
    if (node.teff[n].index < 0) return Status::kOutsideAtmospheres;
  }
  node.limb_teff = detail::linear_node(tables.ld_log_teff_axis, tables.ld_teff_count, log_teff);
  node.limb_logg = detail::linear_node(tables.ld_logg_axis, tables.ld_logg_count, star.logg);
  node.limb_feh = detail::linear_node(tables.ld_feh_axis, tables.ld_feh_count, feh);
  const bool inside = node.limb_teff.index >= 0 && node.limb_logg.index >= 0 && node.limb_feh.index >= 0;
  return tabulated_limb && !inside ? Status::kOutsideAtmospheres : Status::kOk;
}

// One passband of expand_star. `out` is as it was where the status is not kOk.
PN_HD inline Status expand_band(const AtmosphereView& tables, const StarNode& node, Passband passband, StarBand& out) {
  constexpr double kLn10 = 2.302585092994046;
  double log_intensity[3] = {0.0, 0.0, 0.0};
  double slope_g = 0.0;
  for (int corner = 0; corner < 4; ++corner) {
    const int df = corner & 1, dg = corner >> 1;
    const double feh_weight = df ? node.feh.fraction : 1.0 - node.feh.fraction;
    if (feh_weight == 0.0) continue;  // an empty cell beside a node that the star sits on does no harm
    const double weight = feh_weight * (dg ? node.logg.fraction : 1.0 - node.logg.fraction);
    const double* row = tables.log_intensity +
                        ((static_cast<long>(passband) * tables.feh_count + node.feh.index + df) * tables.logg_count +
                         node.logg.index + dg) *
                            tables.teff_count;
    for (int n = 0; n < 3; ++n) {
      double value = 0.0;
      for (int j = 0; j < 4; ++j) value += node.teff[n].weight[j] * row[node.teff[n].index + j];
      log_intensity[n] += weight * value;
      if (n == 1) slope_g += feh_weight * (dg ? value : -value) / (node.logg.step * kLn10);
    }
  }
  StarBand band{};
  band.log_intensity = log_intensity[1];
  band.slope_t = (log_intensity[2] - log_intensity[0]) / (2.0 * kExpansionStep);
  band.curve_t = (log_intensity[2] - 2.0 * log_intensity[1] + log_intensity[0]) / (kExpansionStep * kExpansionStep);
  band.slope_g = slope_g;
  if (!std::isfinite(band.slope_t) || !std::isfinite(band.curve_t)) return Status::kOutsideAtmospheres;
  if (node.tabulated_limb)
    band.limb = detail::interpolate_limb(tables, passband, node.limb_feh, node.limb_logg, node.limb_teff);
  out = band;
  return Status::kOk;
}

// Fills out[k] for passbands[k]. log_intensity is interpolated piecewise cubically in log Teff, linearly in log g and
// [Fe/H]. The slopes in T are differences over kExpansionStep, not derivatives: neighbouring models are 3 to 5% apart
// in Teff, and derivatives of an interpolant would amplify their noise. kOutsideAtmospheres where the star, or Teff
// exp(+-kExpansionStep), leaves the surface-brightness table or needs one of its empty cells. Limb-darkening
// coefficients are linear in all three axes; their table is narrower (Teff from 3500 to 50,000 K, log g from 0 to 5),
// and a star outside it is refused too, unless `tabulated_limb` is false: then the caller fills in a law, and
// out[k].limb is that of a uniform disc.
PN_HD inline Status expand_star(const AtmosphereView& tables, const Star& star, double feh, const Passband* passbands,
                                int passband_count, StarBand* out, bool tabulated_limb = true) {
  StarNode node;
  const Status status = find_star_node(tables, star, feh, tabulated_limb, node);
  if (status != Status::kOk) return status;
  for (int k = 0; k < passband_count; ++k) {
    const Status band = expand_band(tables, node, passbands[k], out[k]);
    if (band != Status::kOk) return band;
  }
  return Status::kOk;
}

// Where a star lies in the table of spectral slopes, which is linear in log Teff, log g and [Fe/H].
struct SpectralSlopeNode {
  detail::LinearNode teff, logg, feh;
  PN_HD bool inside() const { return teff.index >= 0 && logg.index >= 0 && feh.index >= 0; }
};

PN_HD inline SpectralSlopeNode spectral_slope_node(const AtmosphereView& tables, const Star& star, double feh) {
  return {detail::linear_node(tables.log_teff_axis, tables.teff_count, std::log10(star.teff_k)),
          detail::linear_node(tables.logg_axis, tables.logg_count, star.logg),
          detail::linear_node(tables.feh_axis, tables.feh_count, feh)};
}

PN_HD inline double spectral_slope(const AtmosphereView& tables, const SpectralSlopeNode& node, Passband band) {
  double slope = 0.0;
  for (int corner = 0; corner < 8; ++corner) {
    const int f = corner & 1, g = (corner >> 1) & 1, t = corner >> 2;
    const double weight = (f ? node.feh.fraction : 1.0 - node.feh.fraction) *
                          (g ? node.logg.fraction : 1.0 - node.logg.fraction) *
                          (t ? node.teff.fraction : 1.0 - node.teff.fraction);
    const long row =
        (static_cast<long>(band) * tables.feh_count + node.feh.index + f) * tables.logg_count + node.logg.index + g;
    slope += weight * tables.spectral_slope[row * tables.teff_count + node.teff.index + t];
  }
  return slope;
}

// Owner, read from data/tables/atmospheres.h5.
class Atmosphere {
 public:
  static Atmosphere load(const std::filesystem::path& file);
  AtmosphereView view() const;

 private:
  std::vector<double> log_intensity_, spectral_slope_, log_teff_axis_, logg_axis_, feh_axis_;
  std::vector<double> limb_darkening_, ld_log_teff_axis_, ld_logg_axis_, ld_feh_axis_;
};

}  // namespace penumbra
