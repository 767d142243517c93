// Loops over independent items on CPU threads. Which thread does an item never matters: items share nothing but what
// they read. The first exception stops the loop and reaches the caller.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/interrupt.h"

namespace penumbra {

// 0 means all cores.
inline int resolve_threads(int requested) {
  return requested > 0 ? requested : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Calls work(i) for i = 0 .. count - 1. Interrupted is thrown when the user asks to stop.
template <typename Work>
void parallel_for(std::uint64_t count, int threads, const Work& work) {
  std::atomic<std::uint64_t> next{0};
  std::exception_ptr failure;
  std::mutex mutex;
  const auto run = [&] {
    try {
      for (std::uint64_t i = next++; i < count; i = next++) {
        throw_if_interrupted();
        work(i);
      }
    } catch (...) {
      const std::scoped_lock lock(mutex);
      if (!failure) failure = std::current_exception();
      next = count;
    }
  };
  const auto extra =
      static_cast<std::size_t>(std::min<std::uint64_t>(static_cast<std::uint64_t>(resolve_threads(threads)), count));
  {
    std::vector<std::jthread> pool;
    for (std::size_t t = 1; t < extra; ++t) pool.emplace_back(run);
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace penumbra
