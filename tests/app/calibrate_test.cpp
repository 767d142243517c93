// penumbra calibrate: a checkpoint with width scales, which every reader of the network then uses.
#include <gtest/gtest.h>

#include "nn/checkpoint.h"
#include "tests/app/run_program.h"

namespace penumbra {
namespace {

std::vector<std::string> calibrate(std::vector<std::string> more) {
  std::vector<std::string> arguments{"calibrate", "--systems", "60", "--samples", "60", "--device", "cpu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(Calibrate, WritesANetworkOfOtherWidths) {
  const ScratchFolder folder("calibrate");
  const ProgramResult first = run_program(calibrate({"--seed", "5", "--out", "first.h5"}), folder.path());
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const Checkpoint once = read_checkpoint(folder.path() / "first.h5");
  EXPECT_FALSE(once.info.has_training_state);
  EXPECT_NE(once.info.width_calibration.find("60 samples each"), std::string::npos) << once.info.width_calibration;

  // The scales of a second run are multiplied with those that it found.
  const ProgramResult second =
      run_program(calibrate({"--seed", "6", "--checkpoint", "first.h5", "--out", "second.h5"}), folder.path());
  ASSERT_EQ(second.exit_code, 0) << second.err;
  const Checkpoint twice = read_checkpoint(folder.path() / "second.h5");
  EXPECT_NE(twice.width_scale, once.width_scale);
  EXPECT_TRUE(twice.info.width_calibration.starts_with(once.info.width_calibration + "; then "))
      << twice.info.width_calibration;

  const ProgramResult validated =
      run_program({"validate", "--systems", "30", "--samples", "30", "--device", "cpu", "--checkpoint", "second.h5"},
                  folder.path());
  EXPECT_EQ(validated.exit_code, 0) << validated.err;
}

TEST(Calibrate, AsksForAFileBeforeTheWorkBegins) {
  const ScratchFolder folder("calibrate_nowhere");
  const ProgramResult result = run_program(calibrate({}), folder.path());
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.err.find("expected the file for the calibrated network (--out)"), std::string::npos) << result.err;
  const ProgramResult nowhere = run_program(calibrate({"--out", "nowhere/network.h5"}), folder.path());
  EXPECT_EQ(nowhere.exit_code, 2);
  EXPECT_NE(nowhere.err.find("nowhere: no such folder"), std::string::npos) << nowhere.err;
}

}  // namespace
}  // namespace penumbra
