// What was measured on real surveys (the paper, section 2.3): quantiles and counts, never an observation. `penumbra
// bank build` makes the file, data/banks/surveys.h5 is the one that the shipped network was trained with.
//
// Layout, format 2. Quantile nodes are at equal steps of probability, 0 and 1 included; E real stars.
//   /ground/<channel>/      ASAS-SN and ZTF: members of GroundBank under the same names
//   /space/TESS:T/          members of SpaceBank
//   /sed/<passband>/        magnitude [M], log_error [M, 9]: log10 of the relative flux error; attribute listed
//   /parallax/              magnitude [M] (Gaia G), colour_edge [C - 1] (BP - RP), log_excess [C, M, 9];
//                           origin [C, M] (ParallaxOrigin), stars [C, M], check [M, 3] (bank/measure_catalogue.h)
// Every group has an attribute `source`: what it was measured on, or which stand-in it is. The file's attributes name
// program, command, commit, configuration and the SHA-256 of every file that was read.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/passbands.h"
#include "sim/survey_view.h"

namespace penumbra {

inline constexpr int kBankFormat = 2;

// Quantiles of an error as a function of magnitude; clamped at both ends of the magnitude axis.
struct ErrorTable {
  std::vector<double> magnitude;  // [M] ascending
  std::vector<double> value;      // [M][Q], at equal steps of probability from 0 to 1
  int quantile_count = 0;         // Q
  double at(double mag, double probability) const { return error_quantile(view(), mag, probability); }
  ErrorTableView view() const {
    return {magnitude.data(), value.data(), static_cast<int>(magnitude.size()), quantile_count};
  }
};

// One channel of a survey from the ground; one entry a real star.
struct GroundBank {
  std::vector<double> magnitude;        // [E] median
  std::vector<double> points;           // [E] number of measurements
  std::vector<double> night;            // [E][257] number of a night with measurements, counted from the first
  std::vector<double> hour;             // [E][17] time within its night of the first measurement, day
  std::vector<double> night_size;       // [E][33] measurements in a night
  std::vector<double> log_gap;          // [E][17] log10 of the time between measurements of a night, day
  std::vector<double> log_error;        // [E][17] log10 of the quoted relative flux error near the median magnitude
  std::array<double, 3> noise_curve{};  // s0, s1, s2 of sigma^2 = s0^2 + s1^2 10^(.4 (m-15)) + s2^2 10^(.8 (m-15))
  // log10(true scatter / quoted) = scatter[0] + scatter[1] excess + a draw of scatter_rest, where
  // excess = log10(quoted / noise_curve)
  std::array<double, 2> scatter{};
  std::vector<double> scatter_rest;  // [9]
  std::string source;

  int entry_count() const { return static_cast<int>(magnitude.size()); }
  double log_noise(double mag) const { return penumbra::log_noise(noise_curve.data(), mag); }  // log10 of the curve
};

// TESS; each array is a distribution over real sectors, sorted.
struct SpaceBank {
  std::vector<double> log_excess;   // log10(quoted relative error / published noise curve)
  std::vector<double> log_scatter;  // log10(true scatter / quoted)
  std::vector<double> coverage;     // good exposures over those that a sector has room for
  std::string source;
};

struct SedBank {
  ErrorTable log_error;  // empty: no bank
  double listed = 0.95;  // share of the stars, of magnitudes that the survey measures, that have this one of its bands
  std::string source;
};

enum class ParallaxOrigin { kFormula = 0, kAllColours, kDr2Scaled, kDr3 };

// Errors of Gaia's parallaxes by G and BP - RP, relative to the published formula.
struct ParallaxBank {
  std::vector<double> colour_edge;     // [C - 1] BP - RP between the bins, ascending
  std::vector<ErrorTable> log_excess;  // [C]
  std::vector<double> origin, stars;   // [C][M]
  std::vector<double> check;           // [M][3]
  std::string source;

  double error_mas(double g, double bp_rp, double probability) const;
};

struct SurveyBank {
  std::array<GroundBank, kTessChannel> ground;
  SpaceBank tess;
  std::array<SedBank, kSedBandCount> sed;
  ParallaxBank parallax;

  // UserError naming the file, the dataset, the row and what is allowed: no such file, truncated, another format, a
  // dataset missing or of another shape, a value that is not finite, an error outside equation 2, quantiles that
  // descend.
  static SurveyBank load(const std::filesystem::path& file);
};

}  // namespace penumbra
