#include "nn/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "sim/parameters.h"
#include "sim/passbands.h"

namespace penumbra {
namespace {

constexpr const char* kFormat = "penumbra-checkpoint";

template <class Table>
std::vector<std::string> names_of(const Table& table, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.emplace_back(table[static_cast<std::size_t>(i)].name);
  return names;
}

// What the inputs and outputs of a network for binaries mean, in order.
struct NameList {
  const char* path;
  std::vector<std::string> names;
};
std::vector<NameList> meanings() {
  return {{"/parameters", names_of(kParameters, kParameterCount)},
          {"/channels", names_of(kChannels, kChannelCount)},
          {"/sed_bands", names_of(kPassbands, kSedBandCount)}};
}

// The facts of a checkpoint as text: attributes of the file, and part of its hash.
std::vector<std::pair<std::string, std::string>> facts(const CheckpointInfo& info) {
  std::vector<std::pair<std::string, std::string>> all{{"preset", info.preset},
                                                       {"preset_sha256", info.preset_sha256},
                                                       {"prior", info.provenance.prior},
                                                       {"simulation", info.provenance.simulation},
                                                       {"commit", info.provenance.commit},
                                                       {"device", info.device},
                                                       {"seed", fmt::format("{}", info.seed)}};
  if (!info.provenance.started_from.empty()) all.emplace_back("started_from", info.provenance.started_from);
  if (!info.width_calibration.empty()) all.emplace_back("width_calibration", info.width_calibration);
  return all;
}

std::vector<std::pair<std::string, double>> numbers(const TrainReport& report) {
  std::vector<std::pair<std::string, double>> all{{"systems", static_cast<double>(report.systems)},
                                                  {"steps", static_cast<double>(report.steps)},
                                                  {"skipped_steps", static_cast<double>(report.skipped_steps)},
                                                  {"seconds", report.seconds},
                                                  {"validation_loss", report.validation_loss},
                                                  {"best_validation_loss", report.best_validation_loss},
                                                  {"best_is_average", report.best_is_average ? 1.0 : 0.0},
                                                  {"finished", report.finished ? 1.0 : 0.0},
                                                  {"weight_count", static_cast<double>(report.weights)}};
  if (report.best_step > 0) all.emplace_back("best_step", static_cast<double>(report.best_step));  // 0: not known
  return all;
}

void hash_text(Sha256& sha, const std::string& text) {
  const std::uint64_t size = text.size();
  sha.update(&size, sizeof size);
  sha.update(text.data(), text.size());
}

constexpr const char* kWidthScale = "width_scale";

std::vector<StoredTensor> calibration_of(const Checkpoint& checkpoint) {
  const std::vector<float>& scale = checkpoint.width_scale;
  return scale.empty() ? std::vector<StoredTensor>{} : std::vector<StoredTensor>{{kWidthScale, {scale.size()}, scale}};
}

std::string content_sha256(const Checkpoint& checkpoint) {
  Sha256 sha;
  for (const auto& [name, value] : facts(checkpoint.info)) {
    hash_text(sha, name);
    hash_text(sha, value);
  }
  for (const auto& [name, value] : numbers(checkpoint.info.progress)) {
    hash_text(sha, name);
    sha.update(&value, sizeof value);
  }
  for (const InputArray& array : checkpoint.info.layout.inputs) {
    hash_text(sha, array.name);
    sha.update(array.shape.data(), array.shape.size() * sizeof(std::int64_t));
    for (const std::string& parameter : checkpoint.info.layout.parameters) hash_text(sha, parameter);
  }
  const std::vector<StoredTensor> calibration = calibration_of(checkpoint);
  for (const auto* group : {&checkpoint.weights, &checkpoint.training, &calibration}) {
    std::vector<const StoredTensor*> sorted;
    for (const StoredTensor& tensor : *group) sorted.push_back(&tensor);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
    for (const StoredTensor* tensor : sorted) {
      hash_text(sha, tensor->name);
      for (const std::uint64_t extent : tensor->shape) sha.update(&extent, sizeof extent);
      sha.update(tensor->values.data(), tensor->values.size() * sizeof(float));
    }
  }
  return sha.hex();
}

std::vector<StoredTensor> read_group(const Hdf5Reader& reader, const std::string& group) {
  std::vector<StoredTensor> tensors;
  if (!reader.has(group)) return tensors;
  for (const std::string& name : reader.children(group)) {
    const std::string path = group + "/" + name;
    tensors.push_back({name, reader.shape(path), reader.floats(path)});
  }
  return tensors;
}

void write_group(Hdf5Writer& writer, const std::string& group, const std::vector<StoredTensor>& tensors) {
  for (const StoredTensor& tensor : tensors) writer.floats(group + "/" + tensor.name, tensor.values, tensor.shape);
}

}  // namespace

void write_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint) {
  Hdf5Writer writer(file);
  write_group(writer, "/weights", checkpoint.weights);
  write_group(writer, "/training", checkpoint.training);
  write_group(writer, "/calibration", calibration_of(checkpoint));
  const DataLayout& layout = checkpoint.info.layout;
  if (layout.inputs.empty()) {
    for (const NameList& list : meanings()) writer.strings(list.path, list.names);
  } else {
    writer.strings("/parameters", layout.parameters);
    for (const InputArray& array : layout.inputs) {
      writer.integers("/inputs/" + array.name, array.shape, {array.shape.size()});
    }
  }
  writer.text_attribute("/", "format", kFormat);
  writer.number_attribute("/", "format_version", kCheckpointVersion);
  for (const auto& [name, value] : facts(checkpoint.info)) writer.text_attribute("/", name, value);
  for (const auto& [name, value] : numbers(checkpoint.info.progress)) writer.number_attribute("/", name, value);
  writer.text_attribute("/", "written", utc_now());
  writer.text_attribute("/", "sha256", content_sha256(checkpoint));
  writer.commit();
}

Checkpoint read_checkpoint(const std::filesystem::path& file) {
  const Hdf5Reader reader(file);
  std::string format;
  try {
    format = reader.text_attribute("/", "format");
  } catch (const UserError&) {
    format = "nothing";
  }
  if (format != kFormat) {
    throw UserError(fmt::format("{}: not a Penumbra checkpoint: attribute format is {}; expected {}", file.string(),
                                format, kFormat));
  }
  const double version = reader.number_attribute("/", "format_version");
  if (version != kCheckpointVersion) {
    throw UserError(fmt::format("{}: checkpoint format version {}; this program reads version {}", file.string(),
                                version, kCheckpointVersion));
  }
  const bool for_binaries = !reader.has("/inputs");
  for (const NameList& list : for_binaries ? meanings() : std::vector<NameList>{}) {
    const std::vector<std::string> found = reader.strings(list.path);
    const auto [a, b] = std::mismatch(found.begin(), found.end(), list.names.begin(), list.names.end());
    if (a != found.end() || b != list.names.end()) {
      throw UserError(fmt::format("{}: made for other {}: entry {} is {}; this program has {}", file.string(),
                                  list.path + 1, a - found.begin(), a == found.end() ? "missing" : *a,
                                  b == list.names.end() ? "none" : *b));
    }
  }

  Checkpoint checkpoint;
  CheckpointInfo& info = checkpoint.info;
  const auto text = [&](const char* name) { return reader.text_attribute("/", name); };
  const auto number = [&](const char* name) { return reader.number_attribute("/", name); };
  const auto count = [&](const char* name) { return static_cast<std::int64_t>(number(name)); };
  info.preset = text("preset");
  info.preset_sha256 = text("preset_sha256");
  info.provenance = {text("prior"), text("simulation"), text("commit"),
                     reader.has_attribute("/", "started_from") ? text("started_from") : ""};
  info.device = text("device");
  const std::string seed = text("seed");
  std::from_chars(seed.data(), seed.data() + seed.size(), info.seed);
  TrainReport& progress = info.progress;
  progress.systems = count("systems");
  progress.steps = count("steps");
  progress.skipped_steps = count("skipped_steps");
  progress.seconds = number("seconds");
  progress.validation_loss = number("validation_loss");
  progress.best_validation_loss = number("best_validation_loss");
  progress.best_is_average = number("best_is_average") != 0.0;
  if (reader.has_attribute("/", "best_step")) progress.best_step = count("best_step");
  progress.finished = number("finished") != 0.0;
  progress.weights = count("weight_count");
  info.layout.parameters = reader.strings("/parameters");
  if (!for_binaries) {
    for (const std::string& name : reader.children("/inputs")) {
      info.layout.inputs.push_back({name, reader.integers("/inputs/" + name)});
    }
  }
  checkpoint.weights = read_group(reader, "/weights");
  checkpoint.training = read_group(reader, "/training");
  info.has_training_state = !checkpoint.training.empty();
  if (const std::string path = std::string("/calibration/") + kWidthScale; reader.has(path)) {
    checkpoint.width_scale = reader.floats(path);
    info.width_calibration = text("width_calibration");
    const bool positive =
        std::ranges::all_of(checkpoint.width_scale, [](float scale) { return std::isfinite(scale) && scale > 0.0f; });
    if (!positive || checkpoint.width_scale.size() != info.layout.parameters.size()) {
      throw UserError(
          fmt::format("{}: {}: expected {} positive numbers", file.string(), path, info.layout.parameters.size()));
    }
  }

  const std::string expected = text("sha256"), found = content_sha256(checkpoint);
  if (found != expected) {
    throw UserError(fmt::format("{}: damaged: the SHA-256 of its content is {}; it was written with {}", file.string(),
                                found, expected));
  }
  if (sha256_of_text(info.preset) != info.preset_sha256) {
    throw UserError(fmt::format("{}: damaged: its preset does not have the SHA-256 that it states", file.string()));
  }
  return checkpoint;
}

void export_checkpoint(const std::filesystem::path& from, const std::filesystem::path& to) {
  Checkpoint checkpoint = read_checkpoint(from);
  checkpoint.training.clear();
  write_checkpoint(to, checkpoint);
}

}  // namespace penumbra
