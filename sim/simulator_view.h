// What simulate.h says of one system, for the host and the device.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/host_device.h"
#include "sim/atmosphere.h"
#include "sim/binary.h"
#include "sim/extinction.h"
#include "sim/prior_view.h"
#include "sim/survey_view.h"
#include "sim/system.h"

namespace penumbra {

struct SimulatorOptions {
  Resolution resolution;
  Effects effects;
  AlbedoLaw albedo;
  ExtinctionOptions extinction;
};

struct SimulatorView {
  PriorView prior;
  AtmosphereView atmosphere;
  ExtinctionView extinction;
  SurveyView surveys;
  const double* zero_point_jy;  // [kPassbandCount]
  SimulatorOptions options;
};

// Attempts at one index use prior draws that no other index can reach: indices stay below 2^40.
inline constexpr int kMaxAttempts = 1000;
PN_HD inline std::uint64_t draw_of_attempt(std::uint64_t index, int attempt) {
  return index + (static_cast<std::uint64_t>(attempt) << 40);
}

// NaN without a flux.
PN_HD inline double apparent_magnitude(double flux_jy, double zero_point_jy) {
  return flux_jy > 0.0 ? -2.5 * std::log10(flux_jy / zero_point_jy) : NAN;
}

}  // namespace penumbra
