#include "base/atomic_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/error.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

class AtomicFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("penumbra_atomic_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path folder_;
};

TEST_F(AtomicFileTest, ReplacesAWholeFile) {
  write_text_file(folder_ / "a.csv", "one\n");
  write_text_file(folder_ / "a.csv", "two\n");
  EXPECT_EQ(content(folder_ / "a.csv"), "two\n");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(AtomicFileTest, WithoutCommitNothingAppears) {
  fs::path partial;
  {
    AtomicFile target(folder_ / "b.csv");
    partial = target.partial();
    std::ofstream(partial) << "half";
    EXPECT_TRUE(fs::exists(partial));
  }
  EXPECT_FALSE(fs::exists(partial));
  EXPECT_FALSE(fs::exists(folder_ / "b.csv"));
}

TEST_F(AtomicFileTest, SaysWhyItCannotWrite) {
  try {
    write_text_file(folder_ / "missing" / "c.csv", "x");
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_EQ(
        std::string(error.what()),
        (folder_ / "missing" / "c.csv").string() +
            ": cannot create the file: No such file or directory; choose an existing folder that you may write to");
  }
}

}  // namespace
}  // namespace penumbra
