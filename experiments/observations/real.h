// The real stars and catalogue rows that prepare.py collects, and the halves that they belong to.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "experiments/observations/statistics.h"
#include "sim/passbands.h"

namespace penumbra {

inline constexpr int kHalves = 2;

struct RealStar {
  std::string object;
  std::string kind;  // of variable, as catalogued; empty: not an eclipsing binary
  int half;
  double period_day, epoch_day, secondary_phase;  // NaN: unknown
  double magnitude;
  double exposure_day;  // of a sector; NaN from the ground
  Curve curve;          // of one channel, or one sector
};

struct CatalogueRow {
  int half;
  double magnitude, colour, error;  // colour: Gaia BP - RP where it matters, else NaN; error: relative, or mas
};

// The field of M67: which bands list each star. Bands that were not looked for have no entry.
struct DetectedField {
  std::vector<double> g;
  std::array<std::vector<double>, kSedBandCount> listed;  // 0 or 1
};

struct RealData {
  std::array<std::vector<RealStar>, kChannelCount> stars;
  std::array<std::vector<CatalogueRow>, kSedBandCount> sed;
  std::vector<CatalogueRow> parallax;
  DetectedField field;
  static RealData load(const std::filesystem::path& file);
};

}  // namespace penumbra
