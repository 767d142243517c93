#include "nn/nccl.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/nn/one_thread.h"

namespace penumbra {
namespace {

// An NCCL that remembers what it is told. The sums themselves need GPUs.
struct Told {
  NcclFunctions::Id id;
  int size, rank;
};
thread_local std::vector<Told> told;
thread_local int open_communicators = 0;
bool refuses_rank_1 = false;

int get_unique_id(NcclFunctions::Id* id) {
  std::iota(id->bytes.begin(), id->bytes.end(), static_cast<char>(-90));
  return 0;
}
int init_rank(NcclFunctions::Communicator* communicator, int size, NcclFunctions::Id id, int rank) {
  told.push_back({id, size, rank});
  if (refuses_rank_1 && rank == 1) return 5;
  *communicator = &open_communicators;
  ++open_communicators;
  return 0;
}
int abort_communicator(NcclFunctions::Communicator communicator) {
  --*static_cast<int*>(communicator);
  return 0;
}

NcclFunctions recorder() {
  NcclFunctions functions{};
  functions.get_unique_id = get_unique_id;
  functions.init_rank = init_rank;
  functions.abort = abort_communicator;
  return functions;
}

struct Joined {
  bool joined;
  std::vector<Told> told;
  int left_open;  // once it was done
};

// Three threads in place of processes, of which those in `having` have NCCL.
std::vector<Joined> join_three(const std::vector<bool>& having) {
  constexpr int kSize = 3;
  std::barrier meeting(kSize);
  std::vector<at::Tensor> given(kSize);
  std::vector<Joined> result(kSize);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < kSize; ++rank) {
    threads.emplace_back([&, rank] {
      const auto place = static_cast<std::size_t>(rank);
      const Nccl::HostSum sum = [&](at::Tensor& tensor) {
        given[place] = tensor.clone();
        meeting.arrive_and_wait();
        tensor.copy_(given[0] + given[1] + given[2]);
        meeting.arrive_and_wait();
      };
      told.clear();
      auto nccl = Nccl::join(having[place] ? std::optional(recorder()) : std::nullopt, rank, kSize, sum);
      result[place].joined = nccl != nullptr;
      nccl.reset();
      result[place].told = told;
      result[place].left_open = open_communicators;
    });
  }
  for (std::thread& thread : threads) thread.join();
  return result;
}

TEST(Nccl, AllMeetWhereTheFirstSays) {
  refuses_rank_1 = false;
  const std::vector<Joined> all = join_three({true, true, true});
  NcclFunctions::Id expected;
  get_unique_id(&expected);
  for (int rank = 0; rank < 3; ++rank) {
    const Joined& one = all[static_cast<std::size_t>(rank)];
    EXPECT_TRUE(one.joined);
    ASSERT_EQ(one.told.size(), 1u);
    EXPECT_EQ(one.told[0].id.bytes, expected.bytes);
    EXPECT_EQ(one.told[0].size, 3);
    EXPECT_EQ(one.told[0].rank, rank);
    EXPECT_EQ(one.left_open, 0);
  }
}

TEST(Nccl, NobodyUsesItUnlessAllCan) {
  refuses_rank_1 = false;
  for (const std::vector<bool>& having : {std::vector<bool>{false, true, true}, {true, true, false}}) {
    for (const Joined& one : join_three(having)) {
      EXPECT_FALSE(one.joined);
      EXPECT_TRUE(one.told.empty());
    }
  }
  refuses_rank_1 = true;
  for (const Joined& one : join_three({true, true, true})) {
    EXPECT_FALSE(one.joined);
    EXPECT_EQ(one.left_open, 0);
  }
}

}  // namespace
}  // namespace penumbra
