// Interstellar extinction of a passband: F99 (Fitzpatrick 1999), R_V = 3.1, the paper's section 2.2.2:
//   10^(-0.4 A_band) = int T(lambda) 10^(-0.4 A_lambda) d lambda / int T(lambda) d lambda.
#pragma once

#include <cmath>
#include <filesystem>
#include <vector>

#include "base/host_device.h"
#include "sim/passbands.h"

namespace penumbra {

// A(lambda) / E(B-V) in magnitudes for F99, valid 910 A to 6 um; NaN outside. Ultraviolet: Fitzpatrick & Massa (1990)
// with the coefficients of F99; longward of 2700 A: F99's cubic spline in 1 / lambda through the anchors of
// Fitzpatrick's own program FMRCURVE, which gives table 3 of F99 (table 4 there is printed with fewer terms).
double f99_extinction(double wavelength_um, double r_v = 3.1);

// ln of the attenuation factor of each passband on a regular E(B-V) grid, smooth, hence interpolated.
struct ExtinctionView {
  const double* log_attenuation = nullptr;  // [passband][count]
  double ebv_step = 0.0;
  int count = 0;
};

// Multiplicative factor in (0, 1]; ebv beyond the grid (20 mag) uses its last slope. NaN where ebv is negative or NaN.
// Cubic through four neighbours: within 1e-4 of the integral (relative).
PN_HD inline double attenuation(const ExtinctionView& table, Passband passband, double ebv) {
  if (!(ebv >= 0.0)) return NAN;
  const double* y = table.log_attenuation + static_cast<long>(passband) * table.count;
  const int last = table.count - 1;
  const double u = ebv / table.ebv_step;
  if (u >= last) return std::exp(y[last] + (u - last) * (y[last] - y[last - 1]));
  int i = static_cast<int>(u) - 1;
  if (i < 0) i = 0;
  if (i > last - 3) i = last - 3;
  const double s = u - i;
  const double a = s - 1.0, b = s - 2.0, c = s - 3.0;
  return std::exp(-a * b * c / 6.0 * y[i] + s * b * c / 2.0 * y[i + 1] - s * a * c / 2.0 * y[i + 2] +
                  s * a * b / 6.0 * y[i + 3]);
}

struct Filter {
  std::vector<double> wavelength_um;  // ascending
  std::vector<double> transmission;   // photon or energy response as the source gives it: see the recipe
};

// ln of the ratio above at `ebv`, by the trapezoid rule on the filter's own points; points where F99 is not valid are
// left out of both integrals. -inf or NaN if none remains.
double log_attenuation(const Filter& filter, double ebv, double r_v = 3.1);

class Extinction {
 public:
  static Extinction load(const std::filesystem::path& passbands_file, double r_v = 3.1);  // data/tables/passbands.h5
  ExtinctionView view() const;

 private:
  std::vector<double> log_attenuation_;
  double ebv_step_ = 0.0;
  int count_ = 0;
};

// One curve of data/tables/passbands.h5. UserError when it is missing, not ascending or negative.
Filter load_filter(const std::filesystem::path& passbands_file, Passband passband);

// Flux density (Jy) of magnitude 0 in each passband, from the same file. [kPassbandCount]
std::vector<double> load_zero_points_jy(const std::filesystem::path& passbands_file);

}  // namespace penumbra
