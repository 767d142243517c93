#include "base/npz_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

// Archives that NumPy itself writes.
class NpzFile : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fs::temp_directory_path() / ("penumbra_npz_file_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    std::ofstream(folder_ / "write.py") << R"(
import sys
import numpy as np
folder = sys.argv[1]
arrays = {"f4": np.arange(6, dtype=np.float32).reshape(2, 3) / 7, "f8": np.array([1e300, -2.5]),
          "f2": np.array([1.5, -0.333251953125, 6e-8, 65504, np.inf], np.float16), "i8": np.array([[-3], [1 << 40]]),
          "i4": np.array([7, -8], np.int32), "b1": np.array([True, False]), "scalar": np.float64(3.25),
          "columns": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)), "text": np.array(["a"])}
np.savez(folder + "/stored.npz", **arrays)
np.savez_compressed(folder + "/deflated.npz", zeros=np.zeros(10000), **arrays)
)";
    const std::string call =
        std::string(PENUMBRA_PYTHON) + " " + (folder_ / "write.py").string() + " " + folder_.string();
    ASSERT_EQ(std::system(call.c_str()), 0);
  }
  static void TearDownTestSuite() { fs::remove_all(folder_); }

  static std::string message_of(const auto& action) {
    try {
      action();
    } catch (const UserError& error) {
      return error.what();
    }
    return "no UserError";
  }
  static std::string content(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  static inline fs::path folder_;
};

TEST_F(NpzFile, ReadsWhatNumpyWrites) {
  for (const char* name : {"stored.npz", "deflated.npz"}) {
    const NpzReader reader(folder_ / name);
    const NpzReader::Array f4 = reader.array("f4", {2, 3});
    for (int i = 0; i < 6; ++i)
      EXPECT_EQ(f4.values[static_cast<std::size_t>(i)], static_cast<double>(static_cast<float>(i) / 7.0f));
    EXPECT_EQ(reader.array("f8").values, (std::vector<double>{1e300, -2.5}));
    const NpzReader::Array f2 = reader.array("f2");
    EXPECT_EQ(f2.values[0], 1.5);
    EXPECT_EQ(f2.values[1], -0.333251953125);
    EXPECT_NEAR(f2.values[2], 6e-8, 1e-9);  // subnormal: 5.96e-8
    EXPECT_EQ(f2.values[3], 65504.0);
    EXPECT_EQ(f2.values[4], HUGE_VAL);
    const NpzReader::Array i8 = reader.array("i8");
    EXPECT_EQ(i8.shape, (std::vector<std::size_t>{2, 1}));
    EXPECT_EQ(i8.values, (std::vector<double>{-3.0, 1099511627776.0}));
    EXPECT_EQ(reader.array("i4").values, (std::vector<double>{7.0, -8.0}));
    EXPECT_EQ(reader.array("b1").values, (std::vector<double>{1.0, 0.0}));
    const NpzReader::Array columns = reader.array("columns", {2, 3, 4});
    for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(columns.values[i], static_cast<double>(i));
    EXPECT_TRUE(reader.array("scalar").shape.empty());
    EXPECT_EQ(reader.array("scalar").values, std::vector<double>{3.25});
  }
  EXPECT_EQ(NpzReader(folder_ / "deflated.npz").array("zeros").values, std::vector<double>(10000));
}

TEST_F(NpzFile, NamesFileArrayAndReason) {
  const NpzReader reader(folder_ / "stored.npz");
  EXPECT_NE(message_of([&] {
              reader.array("f4", {3, 2});
            }).find("array f4: shape [2, 3], expected [3, 2]"),
            std::string::npos);
  EXPECT_NE(message_of([&] { reader.array("none"); }).find("has no array none; it holds b1, columns"),
            std::string::npos);
  EXPECT_NE(message_of([&] { reader.array("text"); }).find("type '<U1'"), std::string::npos);
  EXPECT_NE(message_of([&] { NpzReader(folder_ / "absent.npz"); }).find("absent.npz: cannot be read"),
            std::string::npos);
}

// Cut short at many places, and one wrong byte at many places: an error or the right numbers, never a crash.
TEST_F(NpzFile, SurvivesDamage) {
  const std::string whole = content(folder_ / "deflated.npz");
  const std::vector<double> right = NpzReader(folder_ / "deflated.npz").array("f4").values;
  const fs::path damaged = folder_ / "damaged.npz";
  const auto check = [&](const std::string& bytes) {
    std::ofstream(damaged, std::ios::binary) << bytes;
    try {
      const NpzReader reader(damaged);
      for (const std::string& name : reader.names()) {
        try {
          const NpzReader::Array array = reader.array(name);
          if (name == "f4") {
            EXPECT_EQ(array.values, right);
          }
        } catch (const UserError&) {
        }
      }
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("damaged.npz"), std::string::npos);
    }
  };
  for (std::size_t size = 0; size < whole.size(); size += 31) check(whole.substr(0, size));
  for (std::size_t at = 0; at < whole.size(); at += 13) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    check(bytes);
  }
}

}  // namespace
}  // namespace penumbra
