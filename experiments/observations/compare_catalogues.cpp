#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/parallel.h"
#include "experiments/observations/compare.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

constexpr double kWorstDetection = 1.0 / 3.0;  // as in sim/survey.cpp: fainter sources are not listed
constexpr std::size_t kFewestInBin = 8;

// Catalogue error of a source: relative in a passband, in mas for a parallax. NaN where the simulated catalogue does
// not list sources of that magnitude.
double simulate_error(const Surveys& surveys, int band, const CatalogueRow& row, RandomStream& random) {
  constexpr int kMaxAttempts = 300;  // a simulated star is in a catalogue with a probability of .03 to .9
  Apparent apparent;
  apparent.magnitude.fill(kMissing);
  std::array<double, kPassbandCount> sed_jy;
  sed_jy.fill(kMissing);
  System system{};
  system.distance_pc = 100.0;
  if (band == kSedBandCount) {  // the parallax
    apparent.magnitude[kGaiaG] = row.magnitude;
    apparent.magnitude[kGaiaBp] = row.magnitude + 0.5 * row.colour;
    apparent.magnitude[kGaiaRp] = row.magnitude - 0.5 * row.colour;
  } else {
    apparent.magnitude[static_cast<std::size_t>(band)] = row.magnitude;
    sed_jy[static_cast<std::size_t>(band)] = 1.0;
  }
  Observation observation;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    surveys.observe(system, apparent, sed_jy.data(), random, observation);
    const double error = band == kSedBandCount ? observation.parallax_sigma_mas
                                               : observation.sed_sigma_jy[static_cast<std::size_t>(band)];
    if (std::isfinite(error)) return error;
  }
  return kMissing;
}

// `count` of the rows, in a random order.
std::vector<CatalogueRow> some_of(std::vector<CatalogueRow> rows, int count, RandomStream& random) {
  for (std::size_t i = rows.size(); i > 1; --i)
    std::swap(rows[i - 1], rows[static_cast<std::size_t>(random.below(static_cast<int>(i)))]);
  if (rows.size() > static_cast<std::size_t>(count)) rows.resize(static_cast<std::size_t>(count));
  return rows;
}

void compare_band(int band, const std::vector<CatalogueRow>& all, const Surveys (&banks)[kHalves],
                  const ComparisonSettings& settings, Comparison& out) {
  const std::string name(band == kSedBandCount ? "parallax" : kPassbands[static_cast<std::size_t>(band)].name);
  RandomStream random(settings.seed, (1u << 21) + static_cast<unsigned>(band), Stage::kTest);
  const std::vector<CatalogueRow> rows = some_of(all, kHalves * settings.most_rows, random);
  std::vector<std::vector<double>> strata(rows.size());
  parallel_for(rows.size(), settings.threads, [&](std::uint64_t i) {
    RandomStream own(settings.seed, (static_cast<std::uint64_t>(band + 16) << 32) + i, Stage::kTest);
    const bool listed = band == kSedBandCount || rows[i].error <= kWorstDetection;
    // Whoever uses a catalogue believes no error below the floor, and a simulated one has none.
    const double floor = band == kSedBandCount ? 0.0 : kPassbands[static_cast<std::size_t>(band)].relative_error_floor;
    strata[i].push_back(listed ? std::max(floor, rows[i].error) : kMissing);
    for (int m = 0; listed && m < settings.errors_per_row; ++m)
      strata[i].push_back(simulate_error(banks[rows[i].half], band, rows[i], own));
  });

  std::map<int, std::pair<std::vector<double>, std::vector<double>>> bins;  // by whole magnitude: real, simulated
  std::vector<double> real, simulated;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (strata[i].size() < 2 || !std::isfinite(strata[i][1])) continue;
    out.rows += fmt::format("{},{:.3f},{:.6g},{:.6g}\n", name, rows[i].magnitude, strata[i][0], strata[i][1]);
    auto& bin = bins[static_cast<int>(std::lround(rows[i].magnitude))];
    for (std::size_t m = 0; m < strata[i].size(); ++m) {
      if (!std::isfinite(strata[i][m])) continue;
      (m == 0 ? bin.first : bin.second).push_back(strata[i][m]);
      (m == 0 ? real : simulated).push_back(strata[i][m]);
    }
  }
  out.tests.push_back({name, "catalogue_error", kolmogorov_smirnov(strata, settings.permutations, random),
                       quantile_of(real, 0.5), quantile_of(simulated, 0.5)});
  for (const auto& [magnitude, bin] : bins) {
    if (bin.first.size() < kFewestInBin) continue;
    out.errors += fmt::format("{},{},{}", name, magnitude, bin.first.size());
    for (const std::vector<double>* values : {&bin.first, &bin.second}) {
      for (const double p : {0.16, 0.5, 0.84}) out.errors += fmt::format(",{:.4g}", quantile_of(*values, p));
    }
    out.errors += "\n";
  }
}

}  // namespace

Comparison compare_catalogues(const RealData& real, const Surveys (&banks)[kHalves],
                              const ComparisonSettings& settings) {
  Comparison out;
  out.errors = "band,magnitude,rows,real_16,real_50,real_84,simulated_16,simulated_50,simulated_84\n";
  out.rows = "band,magnitude,real,simulated\n";
  for (int k = 0; k < kSedBandCount; ++k) {
    const auto& rows = real.sed[static_cast<std::size_t>(k)];
    if (!rows.empty()) compare_band(k, rows, banks, settings, out);
  }
  compare_band(kSedBandCount, real.parallax, banks, settings, out);
  return out;
}

}  // namespace penumbra
