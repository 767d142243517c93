// Random stars for the surveys, and the comparison with what the CPU observes, for the tests of the observation
// kernels.
#pragma once

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "base/random.h"
#include "kernels/observe.h"
#include "sim/survey.h"

namespace penumbra {

inline const std::filesystem::path kSurveyBank = PENUMBRA_SOURCE_DIR "/data/banks/surveys.h5";

struct RandomStars {
  std::vector<Apparent> apparent;
  std::vector<double> period_day, distance_pc, sed_jy;
  std::vector<double> flux, sed_flux_jy, sed_sigma_jy, parallax_mas, parallax_sigma_mas;
  std::vector<Status> status;

  // From too bright to too faint for every survey; of few, a band has no flux.
  explicit RandomStars(int count) {
    for (int i = 0; i < count; ++i) {
      RandomStream random(31, static_cast<std::uint64_t>(i), Stage::kTest);
      const double magnitude = 3.0 + 18.0 * random.uniform();
      Apparent star;
      for (double& m : star.magnitude) m = random.uniform() < 0.02 ? kMissing : magnitude + random.normal();
      apparent.push_back(star);
      for (int k = 0; k < kSedBandCount; ++k) sed_jy.push_back(3600.0 * std::pow(10.0, -0.4 * star.magnitude[k]));
      period_day.push_back(std::pow(10.0, -0.5 + 2.5 * random.uniform()));
      distance_pc.push_back(100.0 + 1000.0 * random.uniform());
    }
    sed_flux_jy = sed_sigma_jy = std::vector<double>(sed_jy.size(), -1.0);
    parallax_mas = parallax_sigma_mas = std::vector<double>(apparent.size(), -1.0);
    status.assign(apparent.size(), Status::kStatusCount);
  }

  // The clean model, in any scale: a staircase, so that the last digits of a phase do not reach the flux.
  static double model(double phase) { return phase < 0.03 ? 2.0 : 3.0 + 0.1 * std::floor(7.0 * phase); }

  ObserveInput input(const Schedules& schedules) {
    flux.clear();
    for (const double phase : schedules.phase) flux.push_back(model(phase));
    return {apparent, distance_pc, sed_jy, schedules.epoch_start, schedules.sigma};
  }
  ObserveOutput output() { return {flux, sed_flux_jy, sed_sigma_jy, parallax_mas, parallax_sigma_mas, status}; }

  // The largest differences from what `surveys` gives in the same streams: of phases, and of all else over the value
  // (of light curves: over the larger of 1 and the flux). INFINITY where a decision differs.
  struct Differences {
    double phase = 0.0, other = 0.0;
    int curves = 0, bands = 0, parallaxes = 0;  // compared
  };
  Differences from_cpu(const Surveys& surveys, std::uint64_t seed, std::uint64_t first,
                       const Schedules& schedules) const {
    Differences result;
    const auto compare = [](double& most, double value, double expected, double scale) {
      if (std::isnan(value) && std::isnan(expected)) return;
      const double difference = std::abs(value - expected) / scale;
      if (!(difference <= most)) most = std::isnan(difference) ? INFINITY : difference;
    };
    Observation observation;
    for (std::size_t i = 0; i < apparent.size(); ++i) {
      RandomStream schedule_random(seed, first + i, Stage::kSchedule), noise_random(seed, first + i, Stage::kNoise);
      surveys.schedule(apparent[i], period_day[i], schedule_random, observation);
      for (LightCurve& curve : observation.light_curves) {
        curve.flux.clear();
        for (const double phase : curve.phase) curve.flux.push_back(model(phase));
      }
      System system{};
      system.distance_pc = distance_pc[i];
      const std::size_t band = i * kSedBandCount;
      surveys.observe(system, apparent[i], &sed_jy[band], noise_random, observation);

      for (std::size_t c = 0; c < kChannelCount; ++c) {
        const LightCurve& curve = observation.light_curves[c];
        const std::size_t row = i * kChannelCount + c;
        const auto start = static_cast<std::size_t>(schedules.epoch_start[row]);
        const auto end = static_cast<std::size_t>(schedules.epoch_start[row + 1]);
        if (end - start != curve.phase.size() || schedules.exposure[row] != curve.exposure_day / period_day[i]) {
          result.phase = INFINITY;
          continue;
        }
        if (start < end) ++result.curves;
        for (std::size_t t = start; t < end; ++t) {
          const double phase = curve.phase[t - start], sigma = curve.sigma[t - start];
          compare(result.phase, schedules.phase[t], phase, 1.0);
          compare(result.other, schedules.sigma[t], sigma, sigma);
          compare(result.other, flux[t], curve.flux[t - start], std::max(1.0, std::abs(curve.flux[t - start])));
        }
      }
      for (std::size_t k = 0; k < kSedBandCount; ++k) {
        const double sigma = observation.sed_sigma_jy[k];
        compare(result.other, sed_flux_jy[band + k], observation.sed_flux_jy[k], sed_jy[band + k]);
        compare(result.other, sed_sigma_jy[band + k], sigma, sigma);
        if (std::isfinite(sigma)) ++result.bands;
      }
      const double sigma = observation.parallax_sigma_mas;
      compare(result.other, parallax_mas[i], observation.parallax_mas, 1000.0 / distance_pc[i] + sigma);
      compare(result.other, parallax_sigma_mas[i], sigma, sigma);
      if (observation.has_parallax()) ++result.parallaxes;
      if (status[i] != Status::kOk) result.other = INFINITY;
    }
    return result;
  }
};

}  // namespace penumbra
