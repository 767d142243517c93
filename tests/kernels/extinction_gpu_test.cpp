#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/device.h"
#include "tests/kernels/random_reddening.h"

namespace penumbra {
namespace {

// The device has its own exp and contracts a * b + c: the last digits differ.
TEST(ExtinctionGpu, AgreesWithTheCpu) {
  std::string why;
  if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  for (const int count : {0, 1, 7, 33, 1000}) {
    for (const bool spectra : {false, true}) {
      RandomReddening r(count, 27, spectra, 3.1);
      extinguish_on_device(r.input(), r.factor);
      const double difference = r.difference_from_cpu(3.1);
      std::printf("%d systems: largest relative difference from the CPU %.1e\n", count, difference);
      EXPECT_LT(difference, 1e-12);
    }
  }
}

}  // namespace
}  // namespace penumbra
