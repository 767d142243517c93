#include "base/parallel.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <numeric>
#include <stdexcept>

namespace penumbra {
namespace {

TEST(ParallelFor, EveryItemOnce) {
  for (int threads : {0, 1, 3, 8}) {
    std::vector<int> seen(1000, 0);
    parallel_for(seen.size(), threads, [&](std::uint64_t i) { ++seen[i]; });
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 1000);
  }
  parallel_for(0, 4, [](std::uint64_t) { FAIL(); });
}

TEST(ParallelFor, FirstExceptionReachesTheCaller) {
  std::atomic<int> done{0};
  EXPECT_THROW(parallel_for(100000, 4,
                            [&](std::uint64_t i) {
                              if (i == 10) throw std::runtime_error("item");
                              ++done;
                            }),
               std::runtime_error);
  EXPECT_LT(done, 100000);
}

// In a child, since the interrupt is a fact of the whole process.
TEST(ParallelFor, StopsWhenInterrupted) {
  const pid_t child = ::fork();
  if (child == 0) {
    watch_interrupts();
    try {
      parallel_for(1000000, 2, [](std::uint64_t i) {
        if (i == 5) ::raise(SIGINT);
      });
    } catch (const Interrupted&) {
      ::_exit(7);
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace penumbra
