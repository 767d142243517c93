#include "sim/blackbody.h"

#include <cmath>
#include <stdexcept>

#include "sim/constants.h"

namespace penumbra {
namespace {

// Planck's B_lambda and its first two derivatives in ln T.
struct Planck {
  double value, first, second;
};

// With x = hc / (lambda k T) and u = x / (1 - e^-x): dB/dlnT = B u, d2B/dlnT2 = B (u^2 - x du/dx).
Planck planck(double wavelength_m, double teff_k) {
  const double x = kPlanck * kLightSpeed / (wavelength_m * kBoltzmann * teff_k);
  const double one_minus_e = -std::expm1(-x);
  const double u = x / one_minus_e;
  const double du_dx = (1.0 - u * std::exp(-x)) / one_minus_e;
  const double value =
      2.0 * kPlanck * kLightSpeed * kLightSpeed * std::exp(-x) / (std::pow(wavelength_m, 5) * one_minus_e);
  return {value, value * u, value * (u * u - x * du_dx)};
}

}  // namespace

StarBand blackbody_star_band(const Filter& filter, double teff_k, const LimbDarkening& limb) {
  const auto& wavelength = filter.wavelength_um;
  const auto& transmission = filter.transmission;
  if (!(teff_k > 0.0) || wavelength.size() < 2 || transmission.size() != wavelength.size()) {
    throw std::invalid_argument("blackbody_star_band: needs teff_k > 0 and a filter of at least two points");
  }
  double area = 0.0;
  Planck sum{0.0, 0.0, 0.0};
  for (std::size_t i = 0; i < wavelength.size(); ++i) {
    const double left = i > 0 ? wavelength[i] - wavelength[i - 1] : 0.0;
    const double right = i + 1 < wavelength.size() ? wavelength[i + 1] - wavelength[i] : 0.0;
    const double weight = 0.5 * (left + right) * transmission[i];
    const Planck b = planck(wavelength[i] * 1e-6, teff_k);
    area += weight;
    sum.value += weight * b.value;
    sum.first += weight * b.first;
    sum.second += weight * b.second;
  }
  const double slope = sum.first / sum.value;
  return {std::log(sum.value / area), slope, sum.second / sum.value - slope * slope, 0.0, limb};
}

}  // namespace penumbra
