#include "base/hdf5_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <numeric>

#include "base/error.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

class Hdf5File : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("penumbra_hdf5_" + std::to_string(::getpid()) + "_" +
                                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  int file_count() const {
    return static_cast<int>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

template <typename Call>
std::string user_error(Call call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no UserError";
}

TEST_F(Hdf5File, WritesAndReadsEveryKind) {
  const fs::path file = folder_ / "all.h5";
  {
    Hdf5Writer writer(file);
    writer.doubles("/a/b/grid", {1, 2, 3, 4, 5, 6}, {2, 3});
    writer.doubles("/scalar", {2.5}, {});
    writer.floats("/a/narrow", std::vector<float>{0.5f, -1.0f}, {2});
    writer.integers("/a/count", {-7, 1LL << 40}, {2});
    writer.integers("/empty", {}, {0});
    writer.strings("/names", {"eclipse", "", "Teff [K] β"});
    writer.text_attribute("/", "commit", "abc");
    writer.text_attribute("/a/b/grid", "unit", "Jy");
    writer.text_attribute("/provenance", "source", "MIST");  // makes the group
    writer.number_attribute("/", "seed", 42);
    writer.number_attribute("/", "seed", 43);  // replaces
    writer.commit();
  }
  EXPECT_EQ(file_count(), 1);
  const Hdf5Reader reader(file);
  EXPECT_EQ(reader.doubles("/a/b/grid", {2, 3}), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(reader.floats("a/b/grid"), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(reader.doubles("/scalar"), std::vector<double>{2.5});
  EXPECT_TRUE(reader.shape("/scalar").empty());
  EXPECT_EQ(reader.shape("/a/b/grid"), (Shape{2, 3}));
  EXPECT_EQ(reader.doubles("/a/narrow"), (std::vector<double>{0.5, -1.0}));
  EXPECT_EQ(reader.integers("/a/count"), (std::vector<std::int64_t>{-7, 1LL << 40}));
  EXPECT_EQ(reader.doubles("/a/count"), (std::vector<double>{-7.0, 1099511627776.0}));
  EXPECT_TRUE(reader.integers("/empty").empty());
  EXPECT_EQ(reader.strings("/names"), (std::vector<std::string>{"eclipse", "", "Teff [K] β"}));
  EXPECT_EQ(reader.text_attribute("/", "commit"), "abc");
  EXPECT_EQ(reader.text_attribute("/a/b/grid", "unit"), "Jy");
  EXPECT_EQ(reader.text_attribute("/provenance", "source"), "MIST");
  EXPECT_EQ(reader.number_attribute("/", "seed"), 43.0);
  EXPECT_EQ(reader.attributes("/"),
            (std::vector<std::pair<std::string, std::string>>{{"commit", "abc"}, {"seed", "43"}}));
  EXPECT_EQ(reader.children("/"), (std::vector<std::string>{"a", "empty", "names", "provenance", "scalar"}));
  EXPECT_EQ(reader.children("/a"), (std::vector<std::string>{"b", "count", "narrow"}));
  EXPECT_TRUE(reader.has("/a/b/grid"));
  EXPECT_TRUE(reader.has("/a/b"));
  EXPECT_FALSE(reader.has("/x/y/z"));
}

TEST_F(Hdf5File, NamesFileDatasetAndExpectation) {
  const fs::path file = folder_ / "table.h5";
  {
    Hdf5Writer writer(file);
    writer.doubles("/grid", {1, 2, 3, 4, 5, 6}, {2, 3});
    writer.strings("/names", {"x"});
    writer.commit();
  }
  const Hdf5Reader reader(file);
  const std::string name = file.string();
  EXPECT_EQ(user_error([&] { reader.doubles("/gird"); }), name + ": no dataset '/gird'");
  EXPECT_EQ(user_error([&] { reader.doubles("/deep/gird"); }), name + ": no dataset '/deep/gird'");
  EXPECT_EQ(user_error([&] {
              reader.doubles("/grid", {3, 2});
            }),
            name + ": dataset '/grid' has shape (2, 3), expected (3, 2)");
  EXPECT_EQ(user_error([&] { reader.doubles("/names"); }), name + ": dataset '/names' holds strings, expected numbers");
  EXPECT_EQ(user_error([&] { reader.integers("/grid"); }),
            name + ": dataset '/grid' holds floating-point numbers, expected integers");
  EXPECT_EQ(user_error([&] { reader.strings("/grid"); }),
            name + ": dataset '/grid' holds floating-point numbers, expected strings");
  EXPECT_EQ(user_error([&] { reader.text_attribute("/", "commit"); }), name + ": no attribute 'commit' on '/'");
  EXPECT_EQ(user_error([&] { reader.text_attribute("/nowhere", "commit"); }),
            name + ": no attribute 'commit' on '/nowhere'");
  EXPECT_EQ(user_error([&] { reader.children("/nowhere"); }), name + ": no group '/nowhere'");
}

TEST_F(Hdf5File, RefusesWhatIsNotAnHdf5File) {
  EXPECT_EQ(user_error([&] { Hdf5Reader reader(folder_ / "none.h5"); }),
            (folder_ / "none.h5").string() + ": no such file");
  EXPECT_NE(user_error([&] { Hdf5Reader reader(folder_); }).find("is a folder"), std::string::npos);
  std::ofstream(folder_ / "text.h5") << "not HDF5\n";
  EXPECT_NE(user_error([&] { Hdf5Reader reader(folder_ / "text.h5"); }).find("not a readable HDF5 file"),
            std::string::npos);

  const fs::path file = folder_ / "cut.h5";
  {
    Hdf5Writer writer(file);
    writer.doubles("/grid", std::vector<double>(5000, 1.0), {5000});
    writer.commit();
  }
  fs::resize_file(file, fs::file_size(file) / 2);
  EXPECT_NE(user_error([&] {
              const Hdf5Reader reader(file);
              reader.doubles("/grid");
            }).find("truncated"),
            std::string::npos);
}

TEST_F(Hdf5File, AbandonedWriterLeavesTheOldFile) {
  const fs::path file = folder_ / "kept.h5";
  {
    Hdf5Writer writer(file);
    writer.doubles("/value", {1.0}, {1});
    writer.commit();
  }
  {
    Hdf5Writer writer(file);
    writer.doubles("/value", {2.0}, {1});
  }
  EXPECT_EQ(file_count(), 1);
  EXPECT_EQ(Hdf5Reader(file).doubles("/value"), std::vector<double>{1.0});
}

TEST_F(Hdf5File, UnwritableFolderIsAUserError) {
  std::ofstream(folder_ / "regular") << "x";
  const std::string message = user_error([&] { Hdf5Writer writer(folder_ / "regular" / "out.h5"); });
  EXPECT_NE(message.find("out.h5: cannot create the file: Not a directory"), std::string::npos) << message;
}

// A limit on the file size stands in for a full disk: both make write(2) fail part of the way.
TEST_F(Hdf5File, FailedWriteNamesTheFileAndLeavesNothing) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200000, 200000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int result = 1;
    try {
      Hdf5Writer writer(folder_ / "big.h5");
      std::vector<double> values(100000);
      std::iota(values.begin(), values.end(), 0.0);
      writer.doubles("/values", values, {values.size()});
      writer.commit();
    } catch (const EnvironmentError& error) {
      const std::string message = error.what();
      result =
          message.find("big.h5") != std::string::npos && message.find("File too large") != std::string::npos ? 0 : 2;
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(file_count(), 0);
}

}  // namespace
}  // namespace penumbra
