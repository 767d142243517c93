// What the data of a simulated system are worth, and the groups in which systems of like quality are looked at.
#pragma once

#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "sim/simulate.h"

namespace penumbra {

enum Quality : int { kSignalToNoise, kDepthOverError, kPoints, kLightCurves, kSedPoints, kParallax, kQualityCount };

struct QualityInfo {
  std::string_view name;
  std::vector<double> limits;  // of the groups: from one (included) to the next
};

inline const std::array<QualityInfo, kQualityCount> kQualities{{
    // sqrt of the sum over all points of ((f - mean) / sigma)^2, f the flux without noise
    {"signal_to_noise", {0, 10, 30, 100, 300, 1000, 3000, INFINITY}},
    // of the best light curve: its deepest minimum without noise over its points' median relative error
    {"depth_over_error", {0, 1, 3, 10, 30, 100, INFINITY}},
    {"points", {0, 1, 300, 1000, 3000, 10000, INFINITY}},  // of all light curves
    {"light_curves", {0, 1, 2, 3, 4, INFINITY}},
    {"sed_points", {0, 1, 6, 11, 16, INFINITY}},
    {"parallax", {0, 1, INFINITY}},
}};

using Qualities = std::array<double, kQualityCount>;

// Light curves that the model cannot render count for nothing in the first two.
Qualities measure_quality(const Simulator& simulator, const Simulation& simulation);

}  // namespace penumbra
