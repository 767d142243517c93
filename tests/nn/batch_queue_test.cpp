#include "nn/batch_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <stdexcept>

#include "nn/features.h"
#include "sim/parameters.h"

namespace penumbra {
namespace {

constexpr int kBatch = 50;  // not a multiple of what a thread claims
const FeatureLayout kLayout{.phase_bins = 2};

struct Memory {
  explicit Memory(int slots) : batches(static_cast<std::size_t>(slots)) {
    for (FeatureBatch& batch : batches) batch.resize(kBatch, kLayout);
  }
  std::vector<SystemRows> rows() {
    std::vector<SystemRows> out;
    for (FeatureBatch& b : batches) {
      out.push_back(b.rows());
    }
    return out;
  }
  std::vector<FeatureBatch> batches;
};

// Writes a system's index into the first and last place of each of its rows.
void mark(std::uint64_t, std::uint64_t first, int count, const SystemRows& rows) {
  for (int b = 0; b < count; ++b) {
    const auto value = static_cast<float>(first + static_cast<std::uint64_t>(b));
    const FeatureRow row = feature_row(rows, b);
    row.curves[0] = row.curves[kLayout.curve_size() - 1] = value;
    row.summaries[FeatureLayout::summary_size() - 1] = row.sed[FeatureLayout::sed_size() - 1] = value;
    row.meta[FeatureLayout::kMeta - 1] = rows.target(b)[kParameterCount - 1] = value;
  }
}

class BatchQueueSlots : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(, BatchQueueSlots, testing::Values(1, 2, 5));

TEST_P(BatchQueueSlots, BatchesComeInOrderAndComplete) {
  Memory memory(GetParam());
  const SystemSource source = mark;
  BatchQueue queue(source, 1, 3, 40, {kBatch, 0, 1}, memory.rows(), 4);
  for (int batch = 3; batch < 40; ++batch) {
    const FeatureBatch& b = memory.batches[queue.next()];
    for (std::size_t i = 0; i < kBatch; ++i) {
      const auto expected = static_cast<float>(static_cast<std::size_t>(batch) * kBatch + i);
      ASSERT_EQ(b.curves[i * kLayout.curve_size()], expected);
      ASSERT_EQ(b.curves[(i + 1) * kLayout.curve_size() - 1], expected);
      ASSERT_EQ(b.summaries[(i + 1) * FeatureLayout::summary_size() - 1], expected);
      ASSERT_EQ(b.sed[(i + 1) * FeatureLayout::sed_size() - 1], expected);
      ASSERT_EQ(b.meta[(i + 1) * FeatureLayout::kMeta - 1], expected);
      ASSERT_EQ(b.z[(i + 1) * kParameterCount - 1], expected);
    }
    queue.release();
  }
}

TEST(BatchQueue, StopsWhileItsThreadsAreBusy) {
  Memory memory(3);
  std::atomic<int> calls{0};
  const SystemSource source = [&](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    ++calls;
    mark(seed, first, count, rows);
  };
  {
    BatchQueue queue(source, 1, 0, 1'000'000, {kBatch, 0, 1}, memory.rows(), 3);
    queue.next();
  }
  EXPECT_GE(calls, 4);      // one batch
  EXPECT_LE(calls, 3 * 4);  // never more than the slots hold
}

TEST(BatchQueue, RethrowsWhatASourceThrows) {
  Memory memory(2);
  const SystemSource source = [](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
    if (first >= 2 * kBatch) throw std::runtime_error("no more");
    mark(seed, first, count, rows);
  };
  BatchQueue queue(source, 1, 0, 10, {kBatch, 0, 1}, memory.rows(), 2);
  EXPECT_THROW(
      {
        for (int i = 0; i < 10; ++i) {
          queue.next();
          queue.release();
        }
      },
      std::runtime_error);
}

// A GPU that makes each batch when it is waited for.
class LateSource : public DeviceSource {
 public:
  void start(int slot, std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) override {
    ASSERT_EQ(open_.count(slot), 0u) << "begun before it was waited for";
    open_[slot] = [=] { mark(seed, first, count, rows); };
    most_ = std::max(most_, open_.size());
  }
  void wait(int slot) override {
    const auto make = open_.at(slot);
    open_.erase(slot);
    if (++waits_ == fails_at_) throw std::runtime_error("no more");
    make();
  }
  std::map<int, std::function<void()>> open_;
  std::size_t most_ = 0;
  int waits_ = 0, fails_at_ = -1;
};

TEST_P(BatchQueueSlots, BatchesOfADeviceComeInOrderAndComplete) {
  Memory memory(GetParam());
  LateSource source;
  {
    DeviceBatchQueue queue(source, 1, 3, 40, {3 * kBatch, 1, 3}, memory.rows());
    for (int batch = 3; batch < 39; ++batch) {
      const FeatureBatch& b = memory.batches[queue.next()];
      for (std::size_t i = 0; i < kBatch; ++i) {
        const auto expected = static_cast<float>(static_cast<std::size_t>(3 * batch + 1) * kBatch + i);
        ASSERT_EQ(b.curves[i * kLayout.curve_size()], expected);
        ASSERT_EQ(b.z[(i + 1) * kParameterCount - 1], expected);
      }
      queue.release();
    }
    EXPECT_EQ(source.most_, memory.batches.size());
  }
  EXPECT_TRUE(source.open_.empty()) << "a batch is still being made in memory that is gone";
}

TEST(DeviceBatchQueue, RethrowsWhatASourceThrows) {
  Memory memory(3);
  LateSource source;
  source.fails_at_ = 2;
  {
    DeviceBatchQueue queue(source, 1, 0, 10, {kBatch, 0, 1}, memory.rows());
    queue.next();
    queue.release();
    EXPECT_THROW(queue.next(), std::runtime_error);
  }
  EXPECT_TRUE(source.open_.empty());
}

}  // namespace
}  // namespace penumbra
