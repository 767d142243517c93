#include "bank/measure_catalogues.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <span>

#include "bank/statistics.h"
#include "base/error.h"
#include "sim/observation.h"

namespace penumbra {
namespace {

constexpr double kRelativePerMag = 0.92103403719761836;  // ln 10 / 2.5
constexpr double kBrightest = 0.0, kFaintest = 24.0;
constexpr double kSkyLimitedDexPerMag = 0.4;
const double kLogSmallest = std::log10(kSmallestRelativeError), kLogLargest = std::log10(kLargestRelativeError);

std::vector<double> whole_magnitudes(double first, double last) {
  std::vector<double> grid(static_cast<std::size_t>(last - first) + 1);
  std::iota(grid.begin(), grid.end(), first);
  return grid;
}

std::size_t find_band(const Config& table, const std::string& key, const std::string& name) {
  const auto sed = std::span(kPassbands).first(kSedBandCount);
  const auto found = std::ranges::find(sed, name, &PassbandInfo::name);
  if (found != sed.end()) return static_cast<std::size_t>(found - sed.begin());
  std::vector<std::string_view> names;
  for (const PassbandInfo& band : sed) names.push_back(band.name);
  throw table.error(key, fmt::format("unknown band; allowed: {}", fmt::join(names, ", ")));
}

// Relative flux errors of a band as its catalogues list them.
struct BandErrors {
  std::vector<double> magnitude, relative;
  std::vector<std::string> citations;
  std::vector<double> saturated_above, saturated_error;
  std::size_t listed = 0, could_be_listed = 0;  // among rows that have another band of the same table
};

enum class Unit { kMag, kSnr, kFlux };

// The error of one band, relative to its flux; NaN where the row lacks it.
std::vector<double> relative_errors(const TextTable& table, const Config& band, Unit unit) {
  const std::string column = band.text("error");
  std::vector<double> error = table.numbers_or_missing(column);
  const std::vector<double> flux =
      unit == Unit::kFlux ? table.numbers_or_missing(band.text("flux")) : std::vector<double>();
  for (std::size_t row = 0; row < error.size(); ++row) {
    if (error[row] < 0.0) {
      throw UserError(fmt::format("{}: {} = {}: expected at least 0", table.where(row), column, error[row]));
    }
    if (unit == Unit::kMag) error[row] *= kRelativePerMag;
    if (unit == Unit::kSnr) error[row] = 1.0 / error[row];
    if (unit == Unit::kFlux) error[row] /= flux[row];
    if (!(error[row] > 0.0) || !std::isfinite(error[row])) error[row] = kMissing;
  }
  return error;
}

// One table of one [[photometry]] entry: one column of magnitudes and one of errors for each of its bands.
struct CatalogueColumns {
  std::vector<std::size_t> band;
  std::vector<std::vector<double>> magnitude, error;
};

// How often a band is missing from stars that the survey's other bands have, where their median magnitude is one that
// this band measures: the middle 90% of its own magnitudes.
void count_listed(const CatalogueColumns& c, std::map<std::size_t, BandErrors>& bands) {
  if (c.band.size() < 2) return;
  const auto has = [&](std::size_t k, std::size_t row) {
    return std::isfinite(c.magnitude[k][row]) && std::isfinite(c.error[k][row]);
  };
  for (std::size_t k = 0; k < c.band.size(); ++k) {
    std::vector<double> own;
    for (std::size_t row = 0; row < c.magnitude[k].size(); ++row) {
      if (has(k, row)) own.push_back(c.magnitude[k][row]);
    }
    if (own.empty()) continue;
    const std::vector<double> range = quantiles(own, 21);
    for (std::size_t row = 0; row < c.magnitude[k].size(); ++row) {
      std::vector<double> others;
      for (std::size_t j = 0; j < c.band.size(); ++j) {
        if (j != k && has(j, row)) others.push_back(c.magnitude[j][row]);
      }
      if (others.empty()) continue;
      const double typical = median(others);
      if (typical < range[1] || typical > range[19]) continue;
      ++bands[c.band[k]].could_be_listed;
      bands[c.band[k]].listed += has(k, row);
    }
  }
}

void read_catalogue(const Config& entry, SourceFiles& files, std::map<std::size_t, BandErrors>& bands) {
  const std::string citation = entry.text("source"), unit_name = entry.choice("unit", {"mag", "snr", "flux"});
  const Unit unit = unit_name == "mag" ? Unit::kMag : unit_name == "snr" ? Unit::kSnr : Unit::kFlux;
  const RowFilter filter(entry);
  const double brightest = entry.number("fainter_than", -HUGE_VAL), faintest = entry.number("brighter_than", HUGE_VAL);
  const Config listed = entry.section("bands");
  if (listed.keys().empty()) throw entry.error("bands", "missing; expected a table of passband = { magnitude, error }");
  std::vector<double> saturated_above, saturated_error;
  if (entry.has("saturated_above")) {
    saturated_above = entry.numbers("saturated_above");
    saturated_error = entry.numbers("saturated_error");
    if (saturated_error.size() != saturated_above.size() || std::ranges::min(saturated_error) <= 0.0) {
      throw entry.error("saturated_error", "expected one error > 0 for each magnitude of saturated_above");
    }
  }
  for (const std::filesystem::path& file : files.find(entry, "files")) {
    const auto table = files.read(file);
    const std::vector<bool> keep = filter.rows(*table);
    CatalogueColumns columns;
    for (const std::string& name : listed.keys()) {
      const Config band = listed.section(name);
      columns.band.push_back(find_band(listed, name, name));
      columns.magnitude.push_back(table->numbers_or_missing(band.text("magnitude")));
      columns.error.push_back(relative_errors(*table, band, unit));
      BandErrors& out = bands[columns.band.back()];
      for (std::size_t row = 0; row < keep.size(); ++row) {
        double& magnitude = columns.magnitude.back()[row];
        if (!keep[row]) magnitude = kMissing;
        const bool wanted = magnitude > brightest && magnitude < faintest;  // false for NaN
        if (!wanted || !std::isfinite(columns.error.back()[row])) continue;
        out.magnitude.push_back(magnitude);
        out.relative.push_back(columns.error.back()[row]);
      }
      if (std::ranges::find(out.citations, citation) == out.citations.end()) out.citations.push_back(citation);
      out.saturated_above = saturated_above;
      out.saturated_error = saturated_error;
    }
    count_listed(columns, bands);
  }
}

// Quantiles by magnitude, from the rows of `bins` that are not empty.
ErrorTable fill_table(const std::vector<double>& grid, const std::vector<std::vector<double>>& bins) {
  ErrorTable table{grid, {}, static_cast<int>(kTableNodes)};
  const auto measured = [&](std::size_t row) { return !bins[row].empty(); };
  std::size_t first = 0, last = bins.size() - 1;
  while (!measured(first)) ++first;
  while (!measured(last)) --last;
  for (std::size_t row = 0; row < bins.size(); ++row) {
    std::size_t below = std::clamp(row, first, last), above = below;
    while (!measured(below)) --below;
    while (!measured(above)) ++above;
    const double f = above == below ? 0.0 : (grid[row] - grid[below]) / (grid[above] - grid[below]);
    const double fainter = row > last ? kSkyLimitedDexPerMag * (grid[row] - grid[last]) : 0.0;
    for (std::size_t q = 0; q < kTableNodes; ++q) {
      const double value = (1.0 - f) * bins[below][q] + f * bins[above][q] + fainter;
      table.value.push_back(std::clamp(value, kLogSmallest, kLogLargest));
    }
  }
  return table;
}

// Catalogue errors of saturated stars: at least `relative_error` in the median, with the spread of the table kept.
void raise_when_saturated(ErrorTable& table, double magnitude, double relative_error) {
  for (std::size_t row = 0; row < table.magnitude.size() && table.magnitude[row] < magnitude; ++row) {
    double* value = table.value.data() + row * kTableNodes;
    const double rise = std::max(0.0, std::log10(relative_error) - value[kTableNodes / 2]);
    for (std::size_t q = 0; q < kTableNodes; ++q) value[q] = std::min(value[q] + rise, kLogLargest);
  }
}

SedBank measure_band(std::string_view name, const BandErrors& errors) {
  const std::vector<double> grid = whole_magnitudes(kBrightest, kFaintest);
  std::vector<std::vector<double>> bins(grid.size());
  std::size_t first = grid.size(), last = 0;
  for (std::size_t row = 0; row < grid.size(); ++row) {
    std::vector<double> inside;
    for (std::size_t i = 0; i < errors.magnitude.size(); ++i) {
      if (std::abs(errors.magnitude[i] - grid[row]) <= 0.5) inside.push_back(std::log10(errors.relative[i]));
    }
    if (inside.size() < kMinimumInErrorBin) continue;
    bins[row] = quantiles(std::move(inside), kTableNodes);
    first = std::min(first, row);
    last = row;
  }
  if (first == grid.size()) {
    throw UserError(fmt::format("{}: {} stars in {}, and no magnitude with {} of them", name, errors.magnitude.size(),
                                fmt::join(errors.citations, ", "), kMinimumInErrorBin));
  }
  SedBank bank;
  bank.log_error = fill_table(grid, bins);
  bank.source = fmt::format("measured: {}, {} stars, {} to {} mag", fmt::join(errors.citations, "; "),
                            errors.magnitude.size(), grid[first], grid[last]);
  for (std::size_t i = 0; i < errors.saturated_above.size(); ++i) {
    raise_when_saturated(bank.log_error, errors.saturated_above[i], errors.saturated_error[i]);
    bank.source += fmt::format("; {:g}% above saturation at {:g} mag", 100.0 * errors.saturated_error[i],
                               errors.saturated_above[i]);
  }
  if (errors.could_be_listed >= kMinimumInErrorBin) {
    bank.listed = static_cast<double>(errors.listed) / static_cast<double>(errors.could_be_listed);
    bank.source += fmt::format("; in {:.1f}% of the stars that its other bands have", 100.0 * bank.listed);
  }
  return bank;
}

// A band like another one at the same magnitude, or with an error that grows from a floor to faint stars.
SedBank make_stand_in(const Config& entry, const std::array<SedBank, kSedBandCount>& sed) {
  SedBank bank;
  const std::string reason = entry.text("source");
  if (entry.has("like")) {
    const std::string like = entry.text("like");
    const std::size_t other = find_band(entry, "like", like);
    if (sed[other].log_error.value.empty()) throw entry.error("like", "is not measured itself");
    const double factor = entry.number("factor", 1.0, kPositive);
    bank.log_error = sed[other].log_error;
    bank.listed = sed[other].listed;
    for (double& value : bank.log_error.value) {
      value = std::clamp(value + std::log10(factor), kLogSmallest, kLogLargest);
    }
    bank.source = fmt::format("stand-in: {:g} times {} at the same magnitude; {}", factor, like, reason);
    return bank;
  }
  const double floor = entry.number("floor", kPositive), at_15 = entry.number("at_15_mag", kPositive),
               spread = entry.number("spread_dex", kPositive);
  // Octiles of a unit normal, its ends cut at 2.
  constexpr std::array<double, kTableNodes> kOctiles{-2.0, -1.15, -0.67, -0.32, 0.0, 0.32, 0.67, 1.15, 2.0};
  bank.log_error = {whole_magnitudes(kBrightest, kFaintest), {}, static_cast<int>(kTableNodes)};
  for (const double m : bank.log_error.magnitude) {
    const double middle = std::log10(std::hypot(floor, at_15 * std::pow(10.0, 0.4 * (m - 15.0))));
    for (const double z : kOctiles) {
      bank.log_error.value.push_back(std::clamp(middle + spread * z, kLogSmallest, kLogLargest));
    }
  }
  bank.source = fmt::format("stand-in: floor {:g}, {:g} more at 15 mag in quadrature; {}", floor, at_15, reason);
  return bank;
}

// ------------------------------------------------------------------------------------------------------------ parallax

constexpr double kBrightestG = 5.0, kFaintestG = 21.0;
const std::vector<double> kColourEdges{0.5, 1.0, 1.5, 2.0};

// log10 of a catalogue's parallax errors over the formula, with the star's G and BP - RP.
struct ParallaxErrors {
  std::vector<double> g, colour, excess;

  // Those of a bin of G and, unless colour_bin is negative, of BP - RP.
  std::vector<double> inside(double centre, int colour_bin) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < g.size(); ++i) {
      if (std::abs(g[i] - centre) > 0.5) continue;
      const auto bin = std::ranges::upper_bound(kColourEdges, colour[i]) - kColourEdges.begin();
      if (colour_bin >= 0 && (!std::isfinite(colour[i]) || bin != colour_bin)) continue;
      out.push_back(excess[i]);
    }
    return out;
  }
};

void read_parallaxes(const Config& entry, SourceFiles& files, ParallaxErrors& out) {
  const RowFilter filter(entry);
  entry.choice("unit", {"mas"});
  for (const std::filesystem::path& file : files.find(entry, "files")) {
    const auto table = files.read(file);
    const std::vector<bool> keep = filter.rows(*table);
    const std::vector<double> g = table->numbers_or_missing(entry.text("g")),
                              error = table->numbers_or_missing(entry.text("error"));
    std::vector<double> colour;
    if (entry.has("bp_rp")) {
      colour = table->numbers_or_missing(entry.text("bp_rp"));
    } else {
      colour = table->numbers_or_missing(entry.text("bp"));
      const std::vector<double> rp = table->numbers_or_missing(entry.text("rp"));
      for (std::size_t row = 0; row < colour.size(); ++row) colour[row] -= rp[row];
    }
    for (std::size_t row = 0; row < keep.size(); ++row) {
      if (error[row] < 0.0) {
        throw UserError(
            fmt::format("{}: {} = {}: expected at least 0", table->where(row), entry.text("error"), error[row]));
      }
      if (!keep[row] || !std::isfinite(g[row]) || !(error[row] > 0.0)) continue;
      out.g.push_back(g[row]);
      out.colour.push_back(colour[row]);
      out.excess.push_back(std::log10(error[row] / gaia_parallax_error_mas(g[row])));
    }
  }
}

// log10 of DR3's error over DR2's at a magnitude: in the median of colour bins that both have, at the nearest magnitude
// where there are any. 0 where there are none at all.
double release_ratio(const ParallaxErrors& dr3, const ParallaxErrors& dr2, double g) {
  double ratio = 0.0, nearest = HUGE_VAL;
  for (const double centre : whole_magnitudes(kBrightestG, kFaintestG)) {
    std::vector<double> ratios;
    for (int c = 0; c <= static_cast<int>(kColourEdges.size()); ++c) {
      const std::vector<double> a = dr3.inside(centre, c), b = dr2.inside(centre, c);
      if (std::min(a.size(), b.size()) >= kMinimumInParallaxBin) ratios.push_back(median(a) - median(b));
    }
    if (ratios.empty() || std::abs(centre - g) >= nearest) continue;
    nearest = std::abs(centre - g);
    ratio = median(ratios);
  }
  return ratio;
}

}  // namespace

void measure_photometry(const Config& description, SourceFiles& files, std::array<SedBank, kSedBandCount>& sed,
                        std::string& report) {
  std::map<std::size_t, BandErrors> bands;
  for (const Config& entry : description.sections("photometry")) read_catalogue(entry, files, bands);
  for (const auto& [band, errors] : bands) sed[band] = measure_band(kPassbands[band].name, errors);
  for (const Config& entry : description.sections("stand_in")) {
    const std::size_t band = find_band(entry, "band", entry.text("band"));
    if (bands.contains(band)) throw entry.error("band", "is measured; a stand-in is for a band that is not");
    sed[band] = make_stand_in(entry, sed);
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (sed[k].log_error.value.empty()) {
      report += fmt::format("{:12} no bank: 5%\n", kPassbands[k].name);
      continue;
    }
    const auto at = [&](double m) { return std::pow(10.0, sed[k].log_error.at(m, 0.5)); };
    report += fmt::format("{:12} {:.4f} {:.4f} {:.4f} at 10, 15, 20 mag; {}\n", kPassbands[k].name, at(10.0), at(15.0),
                          at(20.0), sed[k].source);
  }
}

ParallaxBank measure_parallax(const Config& description, SourceFiles& files, std::string& report) {
  ParallaxErrors dr3, dr2;
  std::vector<std::string> citations;
  for (const Config& entry : description.sections("parallax")) {
    const bool third = entry.choice("release", {"DR2", "DR3"}) == "DR3";
    read_parallaxes(entry, files, third ? dr3 : dr2);
    citations.push_back(entry.text("source"));
  }
  if (dr3.g.size() < kMinimumInParallaxBin) {
    throw UserError(fmt::format("{}: {} parallaxes of Gaia DR3; at least {} are needed", description.file().string(),
                                dr3.g.size(), kMinimumInParallaxBin));
  }
  const std::vector<double> grid = whole_magnitudes(kBrightestG, kFaintestG);
  const std::size_t colours = kColourEdges.size() + 1;
  std::vector<double> spread = quantiles(dr3.excess, kTableNodes);
  const double centre_of_all = spread[kTableNodes / 2];
  for (double& value : spread) value -= centre_of_all;

  ParallaxBank bank;
  bank.colour_edge = kColourEdges;
  bank.log_excess.assign(colours, ErrorTable{grid, {}, static_cast<int>(kTableNodes)});
  bank.origin.assign(colours * grid.size(), 0.0);
  bank.stars = bank.origin;
  std::array<int, 4> count{};
  report += "parallax: log10(error / pygaia) in the median; stars\n    G   DR3            DR2            DR2 scaled\n";
  for (std::size_t m = 0; m < grid.size(); ++m) {
    const double ratio = release_ratio(dr3, dr2, grid[m]);
    const auto scaled = [&](int colour) {
      std::vector<double> values = dr2.inside(grid[m], colour);
      for (double& value : values) value += ratio;
      return values;
    };
    const std::vector<double> all3 = dr3.inside(grid[m], -1), all2 = dr2.inside(grid[m], -1);
    std::vector<double> all = all3;
    const std::vector<double> all2_scaled = scaled(-1);
    if (all.size() < kMinimumInParallaxBin) all.insert(all.end(), all2_scaled.begin(), all2_scaled.end());
    const auto centre = [](const std::vector<double>& values) {
      return values.size() < kMinimumInParallaxBin ? 0.0 : median(values);
    };
    for (const auto* values : {&all3, &all2, &all2_scaled}) bank.check.push_back(centre(*values));
    report += fmt::format("   {:2.0f}  {:6.3f} ({:5})  {:6.3f} ({:5})  {:6.3f}\n", grid[m], centre(all3), all3.size(),
                          centre(all2), all2.size(), centre(all2_scaled));

    for (std::size_t c = 0; c < colours; ++c) {
      std::vector<double> values = dr3.inside(grid[m], static_cast<int>(c));
      ParallaxOrigin origin = ParallaxOrigin::kDr3;
      if (values.size() < kMinimumInParallaxBin) {
        values = scaled(static_cast<int>(c));
        origin = ParallaxOrigin::kDr2Scaled;
      }
      if (values.size() < kMinimumInParallaxBin) {
        values = all;
        origin = ParallaxOrigin::kAllColours;
      }
      if (values.size() < kMinimumInParallaxBin) {
        values.clear();
        origin = ParallaxOrigin::kFormula;
      }
      const std::vector<double> row = values.empty() ? spread : quantiles(values, kTableNodes);
      bank.log_excess[c].value.insert(bank.log_excess[c].value.end(), row.begin(), row.end());
      bank.origin[c * grid.size() + m] = static_cast<double>(origin);
      bank.stars[c * grid.size() + m] = static_cast<double>(values.size());
      ++count[static_cast<std::size_t>(origin)];
    }
  }
  bank.source = fmt::format(
      "measured: {}; relative to pygaia's formula. Of {} bins: DR3 {}, DR2 scaled {}, all colours "
      "{}, formula {}",
      fmt::join(citations, "; "), colours * grid.size(), count[static_cast<std::size_t>(ParallaxOrigin::kDr3)],
      count[static_cast<std::size_t>(ParallaxOrigin::kDr2Scaled)],
      count[static_cast<std::size_t>(ParallaxOrigin::kAllColours)],
      count[static_cast<std::size_t>(ParallaxOrigin::kFormula)]);
  report += fmt::format("  {}\n", bank.source);
  return bank;
}

}  // namespace penumbra
