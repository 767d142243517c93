#include "bank/light_curve_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/sha256.h"
#include "sim/observation.h"

namespace penumbra {
namespace {

using Names = std::vector<std::string>;

// What a survey calls its columns, in lower case, likeliest first, and which rows it flags.
struct Format {
  std::string name;
  Names time, mag, flux, error, filter, quality;
  Names good, bad;  // values of `quality`; empty: all but the other
};

const std::vector<Format>& formats() {
  static const std::vector<Format> known{
      // Sky Patrol 1 and 2 (Kochanek et al. 2017; Hart et al. 2023)
      {"asas-sn", {"hjd", "jd"}, {"mag"}, {}, {"mag_err"}, {"filter", "phot_filter"}, {"quality"}, {}, {"B"}},
      // the public data releases at IRSA (Masci et al. 2019)
      {"ztf", {"hjd", "mjd"}, {"mag"}, {}, {"magerr"}, {"filtercode"}, {"catflags"}, {"0"}, {}},
      // light-curve files of MAST as CSV; systematics removed (PDCSAP) before simple aperture photometry
      {"tess",
       {"btjd", "time"},
       {},
       {"pdcsap_flux", "sap_flux"},
       {"pdcsap_flux_err", "sap_flux_err"},
       {},
       {"quality"},
       {"0"},
       {}},
      {"columns", {}, {}, {}, {}, {}, {}, {}, {}}};
  return known;
}

// What a channel's filter is called in the files of its survey.
Names filter_names(Channel channel) {
  switch (channel) {
    case kAsassnV:
      return {"V"};
    case kAsassnG:
      return {"g"};
    case kZtfGChannel:
      return {"zg", "g"};
    case kZtfRChannel:
      return {"zr", "r"};
    default:
      return {};
  }
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// Columns by what they hold: those that the description names, else those that the format expects.
class Columns {
 public:
  Columns(const Config& named, const Format& format) : named_(named), format_(format) {
    for (const char* role : {"time", "mag", "flux", "error", "error_flux", "filter", "quality"}) {
      if (named_.has(role)) explicit_[role] = named_.text(role);
    }
    if (explicit_.contains("mag") && explicit_.contains("flux")) throw named_.error("flux", "mag is given too");
  }

  std::optional<std::string> find(const TextTable& table, const std::string& role, const Names& expected) const {
    if (const auto named = explicit_.find(role); named != explicit_.end()) return named->second;
    for (const std::string& name : expected) {
      for (const std::string& column : table.names()) {
        if (lower(column) == name) return column;
      }
    }
    return std::nullopt;
  }
  std::string require(const TextTable& table, const std::string& role, const Names& expected) const {
    if (const auto found = find(table, role, expected)) return *found;
    throw UserError(fmt::format("{}: no column for {}: {}; it has: {}", table.file().string(), role,
                                expected.empty()
                                    ? fmt::format("name it as columns.{}", role)
                                    : fmt::format("expected {}, or columns.{}", fmt::join(expected, " or "), role),
                                fmt::join(table.names(), ", ")));
  }
  bool given(const std::string& role) const { return explicit_.contains(role); }
  const Format& format() const { return format_; }

 private:
  Config named_;
  const Format& format_;
  std::map<std::string, std::string> explicit_;
};

// What else is known of the light curves, by the name that the object column or the file gives them.
class Index {
 public:
  Index(const Config& source, SourceFiles& files) {
    if (!source.has("index")) return;
    const Config table = source.section("index");
    const std::vector<std::filesystem::path> found = files.find(table, "file");
    const auto entries = files.read(found.front());
    file_ = found.front();
    const std::vector<std::string_view> keys = entries->texts(table.text("key"));
    const auto star = table.has("star") ? entries->texts(table.text("star")) : keys;
    const std::vector<double> unknown(keys.size(), kMissing);
    const auto period = table.has("period") ? entries->numbers_or_missing(table.text("period")) : unknown;
    const auto magnitude = table.has("magnitude") ? entries->numbers_or_missing(table.text("magnitude")) : unknown;
    for (std::size_t row = 0; row < keys.size(); ++row) {
      if (period[row] <= 0.0) {
        throw UserError(
            fmt::format("{}: {} = {}: expected a period > 0", entries->where(row), table.text("period"), period[row]));
      }
      entries_[std::string(keys[row])] = {std::string(star[row]), period[row], magnitude[row]};
    }
  }
  struct Entry {
    std::string star;
    double period_day = kMissing, magnitude = kMissing;
  };
  Entry operator[](const std::string& key) const {
    const auto found = entries_.find(key);
    return found != entries_.end() ? found->second : Entry{key};
  }

 private:
  std::filesystem::path file_;
  std::map<std::string, Entry> entries_;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The measurements of one table, as magnitudes or as fluxes with errors of the same kind.
struct Measurements {
  std::vector<double> time, value, error;
  bool fluxes;
};

Measurements read_measurements(const TextTable& table, const Columns& columns) {
  const Format& format = columns.format();
  const bool fluxes = columns.given("flux") || (!columns.given("mag") && format.mag.empty());
  const std::string time = columns.require(table, "time", format.time),
                    value = fluxes ? columns.require(table, "flux", format.flux)
                                   : columns.require(table, "mag", format.mag),
                    error = columns.require(table, "error", format.error);
  Measurements out{table.numbers(time), table.numbers_or_missing(value), table.numbers_or_missing(error), fluxes};
  if (const auto other = columns.find(table, "error_flux", {})) {  // the flux that the error belongs to
    const std::vector<double> flux = table.numbers_or_missing(*other);
    for (std::size_t row = 0; row < flux.size(); ++row) {
      out.error[row] *= flux[row] > 0.0 ? out.value[row] / flux[row] : kMissing;
    }
  }
  return out;
}

// Rows of the channel's filter that the survey does not flag and the description does not refuse.
std::vector<bool> good_rows(const TextTable& table, const Columns& columns, const RowFilter& filter, Channel channel) {
  const Format& format = columns.format();
  RowFilter rows = filter;
  const auto band = columns.find(table, "filter", format.filter);
  if (const Names names = filter_names(channel); band && !names.empty()) rows.accept(*band, names);
  const auto quality = columns.find(table, "quality", format.quality);
  if (quality && !format.good.empty()) rows.accept(*quality, format.good);
  if (quality && !format.bad.empty()) rows.reject(*quality, format.bad);
  return rows.rows(table);
}

void require_sane(const TextTable& table, std::size_t row, const Measurements& m) {
  if (m.error[row] < 0.0) {
    throw UserError(fmt::format("{}: error = {}: expected an error of at least 0", table.where(row), m.error[row]));
  }
  if (!m.fluxes && (m.value[row] < -30.0 || m.value[row] > 40.0) && m.error[row] < 1.0) {
    throw UserError(fmt::format("{}: mag = {}: not a magnitude; expected -30 to 40", table.where(row), m.value[row]));
  }
}

// Sorted by time, and as magnitudes whose median is `magnitude` where they came as fluxes.
RealLightCurve make_curve(const Index::Entry& known, std::vector<std::size_t> rows, const Measurements& m) {
  std::ranges::stable_sort(rows, {}, [&](std::size_t row) { return m.time[row]; });
  RealLightCurve curve{known.star, {}, {}, {}, known.period_day, false};
  for (const std::size_t row : rows) {
    curve.time_day.push_back(m.time[row]);
    curve.magnitude.push_back(m.value[row]);
    curve.error.push_back(m.error[row]);
  }
  if (!m.fluxes) return curve;
  const double level = median(curve.magnitude);
  constexpr double kMagPerRelative = 1.0857362047581294;  // 2.5 / ln 10
  for (std::size_t i = 0; i < rows.size(); ++i) {
    curve.error[i] *= kMagPerRelative / curve.magnitude[i];
    curve.magnitude[i] = known.magnitude - 2.5 * std::log10(curve.magnitude[i] / level);
  }
  return curve;
}

Channel read_channel(const Config& table) {
  Names names;
  for (std::size_t c = 0; c <= kTessChannel; ++c) names.emplace_back(kChannels[c].name);  // Kepler: sim/space_mission.h
  const std::string name = table.choice("channel", names);
  return static_cast<Channel>(std::ranges::find(names, name) - names.begin());
}

}  // namespace

bool Holdout::contains(const std::string& star) const {
  if (parts == 0) return false;
  return std::stoul(sha256_of_text(star).substr(0, 8), nullptr, 16) % parts == remainder;
}

LightCurveSource read_light_curves(const Config& table, const Holdout& holdout, SourceFiles& files) {
  LightCurveSource source{read_channel(table), table.text("source"), {}, 0, 0};
  Names format_names;
  for (const Format& format : formats()) format_names.push_back(format.name);
  const std::string format_name = table.choice("format", format_names);
  const Format& format = *std::ranges::find(formats(), format_name, &Format::name);
  const Columns columns(table.section("columns"), format);
  const RowFilter filter(table);
  RowFilter photon_noise;
  const Config photon_noise_only = table.section("photon_noise_only");
  for (const std::string& column : photon_noise_only.keys()) {
    photon_noise.accept(column, photon_noise_only.texts(column));
  }
  const std::string object = table.has("object") ? table.text("object") : "";
  const auto minimum = static_cast<std::size_t>(table.integer("minimum_points", 50, {10.0, 1e6}));
  const Index index(table, files);

  for (const std::filesystem::path& file : files.find(table, "files")) {
    const auto rows = files.read(file);
    const Measurements m = read_measurements(*rows, columns);
    const std::vector<bool> good = good_rows(*rows, columns, filter, source.channel);
    const std::vector<bool> photon_noise_rows = photon_noise.rows(*rows);
    const std::string stem = file.extension() == ".gz" ? file.stem().stem().string() : file.stem().string();
    const auto objects = object.empty() ? std::vector<std::string_view>() : rows->texts(object);

    std::map<std::string, std::vector<std::size_t>, std::less<>> rows_of;  // by the light curve's name
    for (std::size_t row = 0; row < rows->rows(); ++row) {
      if (!good[row]) continue;
      require_sane(*rows, row, m);
      const double largest = m.fluxes ? m.value[row] : 1.0;
      if (!std::isfinite(m.value[row]) || !(m.error[row] > 0.0) || !(m.error[row] < largest)) continue;
      const std::string_view name = objects.empty() ? std::string_view(stem) : objects[row];
      const auto known = rows_of.find(name);
      (known != rows_of.end() ? known : rows_of.emplace(name, std::vector<std::size_t>()).first)->second.push_back(row);
    }
    for (const auto& [name, own] : rows_of) {
      const Index::Entry known = index[name];
      if (own.size() < minimum) {
        ++source.too_short;
        continue;
      }
      if (holdout.contains(known.star)) {
        ++source.held_out;
        continue;
      }
      if (m.fluxes && !std::isfinite(known.magnitude)) {
        throw UserError(
            fmt::format("{}: fluxes of '{}', whose magnitude is not known: give it in a table index = "
                        "{{ file = ..., key = ..., magnitude = ... }}",
                        file.string(), name));
      }
      source.curves.push_back(make_curve(known, own, m));
      source.curves.back().photon_noise_only = !photon_noise.empty() && photon_noise_rows[own.front()];
    }
  }
  return source;
}

}  // namespace penumbra
