// Surveys of stars that are known exactly, written as a user's files are.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

#include "base/random.h"
#include "tests/app/run_program.h"

namespace penumbra {

inline constexpr double kRelativePerMag = 0.92103403719761836;

// Observed like by ZTF: two exposures .004 days apart on every third night of 180 days a year, for three years.
struct SyntheticStar {
  std::string name;
  double magnitude;
  double quoted = 0.012;   // error, mag
  double factor = 1.5;     // true scatter over quoted
  double amplitude = 0.0;  // of a variability with a period of 30 days, mag
};

inline std::string rows_of(const SyntheticStar& star, std::uint64_t index, bool with_name) {
  RandomStream random(5, index, Stage::kTest);
  std::string rows;
  for (int night = 0; night < 3 * 365; night += 3) {
    if (night % 365 >= 180) continue;
    const double hour = 0.2 + 0.2 * random.uniform();
    for (const double later : {0.0, 0.004}) {
      const double t = 2458000.0 + night + hour + later;
      const double mag = star.magnitude + star.amplitude * std::sin(2.0 * M_PI * t / 30.0) +
                         star.factor * star.quoted * random.normal();
      rows += fmt::format("{}{:.6f},{:.6f},{:.6f},0,zr\n", with_name ? star.name + "," : "", t, mag, star.quoted);
    }
  }
  return rows;
}

}  // namespace penumbra
