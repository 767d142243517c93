// Real light curves in the columns of ASAS-SN Sky Patrol, ZTF/IRSA or TESS, or in columns that the user names.
#pragma once

#include <string>
#include <vector>

#include "bank/source_files.h"
#include "sim/passbands.h"

namespace penumbra {

// One star in one channel; TESS: in one sector. Arrays [T], sorted by time; measurements alone, no upper limits.
struct RealLightCurve {
  std::string star;               // what a holdout goes by
  std::vector<double> time_day;   // any zero point
  std::vector<double> magnitude;  // fluxes are given as magnitudes, so that either kind is measured alike
  std::vector<double> error;      // quoted, mag
  double period_day;              // NaN: not known
  bool photon_noise_only;         // its pipeline quotes no systematic error
};

// Stars that are left out of a bank, to judge it on: those whose name's SHA-256, its first 8 hexadecimal digits taken
// as a number, leaves `remainder` when divided by `parts`. parts = 0: none.
struct Holdout {
  std::uint32_t parts = 0, remainder = 0;
  bool contains(const std::string& star) const;
};

// One [[light_curves]] table of a bank's description.
struct LightCurveSource {
  Channel channel;
  std::string citation;
  std::vector<RealLightCurve> curves;  // with at least minimum_points measurements, held-out stars left out
  int held_out = 0, too_short = 0;     // light curves
};

// UserError naming file, row and column: a column that is missing, a time that is no number, an error below 0, a
// magnitude outside -30 to 40, a star without the magnitude that its fluxes need. Rows without a magnitude, with an
// error of 0 or of 1 mag and more, or flagged by the survey (ASAS-SN quality B, ZTF catflags, TESS quality) are no
// measurements and are left out.
LightCurveSource read_light_curves(const Config& table, const Holdout& holdout, SourceFiles& files);

}  // namespace penumbra
