#include "experiments/observations/real.h"

#include <fmt/format.h>

#include "base/hdf5_file.h"
#include "sim/observation.h"

namespace penumbra {
namespace {

std::vector<RealStar> load_stars(const Hdf5Reader& file, const std::string& group) {
  std::vector<RealStar> stars;
  const auto object = file.strings(group + "/object"), kind = file.strings(group + "/kind");
  const Shape count{object.size()};
  const auto half = file.integers(group + "/half", count);
  const auto period = file.doubles(group + "/period_day", count), epoch = file.doubles(group + "/epoch_day", count);
  const auto second = file.doubles(group + "/secondary_phase", count);
  const auto magnitude = file.doubles(group + "/magnitude", count);
  const auto exposure = file.doubles(group + "/exposure_day", count);
  const auto offset = file.integers(group + "/offset", {object.size() + 1});
  const auto time = file.doubles(group + "/time_day"), flux = file.doubles(group + "/flux");
  const auto sigma = file.doubles(group + "/sigma");
  for (std::size_t i = 0; i < object.size(); ++i) {
    const auto cut = [&](const std::vector<double>& values) {
      return std::vector<double>(values.begin() + offset[i], values.begin() + offset[i + 1]);
    };
    stars.push_back({object[i], kind[i], static_cast<int>(half[i]), period[i], epoch[i], second[i], magnitude[i],
                     exposure[i], Curve{cut(time), cut(flux), cut(sigma)}});
  }
  return stars;
}

std::vector<CatalogueRow> load_rows(const Hdf5Reader& file, const std::string& group, const std::string& magnitude,
                                    const std::string& colour, const std::string& error) {
  std::vector<CatalogueRow> rows;
  const auto half = file.integers(group + "/half");
  const auto m = file.doubles(group + "/" + magnitude, {half.size()});
  const auto e = file.doubles(group + "/" + error, {half.size()});
  const auto c = colour.empty() ? std::vector<double>(half.size(), kMissing) : file.doubles(group + "/" + colour);
  for (std::size_t i = 0; i < half.size(); ++i) rows.push_back({static_cast<int>(half[i]), m[i], c[i], e[i]});
  return rows;
}

}  // namespace

RealData RealData::load(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  RealData real;
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const std::string group = fmt::format("/curves/{}", kChannels[c].name);
    if (file.has(group)) real.stars[c] = load_stars(file, group);
  }
  real.field.g = file.doubles("/detected/g");
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    const std::string group = fmt::format("/sed/{}", kPassbands[k].name);
    if (file.has(group)) real.sed[k] = load_rows(file, group, "magnitude", "", "relative_error");
    const std::string listed = fmt::format("/detected/{}", kPassbands[k].name);
    if (file.has(listed)) real.field.listed[k] = file.doubles(listed, {real.field.g.size()});
  }
  real.parallax = load_rows(file, "/parallax", "g", "bp_rp", "error_mas");
  return real;
}

}  // namespace penumbra
