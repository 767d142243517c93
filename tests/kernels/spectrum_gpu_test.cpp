#include <gtest/gtest.h>

#include <cstdio>
#include <stdexcept>

#include "kernels/device.h"
#include "kernels/spectrum.h"
#include "tests/kernels/random_spectra.h"

namespace penumbra {
namespace {

// The device contracts a * b + c and adds in another order: the last digits differ.
TEST(SpectrumGpu, AgreesWithTheCpu) {
  std::string why;
  if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  for (const int count : {1, 33, 1000}) {
    for (const bool vmacro : {true, false}) {
      RandomSpectra r(count, vmacro, 300, 300);
      const DeviceEmulator device(r.emulator);
      device.evaluate(r.labels, r.flux);
      const float difference = r.difference_from_cpu();
      std::printf("%d stars: largest difference from the CPU %.1e\n", count, difference);
      EXPECT_LT(difference, 1e-5f);
      EXPECT_THROW(device.evaluate(r.labels, std::span<float>(r.flux).first(5)), std::invalid_argument);
    }
  }
}

}  // namespace
}  // namespace penumbra
