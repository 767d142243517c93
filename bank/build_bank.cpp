#include "bank/build_bank.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bank/measure_catalogues.h"
#include "bank/measure_light_curves.h"
#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

void write_floats(Hdf5Writer& file, const std::string& path, const std::vector<double>& values, const Shape& shape) {
  file.floats(path, std::vector<float>(values.begin(), values.end()), shape);
}

void write_ground(Hdf5Writer& file, const std::string& group, const GroundBank& bank) {
  const std::size_t entries = bank.magnitude.size();
  file.text_attribute(group, "source", bank.source);
  write_floats(file, group + "/magnitude", bank.magnitude, {entries});
  write_floats(file, group + "/points", bank.points, {entries});
  write_floats(file, group + "/night", bank.night, {entries, kNightNodes});
  write_floats(file, group + "/hour", bank.hour, {entries, kHourNodes});
  write_floats(file, group + "/night_size", bank.night_size, {entries, kSizeNodes});
  write_floats(file, group + "/log_gap", bank.log_gap, {entries, kGapNodes});
  write_floats(file, group + "/log_error", bank.log_error, {entries, kErrorNodes});
  file.doubles(group + "/noise_curve", {bank.noise_curve.begin(), bank.noise_curve.end()}, {3});
  file.doubles(group + "/scatter", {bank.scatter.begin(), bank.scatter.end()}, {2});
  file.doubles(group + "/scatter_rest", bank.scatter_rest, {kTableNodes});
}

void write_space(Hdf5Writer& file, const std::string& group, const SpaceBank& bank) {
  file.text_attribute(group, "source", bank.source);
  file.doubles(group + "/log_excess", bank.log_excess, {bank.log_excess.size()});
  file.doubles(group + "/log_scatter", bank.log_scatter, {bank.log_scatter.size()});
  file.doubles(group + "/coverage", bank.coverage, {bank.coverage.size()});
}

void write_sed(Hdf5Writer& file, const std::string& group, const SedBank& bank) {
  const std::size_t bins = bank.log_error.magnitude.size();
  file.text_attribute(group, "source", bank.source);
  file.number_attribute(group, "listed", bank.listed);
  write_floats(file, group + "/magnitude", bank.log_error.magnitude, {bins});
  write_floats(file, group + "/log_error", bank.log_error.value, {bins, kTableNodes});
}

void write_parallax(Hdf5Writer& file, const std::string& group, const ParallaxBank& bank) {
  const std::size_t bins = bank.log_excess.front().magnitude.size(), colours = bank.log_excess.size();
  std::vector<double> excess;
  for (const ErrorTable& table : bank.log_excess) excess.insert(excess.end(), table.value.begin(), table.value.end());
  file.text_attribute(group, "source", bank.source);
  write_floats(file, group + "/magnitude", bank.log_excess.front().magnitude, {bins});
  write_floats(file, group + "/colour_edge", bank.colour_edge, {bank.colour_edge.size()});
  write_floats(file, group + "/log_excess", excess, {colours, bins, kTableNodes});
  write_floats(file, group + "/origin", bank.origin, {colours, bins});
  write_floats(file, group + "/stars", bank.stars, {colours, bins});
  write_floats(file, group + "/check", bank.check, {bins, 3});
}

}  // namespace

BuiltBank build_bank(const Config& description, const std::vector<std::filesystem::path>& folders,
                     const Holdout& holdout) {
  SourceFiles files(folders);
  BuiltBank built;
  const bool has_base = description.has("base");
  if (has_base) {
    const std::filesystem::path base = files.find(description, "base").front();
    built.bank = SurveyBank::load(base);
    files.remember(base);
  }
  std::set<Channel> measured;
  for (const Config& entry : description.sections("light_curves")) {
    const LightCurveSource source = read_light_curves(entry, holdout, files);
    if (!measured.insert(source.channel).second) throw entry.error("channel", "given twice");
    if (source.channel == kTessChannel) {
      built.bank.tess = measure_tess(source, built.report);
    } else {
      built.bank.ground[source.channel] = measure_ground(source, built.report);
    }
  }
  measure_photometry(description, files, built.bank.sed, built.report);
  const bool parallaxes = !description.sections("parallax").empty();
  if (parallaxes) built.bank.parallax = measure_parallax(description, files, built.report);

  for (std::size_t c = 0; !has_base && c <= kTessChannel; ++c) {
    if (measured.contains(static_cast<Channel>(c))) continue;
    throw UserError(
        fmt::format("{}: no [[light_curves]] for channel {}; measure it too, or name a bank to take it from: "
                    "base = \"surveys.h5\"",
                    description.file().string(), kChannels[c].name));
  }
  if (!has_base && !parallaxes) {
    throw UserError(
        fmt::format("{}: no [[parallax]]; measure it too, or name a bank to take it from: base = "
                    "\"surveys.h5\"",
                    description.file().string()));
  }
  built.inputs = files.checksums();
  return built;
}

void write_bank(const std::filesystem::path& path, const BuiltBank& built,
                const std::vector<std::pair<std::string, std::string>>& attributes) {
  Hdf5Writer file(path);
  file.number_attribute("/", "format", kBankFormat);
  for (const auto& [name, value] : attributes) file.text_attribute("/", name, value);
  std::vector<std::string> names, sums;
  for (const SourceFiles::Checksum& input : built.inputs) {
    names.push_back(input.name);
    sums.push_back(input.sha256);
  }
  file.strings("/inputs/name", names);
  file.strings("/inputs/sha256", sums);
  for (std::size_t c = 0; c < kTessChannel; ++c) {
    write_ground(file, fmt::format("/ground/{}", kChannels[c].name), built.bank.ground[c]);
  }
  write_space(file, fmt::format("/space/{}", kChannels[kTessChannel].name), built.bank.tess);
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    if (built.bank.sed[k].log_error.value.empty()) continue;
    write_sed(file, fmt::format("/sed/{}", kPassbands[k].name), built.bank.sed[k]);
  }
  write_parallax(file, "/parallax", built.bank.parallax);
  file.commit();
}

}  // namespace penumbra
