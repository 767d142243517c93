#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "base/random.h"
#include "nn/captured_encode.h"
#include "nn/features.h"
#include "tests/nn/gpu_missing.h"

namespace penumbra {
namespace {

// With every point and band that there can be.
Inputs random_system(const Preset& preset, const DataLayout& layout, std::uint64_t draw) {
  Inputs inputs = Inputs::empty(1, layout, at::kFloat);
  RandomStream random(31, draw, Stage::kTest);
  for (const at::Tensor& array : inputs.arrays) {
    for (std::int64_t i = 0; i < array.numel(); ++i) array.data_ptr<float>()[i] = static_cast<float>(random.normal());
  }
  if (preset.kind == "points") {
    constexpr std::int64_t kPoint = FeatureLayout::kPointChannels, kBand = FeatureLayout::kSedChannels;
    inputs.arrays[0].view({-1, kPoint, preset.points.points}).select(1, kPoint - 1).fill_(1.0);
    inputs.arrays[1].view({kBand, -1})[kBand - 1].fill_(1.0);
  }
  return inputs;
}

// Seconds of one call, the fastest of some, with the context on the CPU.
template <class Encode>
double fastest(const Encode& encode) {
  double best = 1e9;
  for (int i = 0; i < 50; ++i) {
    const auto start = std::chrono::steady_clock::now();
    encode().to(at::kCPU);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// The same kernels in the same order; a library may choose another algorithm while they are recorded. TF32 keeps 10
// bits.
TEST(CapturedEncodeGpu, IsThePlainEncode) {
  if (const std::string why = gpu_missing(); !why.empty()) GTEST_SKIP() << why;
  const at::NoGradGuard no_grad;
  for (const char* kind :
       {"binary", "points", "spectrum"}) {  // those of the presets compact, paper and spectra-compact
    Preset preset;
    preset.kind = kind;
    const DataLayout layout = preset.for_binaries()
                                  ? data_layout(feature_layout(preset))
                                  : DataLayout{{{"spectrum", {3, 7214}}}, {"teff", "logg", "metallicity"}};
    const at::Device device(at::kCUDA);
    const auto network = make_network(preset, layout, 1, device);
    CapturedEncode encode(*network, layout);
    for (std::uint64_t draw = 0; draw < 4; ++draw) {  // the first records, the others replay
      const Inputs inputs = random_system(preset, layout, draw);
      const at::Tensor expected = network->context(inputs.to(device)), found = encode(inputs);
      EXPECT_LT((found - expected).norm().item<float>(), 2e-3f * expected.norm().item<float>()) << kind << " " << draw;
    }
    EXPECT_TRUE(encode.captured()) << kind;
    const Inputs inputs = random_system(preset, layout, 9);
    std::printf("%s: one system encoded in %.2f ms, plainly in %.2f ms\n", kind,
                1e3 * fastest([&] { return encode(inputs); }),
                1e3 * fastest([&] { return network->context(inputs.to(device)); }));
    // Weights are read anew by each replay.
    network->weights().values().mul_(1.1);
    const at::Tensor expected = network->context(inputs.to(device));
    EXPECT_LT((encode(inputs) - expected).norm().item<float>(), 2e-3f * expected.norm().item<float>()) << kind;
  }
}

}  // namespace
}  // namespace penumbra
