#include "sim/survey_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

struct Allowed {
  double min, max;
  const char* what;
};
constexpr Allowed kAny{-HUGE_VAL, HUGE_VAL, "finite"};
constexpr Allowed kCount{1.0, 1e9, "counts of at least 1"};
constexpr Allowed kLogError{-6.0, 1.0, "log10 of relative errors, from -6 to 1"};
constexpr Allowed kLogRatio{-3.0, 3.0, "log10 of ratios, from -3 to 3"};
constexpr Allowed kLogDay{-8.0, 2.0, "log10 of days, from -8 to 2"};
constexpr Allowed kDays{0.0, 1e6, "days, from 0"};
constexpr Allowed kHours{-1.0, 2.0, "fractions of a day"};
constexpr Allowed kShare{0.0, 1.0, "shares, from 0 to 1"};
constexpr Allowed kError{0.0, 10.0, "errors of at least 0"};

class BankReader {
 public:
  explicit BankReader(const std::filesystem::path& file) : file_(file) {
    const auto attributes = file_.attributes("/");
    const auto format = std::ranges::find(attributes, "format", [](const auto& attribute) { return attribute.first; });
    if (format == attributes.end() || format->second != std::to_string(kBankFormat)) {
      throw UserError(
          fmt::format("{}: format = {}: expected a survey bank of format {}, as `penumbra bank build` "
                      "makes it",
                      file.string(), format == attributes.end() ? "(missing)" : format->second, kBankFormat));
    }
  }

  bool has(const std::string& path) const { return file_.has(path); }
  Shape shape(const std::string& path) const { return file_.shape(path); }
  std::string source(const std::string& group) const { return file_.text_attribute(group, "source"); }

  double share(const std::string& group, const std::string& name) const {
    const double value = file_.number_attribute(group, name);
    if (value >= kShare.min && value <= kShare.max) return value;
    throw UserError(fmt::format("{}: attribute {} of {} is {}; expected {}", file_.file().string(), name, group, value,
                                kShare.what));
  }

  // Numbers within `allowed`; at least one.
  std::vector<double> numbers(const std::string& path, const Allowed& allowed, const Shape& shape = {}) const {
    std::vector<double> values = file_.doubles(path, shape);
    if (values.empty()) fail(path, "is empty");
    const std::size_t width = values.size() / (shape.empty() ? values.size() : shape.front());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isfinite(values[i]) && values[i] >= allowed.min && values[i] <= allowed.max) continue;
      fail(path, fmt::format("holds {} in row {}; expected {}", values[i], i / width, allowed.what));
    }
    return values;
  }

  // Quantiles [rows][nodes], or [nodes] alone where shape has one dimension; each row ascends.
  std::vector<double> quantiles(const std::string& path, const Allowed& allowed, const Shape& shape) const {
    std::vector<double> values = numbers(path, allowed, shape);
    const auto nodes = static_cast<std::ptrdiff_t>(shape.back());
    for (auto row = values.begin(); row != values.end(); row += nodes) {
      if (!std::is_sorted(row, row + nodes)) {
        fail(path, fmt::format("descends in row {}; quantiles ascend", (row - values.begin()) / nodes));
      }
    }
    return values;
  }

  std::vector<double> ascending(const std::string& path, std::size_t at_least) const {
    std::vector<double> values = numbers(path, kAny);
    if (values.size() < at_least || !std::is_sorted(values.begin(), values.end())) {
      fail(path, fmt::format("holds {} values; at least {}, ascending, are needed", values.size(), at_least));
    }
    return values;
  }

  [[noreturn]] void fail(const std::string& path, const std::string& what) const {
    throw UserError(fmt::format("{}: dataset {} {}", file_.file().string(), path, what));
  }

 private:
  Hdf5Reader file_;
};

GroundBank load_ground(const BankReader& file, const std::string& group) {
  GroundBank bank;
  bank.magnitude = file.numbers(group + "/magnitude", kAny);
  const std::size_t entries = bank.magnitude.size();
  bank.points = file.numbers(group + "/points", kCount, {entries});
  bank.night = file.quantiles(group + "/night", kDays, {entries, kNightNodes});
  bank.hour = file.quantiles(group + "/hour", kHours, {entries, kHourNodes});
  bank.night_size = file.quantiles(group + "/night_size", kCount, {entries, kSizeNodes});
  bank.log_gap = file.quantiles(group + "/log_gap", kLogDay, {entries, kGapNodes});
  bank.log_error = file.quantiles(group + "/log_error", kLogError, {entries, kErrorNodes});
  std::ranges::copy(file.numbers(group + "/noise_curve", kError, {3}), bank.noise_curve.begin());
  std::ranges::copy(file.numbers(group + "/scatter", kLogRatio, {2}), bank.scatter.begin());
  bank.scatter_rest = file.quantiles(group + "/scatter_rest", kLogRatio, {kTableNodes});
  if (std::ranges::max(bank.noise_curve) <= 0.0) file.fail(group + "/noise_curve", "holds no error above 0");
  bank.source = file.source(group);
  return bank;
}

SpaceBank load_space(const BankReader& file, const std::string& group) {
  const Shape sectors = file.shape(group + "/log_excess");
  if (sectors.size() != 1 || sectors[0] < 2) file.fail(group + "/log_excess", "is no list of at least 2 sectors");
  return {file.quantiles(group + "/log_excess", kLogRatio, sectors),
          file.quantiles(group + "/log_scatter", kLogRatio, sectors),
          file.quantiles(group + "/coverage", kShare, sectors), file.source(group)};
}

SedBank load_sed(const BankReader& file, const std::string& group) {
  SedBank bank;
  bank.log_error.magnitude = file.ascending(group + "/magnitude", 2);
  const std::size_t bins = bank.log_error.magnitude.size();
  bank.log_error.quantile_count = kTableNodes;
  bank.log_error.value = file.quantiles(group + "/log_error", kLogError, {bins, kTableNodes});
  bank.listed = file.share(group, "listed");
  bank.source = file.source(group);
  return bank;
}

ParallaxBank load_parallax(const BankReader& file, const std::string& group) {
  ParallaxBank bank;
  bank.colour_edge = file.ascending(group + "/colour_edge", 1);
  const std::vector<double> magnitude = file.ascending(group + "/magnitude", 2);
  const std::size_t bins = magnitude.size(), colours = bank.colour_edge.size() + 1;
  const std::vector<double> excess = file.quantiles(group + "/log_excess", kLogRatio, {colours, bins, kTableNodes});
  for (std::size_t c = 0; c < colours; ++c) {
    const auto begin = excess.begin() + static_cast<std::ptrdiff_t>(c * bins * kTableNodes);
    bank.log_excess.push_back(
        {magnitude, {begin, begin + static_cast<std::ptrdiff_t>(bins * kTableNodes)}, static_cast<int>(kTableNodes)});
  }
  bank.origin = file.numbers(group + "/origin", kAny, {colours, bins});
  bank.stars = file.numbers(group + "/stars", kAny, {colours, bins});
  bank.check = file.numbers(group + "/check", kLogRatio, {bins, 3});
  bank.source = file.source(group);
  return bank;
}

}  // namespace

double ParallaxBank::error_mas(double g, double bp_rp, double probability) const {
  const int colour = nodes_up_to(colour_edge.data(), static_cast<int>(colour_edge.size()), bp_rp);
  return parallax_error_mas(log_excess[static_cast<std::size_t>(colour)].view(), g, probability);
}

SurveyBank SurveyBank::load(const std::filesystem::path& path) {
  const BankReader file(path);
  SurveyBank bank;
  for (std::size_t c = 0; c < kTessChannel; ++c) {
    bank.ground[c] = load_ground(file, fmt::format("/ground/{}", kChannels[c].name));
  }
  bank.tess = load_space(file, fmt::format("/space/{}", kChannels[kTessChannel].name));
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const std::string group = fmt::format("/sed/{}", kPassbands[k].name);
    if (file.has(group)) bank.sed[k] = load_sed(file, group);
  }
  bank.parallax = load_parallax(file, "/parallax");
  return bank;
}

}  // namespace penumbra
