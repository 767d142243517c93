// One thread for LibTorch: small tensors gain nothing from more, and lose much where tests run side by side.
#pragma once

#include <gtest/gtest.h>

#include "nn/device.h"

namespace penumbra {

inline const auto* const kOneThread = testing::AddGlobalTestEnvironment([] {
  struct OneThread : testing::Environment {
    void SetUp() override { set_torch_threads(1); }
  };
  return new OneThread;
}());

}  // namespace penumbra
