#include "nn/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "sim/passbands.h"

namespace penumbra {
namespace {

constexpr Range kCount{1.0};  // >= 1
constexpr Range kShare{0.0, 1.0};
const std::vector<std::string> kPrecisions{"auto", "float32", "bfloat16"};  // as enum class Precision
const std::vector<std::string> kKinds{"binary", "points", "vector", "series", "spectrum"};
const std::vector<std::string> kTargets{"latent", "eclipses", "theta"};

// The one list of keys: `visit` is called with the table, the key, the member and what it may be.
template <class P, class Visit>
void for_each_key(P& p, const Visit& visit) {
  visit("network", "kind", p.kind, kKinds);
  if (p.for_binaries()) visit("network", "targets", p.targets, kTargets);
  if (p.kind == "vector") {
    visit("network", "hidden", p.vector.hidden, kCount);
    visit("network", "context", p.vector.context, kCount);
  } else if (p.kind == "series") {
    visit("network", "widths", p.series.widths, kCount);
    visit("network", "blocks", p.series.blocks, kCount);
    visit("network", "context", p.series.context, kCount);
  } else if (p.kind == "points") {
    visit("network", "channels", p.points.channels, Range{1.0, kChannelCount});
    visit("network", "points", p.points.points, Range{8.0, 1e6});
    visit("network", "curve_widths", p.points.curve_widths, kCount);
    visit("network", "curve_embedding", p.points.curve_embedding, kCount);
    visit("network", "sed_widths", p.points.sed_widths, kCount);
    visit("network", "sed_embedding", p.points.sed_embedding, kCount);
    visit("network", "blocks", p.points.blocks, kCount);
    visit("network", "meta_hidden", p.points.meta_hidden, kCount);
    visit("network", "meta_embedding", p.points.meta_embedding, kCount);
  } else if (p.kind == "spectrum") {
    visit("network", "widths", p.spectrum.widths, kCount);
    visit("network", "blocks", p.spectrum.blocks, kCount);
    visit("network", "recurrent_hidden", p.spectrum.recurrent_hidden, kCount);
    visit("network", "recurrent_layers", p.spectrum.recurrent_layers, kCount);
    visit("network", "dense_hidden", p.spectrum.dense_hidden, Range{0.0});
    visit("network", "context", p.spectrum.context, kCount);
  } else {
    visit("network", "phase_bins", p.network.phase_bins, Range{8.0});
    visit("network", "curve_widths", p.network.curve_widths, kCount);
    visit("network", "curve_blocks", p.network.curve_blocks, kCount);
    visit("network", "curve_embedding", p.network.curve_embedding, kCount);
    visit("network", "sed_hidden", p.network.sed_hidden, kCount);
    visit("network", "sed_embedding", p.network.sed_embedding, kCount);
    visit("network", "scalar_hidden", p.network.scalar_hidden, kCount);
    visit("network", "scalar_embedding", p.network.scalar_embedding, kCount);
    visit("network", "context", p.network.context, kCount);
    visit("network", "joint_hidden", p.network.joint_hidden, kCount);
  }
  visit("flow", "blocks", p.flow.blocks, kCount);
  visit("flow", "hidden", p.flow.hidden, kCount);
  visit("flow", "mixture_components", p.flow.mixture_components, kCount);
  visit("flow", "log_scale_limit", p.flow.log_scale_limit, kPositive);
  visit("flow", "context_to_outputs", p.flow.context_to_outputs);
  visit("train", "systems", p.train.systems, kCount);
  visit("train", "epochs", p.train.epochs, Range{0.0});
  visit("train", "batch", p.train.batch, kCount);
  visit("train", "learning_rate", p.train.learning_rate, kPositive);
  visit("train", "minimum_learning_rate", p.train.minimum_learning_rate, Range{0.0});
  visit("train", "warmup_steps", p.train.warmup_steps, Range{0.0});
  visit("train", "gradient_norm_limit", p.train.gradient_norm_limit, kPositive);
  visit("train", "average_decay", p.train.average_decay, kShare);
  visit("train", "encoder_precision", p.train.encoder_precision);
  visit("train", "only", p.train.only);
  if (p.for_binaries()) {
    visit("train", "drop_share", p.train.drop_share, kShare);
    visit("train", "drop", p.train.drop);
  }
  visit("train", "validation_systems", p.train.validation_systems, kCount);
  visit("train", "validate_every", p.train.validate_every, kCount);
  visit("train", "patience", p.train.patience, Range{0.0});
  visit("train", "max_minutes", p.train.max_minutes, Range{0.0});
}

struct Reader {
  const Config& config;
  void operator()(const char* table, const char* key, std::string& value,
                  const std::vector<std::string>& allowed) const {
    value = config.section(table).choice(key, value, allowed);
  }
  void operator()(const char* table, const char* key, bool& value) const {
    value = config.section(table).flag(key, value);
  }
  void operator()(const char* table, const char* key, Precision& value) const {
    const std::string name =
        config.section(table).choice(key, kPrecisions[static_cast<std::size_t>(value)], kPrecisions);
    value = static_cast<Precision>(std::ranges::find(kPrecisions, name) - kPrecisions.begin());
  }
  void operator()(const char* table, const char* key, std::vector<Modality>& value) const {
    value = read_modalities(config.section(table), key);
  }
  void operator()(const char* table, const char* key, std::vector<std::string>& value) const {
    if (config.section(table).has(key)) value = config.section(table).texts(key);
  }
  void operator()(const char* table, const char* key, std::int64_t& value, const Range& range) const {
    value = config.section(table).integer(key, value, range);
  }
  void operator()(const char* table, const char* key, double& value, const Range& range) const {
    value = config.section(table).number(key, value, range);
  }
  void operator()(const char* table, const char* key, std::vector<std::int64_t>& value, const Range& range) const {
    value = config.section(table).integers(key, value, range);
  }
};

struct Writer {
  std::string& text;
  std::string& table_now;
  void begin(const char* table) const {
    if (table_now == table) return;
    text += fmt::format("{}[{}]\n", text.empty() ? "" : "\n", table);
    table_now = table;
  }
  void operator()(const char* table, const char* key, const std::string& value, const std::vector<std::string>&) const {
    begin(table);
    text += fmt::format("{} = \"{}\"\n", key, value);
  }
  void operator()(const char* table, const char* key, bool value) const {
    begin(table);
    text += fmt::format("{} = {}\n", key, value);
  }
  void operator()(const char* table, const char* key, Precision value) const {
    if (value == Precision::kAuto) return;
    begin(table);
    text += fmt::format("{} = \"{}\"\n", key, kPrecisions[static_cast<std::size_t>(value)]);
  }
  void operator()(const char* table, const char* key, const std::vector<Modality>& value) const {
    std::vector<std::string> names;
    names.reserve(value.size());
    for (const Modality modality : value) names.emplace_back(kModalityNames[static_cast<std::size_t>(modality)]);
    (*this)(table, key, names);
  }
  void operator()(const char* table, const char* key, const std::vector<std::string>& value) const {
    if (value.empty()) return;
    begin(table);
    text += fmt::format("{} = [\"{}\"]\n", key, fmt::join(value, "\", \""));
  }
  void operator()(const char* table, const char* key, std::int64_t value, const Range&) const {
    begin(table);
    text += fmt::format("{} = {}\n", key, value);
  }
  void operator()(const char* table, const char* key, double value, const Range&) const {
    begin(table);
    text += fmt::format("{} = {}{}\n", key, value, value == std::floor(value) && std::fabs(value) < 1e15 ? ".0" : "");
  }
  void operator()(const char* table, const char* key, const std::vector<std::int64_t>& value, const Range&) const {
    if (value.empty()) return;
    begin(table);
    text += fmt::format("{} = [{}]\n", key, fmt::join(value, ", "));
  }
};

}  // namespace

std::vector<Modality> read_modalities(const Config& table, const std::string& key) {
  std::vector<Modality> modalities;
  if (!table.has(key)) return modalities;
  for (const std::string& name : table.texts(key)) {
    const auto found = std::ranges::find(kModalityNames, name);
    if (found == kModalityNames.end())
      throw table.error(key, fmt::format("expected some of: {}", fmt::join(kModalityNames, ", ")));
    modalities.push_back(static_cast<Modality>(found - kModalityNames.begin()));
  }
  return modalities;
}

Preset read_preset(const Config& config) {
  Preset preset;
  for_each_key(preset, Reader{config});
  const std::int64_t halvings = std::ssize(preset.network.curve_widths) - 1;
  const auto few_levels = [&](const char* key, const std::vector<std::int64_t>& widths, std::ptrdiff_t most = 16) {
    if (std::ssize(widths) <= most) return;
    throw config.section("network").error(key,
                                          fmt::format("expected at most {} levels: the length halves at each", most));
  };
  few_levels("widths", preset.series.widths);
  few_levels("widths", preset.spectrum.widths, 12);
  few_levels("curve_widths", preset.points.curve_widths);
  few_levels("sed_widths", preset.points.sed_widths);
  if (halvings > 16 || preset.network.phase_bins % (std::int64_t{1} << halvings) != 0) {
    throw config.section("network").error(
        "phase_bins", fmt::format("the length halves at each of the {} levels of network.curve_widths after the first: "
                                  "expected a multiple of 2^{}",
                                  halvings, halvings));
  }
  return preset;
}

Preset load_preset(const std::filesystem::path& file) {
  const Config config = Config::load(file);
  Preset preset = read_preset(config);
  config.finish();
  return preset;
}

std::string to_toml(const Preset& preset) {
  std::string text, table_now;
  for_each_key(preset, Writer{text, table_now});
  return text;
}

}  // namespace penumbra
