#include "nn/device.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace penumbra {
namespace {

TEST(Device, NamesWhatItAccepts) {
  EXPECT_EQ(resolve_device("cpu"), "cpu");
  EXPECT_EQ(describe_device("cpu").rfind("cpu, LibTorch 2.", 0), 0u);
  try {
    resolve_device("gpu");
    FAIL() << "accepted";
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()), "device = gpu: expected auto, cpu or cuda");
  }
}

TEST(Device, AutomaticChoiceIsCudaExactlyWhereCudaWorks) {
  std::string problem;
  try {
    EXPECT_EQ(resolve_device("cuda"), "cuda");
  } catch (const UserError& error) {
    problem = error.what();
  }
  EXPECT_EQ(resolve_device("auto"), problem.empty() ? "cuda" : "cpu");
  EXPECT_TRUE(problem.empty() || problem.rfind("device = cuda: ", 0) == 0) << problem;
}

// Run by the test below in the restarted program only.
TEST(Device, DISABLED_PolicyIsPassive) { EXPECT_STREQ(std::getenv("OMP_WAIT_POLICY"), "passive"); }

TEST(DeviceDeathTest, RestartsOnceWithSleepingThreads) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  std::string program = "device_test", filter = "--gtest_filter=Device.DISABLED_PolicyIsPassive",
              disabled = "--gtest_also_run_disabled_tests";
  char* arguments[] = {program.data(), filter.data(), disabled.data(), nullptr};
  EXPECT_EXIT(
      {
        unsetenv("OMP_WAIT_POLICY");
        restart_with_sleeping_threads(arguments);
        std::_Exit(1);  // it did not restart
      },
      testing::ExitedWithCode(0), "");
  // The user's own choice stays, and nothing restarts.
  setenv("OMP_WAIT_POLICY", "active", 1);
  restart_with_sleeping_threads(arguments);
  EXPECT_STREQ(std::getenv("OMP_WAIT_POLICY"), "active");
}

}  // namespace
}  // namespace penumbra
