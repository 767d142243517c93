// Training systems that the GPU makes in its own memory, beside the host's.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>

#include "kernels/device.h"
#include "nn/binary_source.h"
#include "nn/device.h"
#include "nn/features.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";
constexpr std::uint64_t kSeed = 5;

class BinarySourceGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
    if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
      GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
    resolve_device("cuda");  // opens LibTorch's libraries for it
  }
  static const Simulator& simulator() {
    static const Tables tables = Tables::load(kData);
    static const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
    return simulator;
  }
};

// The rows of a batch on some device.
struct Rows {
  DataLayout layout;
  std::vector<at::Tensor> arrays;  // the inputs, then the targets
  SystemRows view;

  Rows(const Preset& preset, std::int64_t systems, const at::Device& device)
      : layout(data_layout(feature_layout(preset))) {
    const auto add = [&](std::size_t size) {
      arrays.push_back(at::full({systems, static_cast<std::int64_t>(size)}, NAN, at::TensorOptions(device)));
    };
    for (const InputArray& input : layout.inputs) add(input.size());
    add(layout.dimensions());
    view = {&layout, {}, arrays.back().data_ptr<float>()};
    for (std::size_t i = 0; i + 1 < arrays.size(); ++i) view.inputs.push_back(arrays[i].data_ptr<float>());
    arrays.back().to(at::kCPU);  // waits until all is NaN
  }
};

Preset points_preset() {
  Preset preset;
  preset.kind = "points";
  preset.targets = "theta";
  return preset;
}

// The last digits differ, so a point next to a bin's edge may fall into the other bin.
TEST_F(BinarySourceGpu, MakesTheRowsOfTheHost) {
  constexpr int kSystems = 200;
  Preset bins;
  bins.train.drop_share = 0.2;
  Preset eclipses;
  eclipses.targets = "eclipses";
  for (const Preset& preset : {bins, eclipses, points_preset()}) {
    const Targets targets = Targets::make(preset.targets, simulator().prior());
    const Rows expected(preset, 2 * kSystems, at::kCPU);
    binary_source(simulator(), preset, targets)(kSeed, 0, 2 * kSystems, expected.view);
    const Rows made(preset, 2 * kSystems, at::kCUDA);
    const auto source = device_binary_source(simulator(), preset, targets, kSystems, 2);
    for (int slot = 0; slot < 2; ++slot)
      source->start(slot, kSeed, static_cast<std::uint64_t>(slot * kSystems), kSystems,
                    made.view.from(slot * kSystems));
    for (int slot = 0; slot < 2; ++slot) source->wait(slot);
    for (std::size_t i = 0; i < made.arrays.size(); ++i) {
      const at::Tensor difference = (made.arrays[i].to(at::kCPU) - expected.arrays[i]).abs();
      ASSERT_FALSE(difference.isnan().any().item<bool>()) << "array " << i;
      const double share = difference.gt(1e-5).sum().item<double>() / static_cast<double>(difference.numel());
      std::printf("%s, array %zu: largest difference %.1e, above 1e-5 %.1e of the numbers\n", preset.kind.c_str(), i,
                  difference.max().item<double>(), share);
      EXPECT_LT(share, 1e-4) << "array " << i;
    }
  }
}

TEST_F(BinarySourceGpu, Throughput) {
  constexpr int kSystems = 128, kSlots = 4, kBatches = 40;  // as the preset `paper` trains
  const Preset preset = points_preset();
  const Targets targets = Targets::make(preset.targets, simulator().prior());
  const auto source = device_binary_source(simulator(), preset, targets, kSystems, kSlots);
  const Rows made(preset, kSystems * kSlots, at::kCUDA);
  const auto start = [&](int batch) {
    source->start(batch % kSlots, kSeed, static_cast<std::uint64_t>(batch) * kSystems, kSystems,
                  made.view.from(batch % kSlots * kSystems));
  };
  for (int batch = 0; batch < kSlots; ++batch) start(batch);
  for (int batch = 0; batch < kSlots; ++batch) source->wait(batch);
  const auto begin = std::chrono::steady_clock::now();
  for (int batch = 0; batch < kSlots; ++batch) start(batch);
  for (int batch = 0; batch < kBatches; ++batch) {
    source->wait(batch % kSlots);
    if (batch + kSlots < kBatches) start(batch + kSlots);
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  std::printf("%.0f training systems a second (batches of %d, %d at once)\n", kBatches * kSystems / elapsed.count(),
              kSystems, kSlots);
}

}  // namespace
}  // namespace penumbra
