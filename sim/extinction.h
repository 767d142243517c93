// Interstellar extinction of a passband by the law of Fitzpatrick (1999, PASP 111, 63: F99) with any R_V.
//
// By default as the paper has it (section 2.2.2), the same for every star,
//   10^(-0.4 A_band) = int T(lambda) 10^(-0.4 A_lambda) d lambda / int T(lambda) d lambda,
// or weighted by the star's own spectrum, T f_lambda in place of T (T lambda f_lambda where T is a response per
// photon), with f_lambda ~ lambda^s inside the passband: s from AtmosphereView::spectral_slope.
#pragma once

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/host_device.h"
#include "sim/atmosphere.h"
#include "sim/passbands.h"
#include "sim/status.h"

namespace penumbra {

struct ExtinctionOptions {
  double r_v = 3.1;                // F99 was measured between 2.3 and 5.6
  bool spectrum_weighted = false;  // false: the paper's band convolution
};

// A(lambda) / E(B-V) in magnitudes for F99, valid 910 A to 6 um; NaN outside. Ultraviolet: Fitzpatrick & Massa (1990)
// with the coefficients of F99; longward of 2700 A: F99's cubic spline in 1 / lambda through the anchors of
// Fitzpatrick's own program FMRCURVE, which gives table 3 of F99 (table 4 there is printed with fewer terms).
double f99_extinction(double wavelength_um, double r_v = 3.1);

struct Filter {
  std::vector<double> wavelength_um;  // ascending
  std::vector<double> transmission;   // photon or energy response as the source gives it: see the recipe
  bool per_photon = true;             // the transmission is a response per photon, else per unit of energy
};

// A filter and an extinction law, ready to be summed over N points: the filter's own and as many between them as the
// law needs, the transmission linear there; without the intervals that reach beyond where the law holds.
struct BandPoints {
  std::vector<double> weight;          // transmission times the trapezoid rule's step
  std::vector<double> log_wavelength;  // ln um
  std::vector<double> curve;           // A(lambda) / E(B-V)
};
BandPoints band_points(const Filter& filter, double r_v);

// The two integrals, a point at a time. `exponent`: the spectrum's weight is lambda^exponent, 0 for the paper's
// convolution, spectral slope + per_photon for a star's.
struct AttenuationSums {
  double dimmed = 0.0, area = 0.0;

  PN_HD void add(double weight, double log_wavelength, double curve, double ebv, double exponent) {
    constexpr double kLnPerMagnitude = 0.9210340371976183;  // .4 ln 10
    if (exponent != 0.0) weight *= std::exp(exponent * log_wavelength);
    area += weight;
    dimmed += weight * std::exp(-kLnPerMagnitude * ebv * curve);
  }
  PN_HD double attenuation() const { return dimmed / area; }
};

// ln of the attenuation factor at `ebv`, summed directly. NaN where no point remains.
double log_attenuation(const BandPoints& points, double ebv, double exponent = 0.0);
// The paper's convolution with F99.
double log_attenuation(const Filter& filter, double ebv, double r_v = 3.1);

// ln of the attenuation factor of each passband on a regular grid in E(B-V) and, where it is weighted by spectra, in
// the spectral slope: smooth, hence interpolated.
struct ExtinctionView {
  const double* log_attenuation = nullptr;  // [slope_count][passband][ebv_count]
  double ebv_step = 0.0, slope_first = 0.0, slope_step = 0.0;
  int ebv_count = 0;
  int slope_count = 0;  // 1: not weighted by spectra
  PN_HD bool spectrum_weighted() const { return slope_count > 1; }
};

namespace detail {

// Lagrange's weights of the four nodes around u, which counts nodes from 0.
struct RegularCubic {
  int index;
  double weight[4];
};

PN_HD inline RegularCubic regular_cubic(double u, int count) {
  int i = static_cast<int>(u) - 1;
  if (i < 0) i = 0;
  if (i > count - 4) i = count - 4;
  const double s = u - i, a = s - 1.0, b = s - 2.0, c = s - 3.0;
  return {i, {-a * b * c / 6.0, s * b * c / 2.0, -s * a * c / 2.0, s * a * b / 6.0}};
}

// One row of the table. Beyond its end (20 mag) the last slope goes on.
PN_HD inline double along_ebv(const double* row, int count, double u) {
  const int last = count - 1;
  if (u >= last) return row[last] + (u - last) * (row[last] - row[last - 1]);
  const RegularCubic node = regular_cubic(u, count);
  double value = 0.0;
  for (int k = 0; k < 4; ++k) value += node.weight[k] * row[node.index + k];
  return value;
}

}  // namespace detail

// ln of the attenuation factor, at most 0, within 1e-4 of the integral. NaN where ebv is negative or NaN, or where the
// table is weighted by spectra and `spectral_slope` is NaN: what a user or a prior may have got wrong is to be refused
// with a Status before, as redden does. Slopes beyond the table's take its end.
PN_HD inline double log_attenuation(const ExtinctionView& table, Passband passband, double ebv, double spectral_slope) {
  if (!(ebv >= 0.0)) return NAN;
  const double u = ebv / table.ebv_step;
  const double* row = table.log_attenuation + static_cast<long>(passband) * table.ebv_count;
  if (!table.spectrum_weighted()) return detail::along_ebv(row, table.ebv_count, u);
  double v = (spectral_slope - table.slope_first) / table.slope_step;
  if (!std::isfinite(v)) return NAN;
  v = v < 0.0 ? 0.0 : (v > table.slope_count - 1 ? table.slope_count - 1 : v);
  const detail::RegularCubic node = detail::regular_cubic(v, table.slope_count);
  double value = 0.0;
  for (int k = 0; k < 4; ++k) {
    const long offset = static_cast<long>(node.index + k) * kPassbandCount * table.ebv_count;
    value += node.weight[k] * detail::along_ebv(row + offset, table.ebv_count, u);
  }
  return value;
}

// Multiplicative factor in (0, 1] of a table that is not weighted by spectra.
PN_HD inline double attenuation(const ExtinctionView& table, Passband passband, double ebv) {
  return std::exp(log_attenuation(table, passband, ebv, NAN));
}

// Dims a star whose bands expand_star has filled. Each star has its own factor, so that weighted by their spectra two
// unlike stars' eclipses change depth with reddening, as they do on the sky. kInvalidInput where ebv is negative or
// NaN, kOutsideAtmospheres where the star is outside the slopes' table; `bands` is then as it was.
PN_HD inline Status redden(const ExtinctionView& table, const AtmosphereView& atmosphere, const Star& star, double feh,
                           double ebv, const Passband* passbands, int passband_count, StarBand* bands) {
  if (!(ebv >= 0.0)) return Status::kInvalidInput;
  SpectralSlopeNode node{};
  if (table.spectrum_weighted()) {
    node = spectral_slope_node(atmosphere, star, feh);
    if (!node.inside()) return Status::kOutsideAtmospheres;
  }
  for (int k = 0; k < passband_count; ++k) {
    const double slope = table.spectrum_weighted() ? spectral_slope(atmosphere, node, passbands[k]) : 0.0;
    bands[k].log_intensity += log_attenuation(table, passbands[k], ebv, slope);
  }
  return Status::kOk;
}

// Owner of the table. Every filter must transmit somewhere between 910 A and 6 um: a UserError names the passband.
class Extinction {
 public:
  Extinction(const std::vector<Filter>& filters, const ExtinctionOptions& options);  // [kPassbandCount]
  ExtinctionView view() const;

 private:
  std::vector<double> log_attenuation_;
  int slope_count_;
};

// One curve of data/tables/passbands.h5. UserError when it is missing, not ascending or negative.
Filter load_filter(const std::filesystem::path& passbands_file, Passband passband);
std::vector<Filter> load_filters(const std::filesystem::path& passbands_file);  // [kPassbandCount]

// Flux density (Jy) of magnitude 0 in each passband, from the same file. [kPassbandCount]
std::vector<double> load_zero_points_jy(const std::filesystem::path& passbands_file);

}  // namespace penumbra
