// Extinction of many systems at once on a GPU: the band convolutions of sim/extinction.h summed over the filters'
// points.
#pragma once

#include <span>
#include <vector>

#include "sim/extinction.h"

namespace penumbra {

// The points of K bands in one row each, with the extinction curve of one R_V: all systems of a batch share it.
struct BandRows {
  std::vector<int> start{0};  // [K + 1]: where each band's points begin
  std::vector<double> weight, log_wavelength, curve;
  int band_count() const { return static_cast<int>(start.size()) - 1; }
};
BandRows band_rows(std::span<const Filter> filters, double r_v);

// B systems (or stars, where each has a spectrum of its own), K bands.
struct ExtinctionInput {
  const BandRows& bands;
  std::span<const double> ebv;       // [B]
  std::span<const double> exponent;  // [B][K] as AttenuationSums takes it; empty for the paper's convolution
};

// factor[B][K]: what is left of the flux, as log_attenuation gives its logarithm. NaN where ebv is negative or NaN.
// Throws std::invalid_argument where sizes disagree, EnvironmentError where there is no device or it fails.
void extinguish_on_device(const ExtinctionInput& input, std::span<double> factor);

}  // namespace penumbra
