// The body of the prior kernel. A thread makes several draws, one after the other: as each try is the same work,
// whether it continues a draw or begins the next, the threads of a warp wait for each other only at their last draws.
#pragma once

#include "kernels/block.h"
#include "sim/prior_view.h"

namespace penumbra {

inline constexpr int kPriorThreads = 128;
inline constexpr int kPriorDraws = 8;  // a thread

struct PriorWork {
  PriorView prior;
  std::uint64_t seed, first;
  long count;
  PriorDraw* draws;  // [count]
};

inline long prior_blocks(long count) {
  return (count + kPriorThreads * kPriorDraws - 1) / (kPriorThreads * kPriorDraws);
}

// index: 0 .. prior_blocks - 1. A draw that no try gave is left with kMaxPriorTries rejections.
template <class Block>
PN_HD void prior_body(Block& block, const PriorWork& work, long index) {
  const long begin = index * kPriorThreads * kPriorDraws;
  const long left = work.count - begin;
  const long end = begin + (left < kPriorThreads * kPriorDraws ? left : kPriorThreads * kPriorDraws);
  block.for_each(kPriorThreads, [&](int thread) {
    long i = begin + thread;
    int tries = 0;
    RandomStream random(work.seed, work.first + static_cast<std::uint64_t>(i), Stage::kPrior);
    while (i < end) {
      PriorDraw& draw = work.draws[i];
      if (tries++ == 0) {
        for (int& count : draw.rejected) count = 0;
      }
      if (try_draw(work.prior, random, draw) == Status::kOk || tries == kMaxPriorTries) {
        i += kPriorThreads;
        tries = 0;
        random = RandomStream(work.seed, work.first + static_cast<std::uint64_t>(i), Stage::kPrior);
      }
    }
  });
}

}  // namespace penumbra
