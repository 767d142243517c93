// The next batches, simulated while the network trains on the present one: by the host's threads, or on the GPU.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "nn/train.h"

namespace penumbra {

// The part of every batch that this process makes: rows first .. first + count - 1 of `batch`.
struct BatchShare {
  std::int64_t batch;
  int first, count;
  // Part number `part` of `parts`, as equal as can be.
  BatchShare(std::int64_t size, int part, int parts)
      : batch(size),
        first(static_cast<int>(size * part / parts)),
        count(static_cast<int>(size * (part + 1) / parts) - first) {}
};

class Batches {
 public:
  virtual ~Batches() = default;
  // Waits for the next batch and returns its slot, which stays untouched until release(), by which the last
  // batch is over. Rethrows what a source threw.
  virtual std::size_t next() = 0;
  virtual void release() = 0;
};

// Batch k holds the systems k * batch .. (k + 1) * batch - 1, or a share of them. Batches come in order, whichever
// thread made them.
class BatchQueue : public Batches {
 public:
  // Makes batches first .. end - 1 in the given memory: one slot is one batch. The source must outlive the queue.
  BatchQueue(const SystemSource& source, std::uint64_t seed, std::int64_t first, std::int64_t end,
             const BatchShare& share, std::vector<SystemRows> slots, int threads);
  ~BatchQueue() override;  // stops the threads
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  std::size_t next() override;
  void release() override;

 private:
  void produce();
  std::size_t slot(std::int64_t batch) const { return static_cast<std::size_t>(batch) % slots_.size(); }

  const SystemSource& source_;
  const std::uint64_t seed_;
  const std::int64_t end_;
  const BatchShare share_;
  const std::vector<SystemRows> slots_;

  std::mutex mutex_;
  std::condition_variable slot_free_, batch_ready_;
  std::vector<int> rows_left_;  // of each slot's batch, until it is complete
  std::int64_t consumed_;       // batches released
  std::int64_t claimed_batch_;  // where the next chunk of rows comes from
  int claimed_row_ = 0;
  bool stop_ = false;
  std::exception_ptr error_;
  std::vector<std::thread> threads_;
};

// The same batches from a source on the GPU, as many at once as there are slots.
class DeviceBatchQueue : public Batches {
 public:
  DeviceBatchQueue(DeviceSource& source, std::uint64_t seed, std::int64_t first, std::int64_t end,
                   const BatchShare& share, std::vector<SystemRows> slots);
  ~DeviceBatchQueue() override;  // waits for what has been started: nobody else may have the memory before
  DeviceBatchQueue(const DeviceBatchQueue&) = delete;
  DeviceBatchQueue& operator=(const DeviceBatchQueue&) = delete;

  std::size_t next() override;
  void release() override;

 private:
  void start_next();
  std::size_t slot(std::int64_t batch) const { return static_cast<std::size_t>(batch) % slots_.size(); }

  DeviceSource& source_;
  const std::uint64_t seed_;
  const std::int64_t end_;
  const BatchShare share_;
  const std::vector<SystemRows> slots_;
  std::int64_t waited_, started_;  // batches that have been waited for, and begun
};

}  // namespace penumbra
