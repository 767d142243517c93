// Owner of an array in device memory: the only place that allocates there. Kernels take its data() as a view.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/check.h"

namespace penumbra {

template <class T>
class DeviceBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t count) { resize(count); }
  explicit DeviceBuffer(std::span<const T> values) { upload(values); }
  ~DeviceBuffer() { cudaFree(data_); }  // an error here has nobody to tell
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  DeviceBuffer(DeviceBuffer&& other) noexcept { swap(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  // Contents are lost where it grows; memory is kept where it shrinks.
  void resize(std::size_t count) {
    if (count > capacity_) {
      PENUMBRA_CHECK_CUDA(cudaFree(data_));
      data_ = nullptr;
      capacity_ = 0;
      PENUMBRA_CHECK_CUDA(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)));
      capacity_ = count;
    }
    size_ = count;
  }

  // `values` may lie on the device too.
  void upload(std::span<const T> values, cudaStream_t stream = nullptr) {
    resize(values.size());
    if (values.empty()) return;
    PENUMBRA_CHECK_CUDA(cudaMemcpyAsync(data_, values.data(), values.size_bytes(), cudaMemcpyDefault, stream));
  }

  // Waits for the copy.
  void download(std::span<T> values, cudaStream_t stream = nullptr) const {
    if (values.empty()) return;
    PENUMBRA_CHECK_CUDA(cudaMemcpyAsync(values.data(), data_, values.size_bytes(), cudaMemcpyDeviceToHost, stream));
    PENUMBRA_CHECK_CUDA(cudaStreamSynchronize(stream));
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void swap(DeviceBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace penumbra
