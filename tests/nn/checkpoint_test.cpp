#include "nn/checkpoint.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <limits>

#include "base/error.h"
#include "base/sha256.h"
#include "sim/parameters.h"

namespace penumbra {
namespace {

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / ("checkpoint_test_" + name + ".h5");
}

Checkpoint example() {
  Checkpoint c;
  c.info.preset = "[flow]\nblocks = 2\n";
  c.info.preset_sha256 = sha256_of_text(c.info.preset);
  c.info.provenance = {"paper", "surveys = all", "abc123"};
  c.info.device = "cpu, 2 threads";
  c.info.seed = 0xfedcba9876543210ULL;  // more bits than a double holds
  c.info.progress = {.systems = 1280,
                     .steps = 10,
                     .skipped_steps = 1,
                     .seconds = 3.5,
                     .validation_loss = 12.25,
                     .best_validation_loss = 12.125,
                     .best_is_average = true,
                     .finished = true,
                     .weights = 3000};
  std::vector<float> values(2000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  c.weights = {{"b.weight", {50, 40}, values}, {"a.bias", {3}, {1e-30f, -2.0f, 3.0f}}};
  c.training = {{"values", {2000}, values}};
  c.info.has_training_state = true;
  return c;
}

std::string error_of(const std::filesystem::path& file) {
  try {
    read_checkpoint(file);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

TEST(Checkpoint, ReadsBackWhatWasWritten) {
  const auto file = temporary("round_trip");
  write_checkpoint(file, example());
  const Checkpoint read = read_checkpoint(file), written = example();
  EXPECT_EQ(read.info.preset, written.info.preset);
  EXPECT_EQ(read.info.provenance.prior, "paper");
  EXPECT_EQ(read.info.provenance.simulation, "surveys = all");
  EXPECT_EQ(read.info.provenance.commit, "abc123");
  EXPECT_EQ(read.info.device, "cpu, 2 threads");
  EXPECT_EQ(read.info.seed, written.info.seed);
  EXPECT_EQ(read.info.progress.systems, 1280);
  EXPECT_EQ(read.info.progress.steps, 10);
  EXPECT_EQ(read.info.progress.skipped_steps, 1);
  EXPECT_EQ(read.info.progress.seconds, 3.5);
  EXPECT_EQ(read.info.progress.best_validation_loss, 12.125);
  EXPECT_TRUE(read.info.progress.best_is_average);
  EXPECT_TRUE(read.info.progress.finished);
  ASSERT_EQ(read.weights.size(), 2u);
  EXPECT_EQ(read.weights[0].name, "a.bias");
  EXPECT_EQ(read.weights[0].values, written.weights[1].values);
  EXPECT_EQ(read.weights[1].shape, (Shape{50, 40}));
  EXPECT_EQ(read.weights[1].values, written.weights[0].values);
  EXPECT_TRUE(read.info.has_training_state);
}

TEST(Checkpoint, KeepsALossThatIsNotKnownYet) {
  const auto file = temporary("infinite");
  Checkpoint c = example();
  c.info.progress.best_validation_loss = std::numeric_limits<double>::infinity();
  write_checkpoint(file, c);
  EXPECT_EQ(read_checkpoint(file).info.progress.best_validation_loss, std::numeric_limits<double>::infinity());
}

TEST(Checkpoint, ExportLeavesTheTrainingStateBehind) {
  const auto file = temporary("full"), exported = temporary("exported");
  write_checkpoint(file, example());
  export_checkpoint(file, exported);
  const Checkpoint read = read_checkpoint(exported);
  EXPECT_FALSE(read.info.has_training_state);
  EXPECT_EQ(read.weights[1].values, example().weights[0].values);
  EXPECT_EQ(read.info.progress.best_validation_loss, 12.125);
  EXPECT_LT(std::filesystem::file_size(exported), std::filesystem::file_size(file));
}

TEST(Checkpoint, KeepsWidthScales) {
  const auto file = temporary("widths"), exported = temporary("widths_exported");
  Checkpoint c = example();
  c.width_scale.assign(kParameterCount, 1.0f);
  c.width_scale[4] = 0.96f;
  c.info.width_calibration = "40 systems";
  write_checkpoint(file, c);
  export_checkpoint(file, exported);
  for (const auto& from : {file, exported}) {
    const Checkpoint read = read_checkpoint(from);
    EXPECT_EQ(read.width_scale, c.width_scale);
    EXPECT_EQ(read.info.width_calibration, "40 systems");
  }
  std::string bad = bytes_of(file);
  const float scale = 0.96f;
  bad[bad.find(std::string(reinterpret_cast<const char*>(&scale), sizeof scale))] ^= 1;
  write_bytes(file, bad);
  EXPECT_NE(error_of(file).find("damaged"), std::string::npos) << error_of(file);
  c.width_scale[4] = 0.0f;
  write_checkpoint(file, c);
  EXPECT_NE(error_of(file).find("width_scale: expected 16 positive numbers"), std::string::npos) << error_of(file);
}

TEST(Checkpoint, RefusesDamage) {
  const auto file = temporary("damaged");
  write_checkpoint(file, example());
  const std::string good = bytes_of(file);
  // One bit of one weight.
  const float weight = 1.0f / 1000.0f;
  std::string bad = good;
  const auto at = bad.find(std::string(reinterpret_cast<const char*>(&weight), sizeof weight));
  ASSERT_NE(at, std::string::npos);
  bad[at] = static_cast<char>(bad[at] ^ 1);
  write_bytes(file, bad);
  EXPECT_NE(error_of(file).find("damaged"), std::string::npos) << error_of(file);
  // One letter of the provenance.
  bad = good;
  bad[bad.find("surveys = all")] = 'S';
  write_bytes(file, bad);
  EXPECT_NE(error_of(file).find("damaged"), std::string::npos) << error_of(file);
  write_bytes(file, good);
  EXPECT_EQ(error_of(file), "");
}

TEST(Checkpoint, RefusesATruncatedFile) {
  const auto file = temporary("truncated");
  write_checkpoint(file, example());
  const std::string good = bytes_of(file);
  for (const double part : {0.0, 0.1, 0.5, 0.99}) {
    write_bytes(file, good.substr(0, static_cast<std::size_t>(part * static_cast<double>(good.size()))));
    EXPECT_NE(error_of(file).find("truncated"), std::string::npos) << part << ": " << error_of(file);
  }
  std::filesystem::remove(file);
  EXPECT_NE(error_of(file), "");
}

TEST(Checkpoint, RefusesOtherFormatsAndVersions) {
  const auto file = temporary("other");
  {
    Hdf5Writer writer(file);
    writer.doubles("/x", {1.0}, {1});
    writer.commit();
  }
  EXPECT_NE(error_of(file).find("not a Penumbra checkpoint"), std::string::npos) << error_of(file);
  {
    Hdf5Writer writer(file);
    writer.text_attribute("/", "format", "penumbra-checkpoint");
    writer.number_attribute("/", "format_version", kCheckpointVersion + 1);
    writer.commit();
  }
  EXPECT_NE(error_of(file).find("format version 2"), std::string::npos) << error_of(file);
  {
    Hdf5Writer writer(file);
    writer.text_attribute("/", "format", "penumbra-checkpoint");
    writer.number_attribute("/", "format_version", kCheckpointVersion);
    std::vector<std::string> names;
    for (const ParameterInfo& p : kParameters) names.emplace_back(p.name);
    std::swap(names[3], names[4]);
    writer.strings("/parameters", names);
    writer.commit();
  }
  EXPECT_NE(error_of(file).find("made for other parameters: entry 3 is rsumfrac"), std::string::npos) << error_of(file);
}

}  // namespace
}  // namespace penumbra
