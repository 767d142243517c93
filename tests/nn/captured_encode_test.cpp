#include "nn/captured_encode.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/nn/one_thread.h"

namespace penumbra {
namespace {

// On a CPU nothing is recorded, and each system still has its own context (on a GPU: captured_encode_gpu_test.cpp).
TEST(CapturedEncode, OnACpuIsTheNetworksOwn) {
  const at::NoGradGuard no_grad;
  Preset preset;
  preset.kind = "series";
  preset.flow = {.blocks = 1, .hidden = 8, .mixture_components = 1};
  const DataLayout layout{{{"x", {2, 12}}}, {"a", "b"}};
  const auto network = make_network(preset, layout, 1, at::kCPU);
  CapturedEncode encode(*network, layout);
  for (const double size : {1.0, -2.0, 0.5}) {
    Inputs inputs;
    inputs.arrays.push_back(size * at::arange(24, at::kFloat).view({1, 2, 12}).sin());
    EXPECT_TRUE(at::equal(encode(inputs), network->context(inputs))) << size;
  }
  EXPECT_FALSE(encode.captured());
}

}  // namespace
}  // namespace penumbra
