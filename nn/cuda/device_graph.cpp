#include "nn/cuda/device_graph.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace penumbra {
namespace {

class RecordedGraph final : public DeviceGraph {
 public:
  explicit RecordedGraph(const std::function<void()>& work) {
    constexpr int kWarmUps = 3;  // libraries choose their algorithms and take memory at first
    c10::cuda::getCurrentCUDAStream().synchronize();
    const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    const c10::cuda::CUDAStreamGuard guard(stream);
    for (int i = 0; i < kWarmUps; ++i) work();
    stream.synchronize();
    graph_.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph_.capture_end();            // so that the stream can be used again
      } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): of no interest beside the first error
      }
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

}  // namespace
}  // namespace penumbra

penumbra::DeviceGraph* penumbra_record_graph(const std::function<void()>& work) {
  return new penumbra::RecordedGraph(work);
}
