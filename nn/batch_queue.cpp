#include "nn/batch_queue.h"

#include <algorithm>
#include <utility>

namespace penumbra {
namespace {

constexpr int kChunk = 16;  // systems that a thread claims at once: enough to make the lock cheap, few enough to share

}  // namespace

BatchQueue::BatchQueue(const SystemSource& source, std::uint64_t seed, std::int64_t first, std::int64_t end,
                       const BatchShare& share, std::vector<SystemRows> slots, int threads)
    : source_(source),
      seed_(seed),
      end_(end),
      share_(share),
      slots_(std::move(slots)),
      rows_left_(slots_.size(), share.count),
      consumed_(first),
      claimed_batch_(first) {
  for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this] { produce(); });
}

BatchQueue::~BatchQueue() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  slot_free_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BatchQueue::produce() {
  std::unique_lock lock(mutex_);
  while (true) {
    slot_free_.wait(lock,
                    [&] { return stop_ || claimed_batch_ >= end_ || claimed_batch_ < consumed_ + std::ssize(slots_); });
    if (stop_ || claimed_batch_ >= end_) return;
    const std::int64_t batch = claimed_batch_;
    const int row = claimed_row_, count = std::min(kChunk, share_.count - row);
    claimed_row_ += count;
    if (claimed_row_ == share_.count) {
      ++claimed_batch_;
      claimed_row_ = 0;
    }
    lock.unlock();
    std::exception_ptr error;
    try {
      const auto first = static_cast<std::uint64_t>(batch * share_.batch + share_.first + row);
      source_(seed_, first, count, slots_[slot(batch)].from(row));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error) {
      error_ = error;
      stop_ = true;
      slot_free_.notify_all();
    }
    rows_left_[slot(batch)] -= count;
    if (error || rows_left_[slot(batch)] == 0) batch_ready_.notify_all();
  }
}

std::size_t BatchQueue::next() {
  std::unique_lock lock(mutex_);
  const std::size_t s = slot(consumed_);
  batch_ready_.wait(lock, [&] { return error_ || rows_left_[s] == 0; });
  if (error_) std::rethrow_exception(error_);
  return s;
}

void BatchQueue::release() {
  {
    const std::scoped_lock lock(mutex_);
    rows_left_[slot(consumed_)] = share_.count;
    ++consumed_;
  }
  slot_free_.notify_all();
}

DeviceBatchQueue::DeviceBatchQueue(DeviceSource& source, std::uint64_t seed, std::int64_t first, std::int64_t end,
                                   const BatchShare& share, std::vector<SystemRows> slots)
    : source_(source),
      seed_(seed),
      end_(end),
      share_(share),
      slots_(std::move(slots)),
      waited_(first),
      started_(first) {
  for (std::size_t i = 0; i < slots_.size(); ++i) start_next();
}

DeviceBatchQueue::~DeviceBatchQueue() {
  for (; waited_ < started_; ++waited_) {
    try {
      source_.wait(static_cast<int>(slot(waited_)));
    } catch (...) {  // what nobody reads may fail
    }
  }
}

void DeviceBatchQueue::start_next() {
  if (started_ == end_) return;
  source_.start(static_cast<int>(slot(started_)), seed_,
                static_cast<std::uint64_t>(started_ * share_.batch + share_.first), share_.count,
                slots_[slot(started_)]);
  ++started_;
}

std::size_t DeviceBatchQueue::next() {
  const std::size_t s = slot(waited_);
  source_.wait(static_cast<int>(s));
  ++waited_;
  return s;
}

void DeviceBatchQueue::release() { start_next(); }

}  // namespace penumbra
