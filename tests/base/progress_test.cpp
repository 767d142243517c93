#include "base/progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace penumbra {
namespace {

TEST(Progress, DurationsReadAsPeopleSayThem) {
  EXPECT_EQ(duration_text(0.2), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(65), "1 min 05 s");
  EXPECT_EQ(duration_text(7805), "2 h 10 min");
}

TEST(Progress, LineEstimatesTheRest) {
  EXPECT_EQ(progress_line("training", 250, 1000, 20), "training  250/1000  25%  20 s, about 1 min 00 s left");
  EXPECT_EQ(progress_line("training", 0, 1000, 20), "training  0/1000  0%  20 s");
  EXPECT_EQ(progress_line("training", 1000, 1000, 20), "training  1000/1000  100%  20 s");
}

// Ten seconds must pass before anything is printed to a file; short work stays silent, whatever the threads do.
TEST(Progress, ShortWorkIsSilentAndThreadsMayAdvance) {
  ::testing::internal::CaptureStderr();
  {
    Progress progress("work", 4000);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) progress.advance();
      });
    }
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace penumbra
