// Reddened stars and synthetic filters, for the tests of the extinction kernel.
#pragma once

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/extinction.h"

namespace penumbra {

struct RandomReddening {
  std::vector<Filter> filters;
  BandRows bands;
  std::vector<double> ebv, exponent, factor;

  // Bands of 2 to some 1300 points, so that some fill a block's shared memory several times; a few systems have no
  // reddening, a few one that means nothing.
  RandomReddening(int count, int band_count, bool spectra, double r_v) {
    RandomStream random(31, static_cast<std::uint64_t>(count), Stage::kTest);
    for (int k = 0; k < band_count; ++k) {
      Filter filter;
      double um = 0.12 + 3.0 * random.uniform();
      const int points = k == 0 ? 2 : (k == 1 ? 1300 : 2 + random.below(200));
      for (int n = 0; n < points; ++n) {
        filter.wavelength_um.push_back(um);
        filter.transmission.push_back(0.01 + random.uniform());
        um *= 1.0 + 0.002 * random.uniform();
      }
      filters.push_back(filter);
    }
    bands = band_rows(filters, r_v);
    for (int i = 0; i < count; ++i) {
      ebv.push_back(i % 11 == 3 ? 0.0 : 2.0 * random.uniform());
      if (i % 17 == 5) ebv.back() = i % 2 == 0 ? -0.1 : std::nan("");
      for (int k = 0; spectra && k < band_count; ++k) exponent.push_back(-4.0 + 30.0 * random.uniform());
    }
    factor.assign(static_cast<std::size_t>(count * band_count), -1.0);
  }

  ExtinctionInput input() const { return {bands, ebv, exponent}; }

  // Largest relative difference from log_attenuation; INFINITY where one of the two is NaN.
  double difference_from_cpu(double r_v) const {
    double largest = 0.0;
    for (std::size_t k = 0; k < filters.size(); ++k) {
      const BandPoints points = band_points(filters[k], r_v);
      for (std::size_t i = 0; i < ebv.size(); ++i) {
        const double found = factor[i * filters.size() + k];
        if (!(ebv[i] >= 0.0)) {
          if (!std::isnan(found)) return INFINITY;
          continue;
        }
        const double power = exponent.empty() ? 0.0 : exponent[i * filters.size() + k];
        const double difference = std::abs(found / std::exp(log_attenuation(points, ebv[i], power)) - 1.0);
        if (!(difference <= largest)) largest = difference;
      }
    }
    return std::isnan(largest) ? INFINITY : largest;
  }
};

}  // namespace penumbra
