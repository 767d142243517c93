// Cadence and noise of many systems at once on a GPU: sim/survey_view.h, one warp a system.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/status.h"
#include "sim/survey_view.h"

namespace penumbra {

// When B systems are observed, as SimulateInput takes it.
struct Schedules {
  std::vector<int> epoch_start;      // [B * kChannelCount + 1]: where each light curve's epochs begin, ascending from 0
  std::vector<double> exposure;      // [B][kChannelCount] in periods; 0: not observed
  std::vector<double> phase, sigma;  // of all light curves: sorted phases and errors relative to the median flux
};

struct ObserveInput {
  std::span<const Apparent> apparent;   // [B]
  std::span<const double> distance_pc;  // [B]
  std::span<const double> sed_jy;       // [B][kSedBandCount] clean reddened fluxes
  std::span<const int> epoch_start;     // [B * kChannelCount + 1]
  std::span<const double> sigma;        // of all light curves
};

// NaN: not observed.
struct ObserveOutput {
  std::span<double> flux;                       // like `sigma`: in, the clean model in any scale; out, as observed
  std::span<double> sed_flux_jy, sed_sigma_jy;  // [B][kSedBandCount]
  std::span<double> parallax_mas, parallax_sigma_mas;  // [B]
  // [B]; kInvalidInput where a flux is not finite, their median or an error is not positive: the model's fluxes stay
  // and the rest is NaN.
  std::span<Status> status;
};

// A copy of the survey bank in the device's memory, and memory for the batch, which grows to the largest so far. A
// system takes 190 kB of it.
class DeviceSurveys {
 public:
  // Throws EnvironmentError where there is no device or it fails. What `surveys` views may go afterwards.
  explicit DeviceSurveys(const SurveyView& surveys);
  ~DeviceSurveys();
  DeviceSurveys(const DeviceSurveys&) = delete;
  DeviceSurveys& operator=(const DeviceSurveys&) = delete;

  // System i is Surveys::schedule of stream (seed, first + i, Stage::kSchedule), and Surveys::observe of Stage::kNoise:
  // the same decisions and numbers of epochs; phases within 1e-11, all else within 1e-12 of the value. Throws
  // std::invalid_argument where sizes disagree or a period is not positive and finite, EnvironmentError where the
  // device fails.
  void schedule(std::uint64_t seed, std::uint64_t first, std::span<const Apparent> apparent,
                std::span<const double> period_day, Schedules& out);
  void observe(std::uint64_t seed, std::uint64_t first, const ObserveInput& input, const ObserveOutput& output);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace penumbra
