// What precedes and follows every backend's observations.
#pragma once

#include <span>
#include <vector>

#include "kernels/observe.h"

namespace penumbra {

// std::invalid_argument as DeviceSurveys says.
void check_periods(std::span<const Apparent> apparent, std::span<const double> period_day);
void check_sizes(const ObserveInput& input, const ObserveOutput& output);

// Where each light curve's epochs begin, given their numbers.
std::vector<int> starts_of(std::span<const int> counts);

}  // namespace penumbra
