#include <ATen/Context.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "nn/checkpoint.h"
#include "nn/train.h"
#include "tests/nn/gpu_missing.h"
#include "tests/nn/linear_gaussian.h"

namespace penumbra {
namespace {

// In float32, unless it is told otherwise.
Preset float32() {
  Preset preset = tiny();
  preset.train.encoder_precision = Precision::kFloat32;
  return preset;
}

TrainOptions on_gpu(const std::string& name) {
  TrainOptions options = quiet_options(name);
  options.device = "cuda";
  return options;
}

// As EncodersInBfloat16LearnAsMuch of train_test.cpp, where the CPU stands in.
TEST(TrainGpu, EncodersInBfloat16LearnAsMuch) {
  if (const std::string why = gpu_missing(); !why.empty()) GTEST_SKIP() << why;
  Preset preset = float32();
  preset.train.systems = 300 * 64;
  preset.train.learning_rate = 5e-3;
  preset.train.validation_systems = 2048;
  preset.train.validate_every = preset.train.systems;
  const double float32_loss = train(preset, kLayout, linear_gaussian, on_gpu("gpu_float32")).best_validation_loss;
  preset.train.encoder_precision = Precision::kAuto;
  const double loss = train(preset, kLayout, linear_gaussian, on_gpu("gpu_auto")).best_validation_loss;
  EXPECT_NEAR(loss, float32_loss, 0.05);
  EXPECT_NE(loss, float32_loss);
}

const std::filesystem::path kTogether = std::filesystem::path(testing::TempDir()) / "train_gpu_together";

// Run by the next test, in processes that have not touched the GPU before.
TEST(TrainGpu, DISABLED_OneOfTwo) {
  TrainOptions options = on_gpu("unused");
  options.folder = kTogether;
  EXPECT_TRUE(train(float32(), kLayout, linear_gaussian, options).finished);
}

// By NCCL where there are two GPUs; where they share one, NCCL refuses and they go by the CPUs. Shares of a batch take
// other algorithms than a whole one, in TF32: hence the tolerance.
TEST(TrainGpu, TwoProcessesAreOne) {
  if (const std::string why = gpu_missing(); !why.empty()) GTEST_SKIP() << why;
  const TrainReport alone = train(float32(), kLayout, linear_gaussian, on_gpu("gpu_alone"));
  std::filesystem::remove_all(kTogether);
  if (at::detail::getCUDAHooks().deviceCount() == 1) ::setenv("CUDA_VISIBLE_DEVICES", "0", 1);  // for both
  std::vector<pid_t> children;
  for (const char* rank : {"0", "1"}) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    for (const auto& [name, value] : {std::pair{"RANK", rank},
                                      {"LOCAL_RANK", rank},
                                      {"WORLD_SIZE", "2"},
                                      {"LOCAL_WORLD_SIZE", "2"},
                                      {"MASTER_ADDR", "127.0.0.1"},
                                      {"MASTER_PORT", "29611"}}) {
      ::setenv(name, value, 1);
    }
    ::execl("/proc/self/exe", "nn_gpu_test", "--gtest_filter=TrainGpu.DISABLED_OneOfTwo",
            "--gtest_also_run_disabled_tests", nullptr);
    ::_exit(127);
  }
  for (const pid_t child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const TrainReport together = read_checkpoint(kTogether / "checkpoint.h5").info.progress;
  EXPECT_EQ(together.steps, alone.steps);
  EXPECT_NEAR(together.validation_loss, alone.validation_loss, 0.01);
  EXPECT_NEAR(together.best_validation_loss, alone.best_validation_loss, 0.01);
}

}  // namespace
}  // namespace penumbra
