// Width scales of a calibrated network (inference/width_calibration.h): one number for each dimension of its targets.
#pragma once

#include <cmath>

namespace penumbra {

// What a dimension's samples of one system are multiplied by, about their centre, if they deviate that much from it:
// all of `scale` where the data fix it far better than a tenth of the prior's deviation, which is 1, and hardly any of
// it where they do not. Wide posteriors are right as they are, and narrow ones too wide by what their coordinates do
// not resolve.
inline double width_factor(double scale, double deviation) {
  constexpr double kNarrow = 0.1;
  return std::pow(scale, 1.0 / (1.0 + deviation * deviation / (kNarrow * kNarrow)));
}

}  // namespace penumbra
