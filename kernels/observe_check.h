// What precedes and follows every backend's observations.
#pragma once

#include <span>

#include "kernels/observe.h"

namespace penumbra {

// std::invalid_argument as DeviceSurveys says.
void check_periods(std::span<const Apparent> apparent, std::span<const double> period_day);
void check_sizes(const ObserveInput& input, const ObserveOutput& output);

}  // namespace penumbra
