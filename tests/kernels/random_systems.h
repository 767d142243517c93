// Random eclipsing systems with bands and epochs, for the kernels' tests.
#pragma once

#include <cmath>
#include <vector>

#include "base/random.h"
#include "kernels/simulate.h"

namespace penumbra {

struct RandomSystems {
  std::vector<System> systems;
  std::vector<StarBand> curve_bands, sed_bands;
  std::vector<int> epoch_start{0};
  std::vector<double> phase, exposure;
  std::vector<double> flux, sed;
  std::vector<Status> status;
  int curve_count, sed_count;
  Resolution resolution;
  Effects effects;
  std::vector<double> curve_third_light, sed_third_light;  // empty: none

  RandomSystems(int count, int curve_band_count, int sed_band_count, int most_epochs)
      : curve_count(curve_band_count), sed_count(sed_band_count) {
    for (int i = 0; i < count; ++i) {
      RandomStream random(30, static_cast<std::uint64_t>(i), Stage::kTest);
      System s{};
      s.q = 0.3 + 0.7 * random.uniform();
      s.eccentricity = random.uniform() < 0.4 ? 0.0 : 0.8 * random.uniform();
      s.omega_rad = kTwoPi * random.uniform();
      s.sma_rsun = 12.0;
      s.distance_pc = 300.0;
      s.period_day = 3.0;
      const double sum = (1.0 - s.eccentricity) * (0.05 + 0.6 * random.uniform());  // some overflow their Roche lobes
      const double share = 0.2 + 0.6 * random.uniform();
      s.cos_i = sum * random.uniform();
      s.star[0] = {1.0, share * sum * s.sma_rsun, 6500.0, 4.3, 0.35};
      s.star[1] = {s.q, (1.0 - share) * sum * s.sma_rsun, 4000.0 + 3000.0 * random.uniform(), 4.4, 0.33};
      systems.push_back(s);
      const auto add = [&](std::vector<StarBand>& bands, int bands_a_star) {
        for (int k = 0; k < 2 * bands_a_star; ++k)
          bands.push_back({20.0 + random.uniform(),
                           3.0 + 8.0 * random.uniform(),
                           -3.0,
                           0.1,
                           {{0.5 * random.uniform(), 0.3, 0.2 * random.uniform(), -0.1}}});
      };
      add(curve_bands, curve_count);
      add(sed_bands, sed_count);
      for (int k = 0; k < curve_count; ++k) {
        const int epochs = random.below(most_epochs + 1);  // none, too
        for (int t = 0; t < epochs; ++t) phase.push_back(random.uniform());
        epoch_start.push_back(static_cast<int>(phase.size()));
        exposure.push_back(random.uniform() < 0.5 ? 0.0 : 0.01 * random.uniform());
      }
    }
    flux.assign(phase.size(), std::nan(""));
    sed.assign(static_cast<std::size_t>(count * sed_count), std::nan(""));
    status.assign(static_cast<std::size_t>(count), Status::kStatusCount);
  }

  SimulateInput input() const {
    return {systems, curve_count, curve_bands, sed_count, sed_bands,         epoch_start,
            phase,   exposure,    resolution,  effects,   curve_third_light, sed_third_light};
  }
  SimulateOutput output() { return {flux, sed, status}; }

  static const double* third_of(const std::vector<double>& table, std::size_t system, int count) {
    return table.empty() ? nullptr : table.data() + system * static_cast<std::size_t>(count);
  }

  // Largest relative difference from render_phase_curve and render_sed; statuses must be equal. Counts the systems that
  // are kOk.
  double difference_from_cpu(int& good) const {
    double largest = 0.0;
    PhaseCurve curve;
    std::vector<double> expected(static_cast<std::size_t>(sed_count));
    good = 0;
    for (std::size_t i = 0; i < systems.size(); ++i) {
      const StarBand* bands = curve_bands.data() + i * 2 * static_cast<std::size_t>(curve_count);
      const Status cpu = render_phase_curve(systems[i], bands, bands + curve_count, curve_count, resolution, effects,
                                            curve, third_of(curve_third_light, i, curve_count));
      if (cpu != status[i]) return INFINITY;
      if (cpu != Status::kOk) continue;
      ++good;
      const auto compare = [&](double found, double reference) {
        const double difference = std::abs(found / reference - 1.0);
        if (!(difference <= largest)) largest = difference;  // NaN too
      };
      for (int k = 0; k < curve_count; ++k) {
        const std::size_t row = i * static_cast<std::size_t>(curve_count) + static_cast<std::size_t>(k);
        for (int t = epoch_start[row]; t < epoch_start[row + 1]; ++t)
          compare(flux[static_cast<std::size_t>(t)],
                  phase_curve_flux(curve, k, phase[static_cast<std::size_t>(t)], exposure[row]));
      }
      const StarBand* seds = sed_bands.data() + i * 2 * static_cast<std::size_t>(sed_count);
      if (sed_count > 0)
        render_sed(systems[i], seds, seds + sed_count, sed_count, resolution, effects, expected.data(),
                   third_of(sed_third_light, i, sed_count));
      for (int k = 0; k < sed_count; ++k)
        compare(sed[i * static_cast<std::size_t>(sed_count) + static_cast<std::size_t>(k)],
                expected[static_cast<std::size_t>(k)]);
    }
    return largest;
  }
};

}  // namespace penumbra
