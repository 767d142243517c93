#include "kernels/extinction.h"

#include <stdexcept>
#include <string>

#include "kernels/extinction_check.h"

namespace penumbra {

BandRows band_rows(std::span<const Filter> filters, double r_v) {
  BandRows rows;
  for (const Filter& filter : filters) {
    const BandPoints points = band_points(filter, r_v);
    rows.weight.insert(rows.weight.end(), points.weight.begin(), points.weight.end());
    rows.log_wavelength.insert(rows.log_wavelength.end(), points.log_wavelength.begin(), points.log_wavelength.end());
    rows.curve.insert(rows.curve.end(), points.curve.begin(), points.curve.end());
    rows.start.push_back(static_cast<int>(rows.weight.size()));
  }
  return rows;
}

void check_sizes(const ExtinctionInput& in, std::span<double> factor) {
  const auto require = [](bool met, const char* what) {
    if (!met) throw std::invalid_argument(std::string("extinguish_on_device: ") + what);
  };
  const std::size_t size = in.ebv.size() * static_cast<std::size_t>(in.bands.band_count());
  require(in.exponent.empty() || in.exponent.size() == size, "exponent is neither empty nor [B][K]");
  require(factor.size() == size, "factor is not [B][K]");
}

}  // namespace penumbra
