#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/device.h"
#include "tests/kernels/flow_reference.h"

namespace penumbra {
namespace {

// Products and sums fuse differently: a uniform number that meets the border between two components may choose the
// other.
TEST(FlowSampleGpu, AgreesWithTheCpu) {
  std::string why;
  if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  const FlowShape shape{16, 32, 128, 16, 4};
  const PackedFlow flow = pack_flow(shape.dimensions, shape.context, kLogScaleLimit, random_blocks(shape, 1));
  const DeviceFlow device(flow);
  for (const int systems : {0, 1, 7, 33, 1000}) {
    const std::vector<float> terms = flow_terms(flow, random_context(systems, shape.context, 2));
    for (const int samples : {1, 31, systems == 1 ? 10000 : 100}) {
      const auto rows = static_cast<std::size_t>(systems) * static_cast<std::size_t>(samples);
      std::vector<float> z(rows * 16), z_cpu(rows * 16), log_q(rows), log_q_cpu(rows);
      const FlowRequest request{terms, systems, samples, 3, 4, /*shared_noise=*/systems == 33};
      device.sample(request, {z, log_q});
      sample_flow(flow, request, {z_cpu, log_q_cpu}, 0);
      std::size_t differing = 0;
      for (std::size_t row = 0; row < rows; ++row) {
        bool same = std::fabs(log_q[row] - log_q_cpu[row]) < 1e-3f;
        for (std::size_t i = 16 * row; i < 16 * (row + 1); ++i)
          same = same && std::fabs(z[i] - z_cpu[i]) < 1e-4f * (1.0f + std::fabs(z_cpu[i]));
        differing += same ? 0 : 1;
      }
      std::printf("%d systems, %d samples: %zu differ\n", systems, samples, differing);
      EXPECT_LE(differing, rows / 10000);
    }
  }
}

}  // namespace
}  // namespace penumbra
