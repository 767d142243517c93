#include "experiments/finished_work.h"

#include <gtest/gtest.h>

#include "tests/app/run_program.h"

namespace penumbra {
namespace {

TEST(FinishedWork, IsKeptForTheSameFactsAndNoOthers) {
  const ScratchFolder scratch("finished_work");
  const std::filesystem::path folder = scratch.path() / "work", file = folder / "one.csv";
  keep_finished_work(folder, {{"seed", "1"}});
  write_text(file, "done");
  keep_finished_work(folder, {{"seed", "1"}});
  EXPECT_EQ(read_text(file), "done");
  keep_finished_work(folder, {{"seed", "2"}});
  EXPECT_FALSE(std::filesystem::exists(file));
  write_text(file, "done");
  write_text(folder / "made_by", "program = \"another\"\nseed = \"2\"\n");
  keep_finished_work(folder, {{"seed", "2"}});
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(FinishedWork, NamesFilesByTheirContent) {
  const ScratchFolder scratch("facts_of_files");
  EXPECT_TRUE(facts_of_files(scratch.path() / "none").empty());
  write_text(scratch.path() / "b.csv", "abc");
  write_text(scratch.path() / "a.csv", "");
  const WorkFacts expected{
      {"a.csv", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},  // FIPS 180-4's examples
      {"b.csv", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}};
  EXPECT_EQ(facts_of_files(scratch.path()), expected);
}

}  // namespace
}  // namespace penumbra
