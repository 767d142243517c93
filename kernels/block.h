// A block of cooperating threads, as kernel bodies see it. Two models: DeviceBlock, the threads of one CUDA block, and
// HostBlock, one host thread that runs every loop itself, so that a kernel's body runs in ordinary tests.
//
// Bodies take shared memory in pieces from one region whose size the launch states. It starts with garbage.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "base/host_device.h"
#include "sim/lanes.h"

#if defined(__CUDACC__)
#include <cuda_pipeline.h>
#endif

namespace penumbra {

inline constexpr std::size_t kSharedAlignment = 16;
inline constexpr int kWarpSize = 32;

// What an array of `count` elements of `element` bytes takes of the region.
PN_HD constexpr std::size_t shared_bytes(std::size_t element, std::size_t count) {
  return (element * count + kSharedAlignment - 1) / kSharedAlignment * kSharedAlignment;
}

// Each piece is its own allocation, so that AddressSanitizer sees a body that leaves it.
class HostBlock {
 public:
  explicit HostBlock(std::size_t region_bytes) : left_(region_bytes) {}

  int rank() const { return 0; }
  int size() const { return 1; }
  void sync() const {}

  // function(0) .. function(count - 1), in any order; all done when it returns.
  template <class Function>
  void for_each(int count, Function&& function) const {
    for (int i = 0; i < count; ++i) function(i);
  }

  // function(lanes, 0) .. function(lanes, count - 1), each on one group of lanes (sim/lanes.h); all done when it
  // returns.
  int group_count() const { return 1; }
  template <class Function>
  void for_each_group(int count, Function&& function) const {
    for (int i = 0; i < count; ++i) function(HostLanes{}, i);
  }

  // The largest of function(0) .. function(count - 1), and of 0; every thread gets it.
  template <class Function>
  int largest(int count, Function&& function) const {
    int most = 0;
    for (int i = 0; i < count; ++i) {
      const int value = function(i);
      if (value > most) most = value;
    }
    return most;
  }

  // Starts copying `count` floats, a multiple of four, between addresses that are multiples of 16 bytes. They are there
  // for every thread after arrive(), which also waits for all threads, and not before: here they come at the last
  // moment.
  void fetch(float* to, const float* from, int count) { fetches_.push_back({to, from, count}); }
  void arrive() {
    for (const Fetch& f : fetches_) std::memcpy(f.to, f.from, sizeof(float) * static_cast<std::size_t>(f.count));
    fetches_.clear();
  }

  template <class T>
  T* shared(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<T>);
    const std::size_t bytes = shared_bytes(sizeof(T), count);
    if (bytes > left_) throw std::logic_error("HostBlock: the body takes more shared memory than its launch states");
    left_ -= bytes;
    pieces_.emplace_back(::operator new(sizeof(T) * count));
    std::memset(pieces_.back().get(), 0xA5, sizeof(T) * count);
    return static_cast<T*>(pieces_.back().get());
  }

  std::size_t bytes_left() const { return left_; }

 private:
  struct Free {
    void operator()(void* memory) const { ::operator delete(memory); }
  };
  struct Fetch {
    float* to;
    const float* from;
    int count;
  };
  std::size_t left_;
  std::vector<std::unique_ptr<void, Free>> pieces_;
  std::vector<Fetch> fetches_;
};

#if defined(__CUDACC__)
// The threads of one warp as lanes.h's group.
struct WarpLanes {
  static constexpr int kSize = kWarpSize;
#if defined(__CUDA_ARCH__)
  PN_HD int rank() const { return static_cast<int>(threadIdx.x) % kSize; }
  PN_HD int group() const { return static_cast<int>(threadIdx.x) / kSize; }
  PN_HD void sync() const { __syncwarp(); }
#else
  PN_HD int rank() const { return 0; }
  PN_HD int group() const { return 0; }
  PN_HD void sync() const {}
#endif

  template <class Function>
  PN_INLINE void for_each(int count, Function&& function) const {
    for (int i = rank(); i < count; i += kSize) function(i);
    sync();
  }

  template <class Condition, class Function>
  PN_INLINE void replace_where(int count, const double* a, const double* b, Condition&& condition, Function&& function,
                               double* out) const {
    for_each(count, [&](int i) {
      if (condition(a[i], b[i])) out[i] = function(a[i], b[i]);
    });
  }

  template <class Function>
  PN_INLINE double sum(int count, Function&& function) const {
    double value = 0.0;
    for (int i = rank(); i < count; i += kSize) value += function(i);
#if defined(__CUDA_ARCH__)
    for (int distance = kSize / 2; distance > 0; distance /= 2) value += __shfl_xor_sync(~0u, value, distance);
#endif
    sync();  // what `function` read may change again
    return value;
  }
};

// Bodies are host-device functions; compiled for the host these members do nothing, and are never called. Loops are
// inlined: a call would keep what their functions capture on the stack.
class DeviceBlock {
 public:
  // `region` is dynamic shared memory.
  PN_HD explicit DeviceBlock(unsigned char* region) : next_(region) {}

#if defined(__CUDA_ARCH__)
  PN_HD int rank() const { return static_cast<int>(threadIdx.x); }
  PN_HD int size() const { return static_cast<int>(blockDim.x); }
  PN_HD void sync() const { __syncthreads(); }
#else
  PN_HD int rank() const { return 0; }
  PN_HD int size() const { return 1; }
  PN_HD void sync() const {}
#endif

  template <class Function>
  PN_INLINE void for_each(int count, Function&& function) const {
    for (int i = rank(); i < count; i += size()) function(i);
    sync();
  }

  PN_HD int group_count() const { return size() / WarpLanes::kSize; }
  template <class Function>
  PN_INLINE void for_each_group(int count, Function&& function) const {
    const WarpLanes lanes;
    for (int i = lanes.group(); i < count; i += group_count()) {
      function(lanes, i);
      lanes.sync();  // the group's memory is free again
    }
    sync();
  }

  template <class Function>
  PN_INLINE int largest(int count, Function&& function) const {
#if defined(__CUDA_ARCH__)
    __shared__ int most;
    if (rank() == 0) most = 0;
    sync();
    for (int i = rank(); i < count; i += size()) atomicMax(&most, static_cast<int>(function(i)));
    sync();
    const int result = most;
    sync();
    return result;
#else
    return 0;
#endif
  }

  PN_INLINE void fetch(float* to, const float* from, int count) const {
#if defined(__CUDA_ARCH__)
    for (int i = 4 * rank(); i < count; i += 4 * size()) __pipeline_memcpy_async(to + i, from + i, 16);
    __pipeline_commit();
#endif
  }
  PN_INLINE void arrive() const {
#if defined(__CUDA_ARCH__)
    __pipeline_wait_prior(0);
#endif
    sync();
  }

  template <class T>
  PN_HD T* shared(std::size_t count) {
    T* const data = reinterpret_cast<T*>(next_);
    next_ += shared_bytes(sizeof(T), count);
    return data;
  }

 private:
  unsigned char* next_;
};
#endif

}  // namespace penumbra
