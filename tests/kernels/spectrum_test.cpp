#include "kernels/spectrum.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <stdexcept>

#include "base/error.h"
#include "kernels/device.h"
#include "kernels/spectrum_body.h"
#include "tests/kernels/random_spectra.h"

namespace penumbra {
namespace {

// The kernel's body, its shared memory as large as the launch makes it, against the CPU's matrix products.
TEST(SpectrumBody, GivesWhatTheCpuGives) {
  for (const int count : {1, 31, 70}) {
    for (const bool vmacro : {true, false}) {
      RandomSpectra r(count, vmacro, count == 31 ? 300 : 19, count == 31 ? 300 : 12);
      const SpectrumBatch batch = spectrum_batch(r.emulator, r.labels);
      const SpectrumWork work{r.emulator.view(),       count,        batch.reach, r.labels.data(),
                              batch.computable.data(), r.flux.data()};
      for (int index = 0; index < spectrum_blocks(count); ++index) {
        HostBlock block(spectrum_shared_bytes(work.net, work.reach));
        spectrum_body(block, work, index);
        EXPECT_EQ(block.bytes_left(), 0u);
      }
      const float difference = r.difference_from_cpu();
      std::printf("%d stars, reach %d: largest difference from the CPU %.1e\n", count, batch.reach, difference);
      EXPECT_LT(difference, 5e-6f) << count << " stars, vmacro " << vmacro;
    }
  }
}

TEST(DeviceEmulator, SaysThatThereIsNoDevice) {
  std::string why;
  if (cuda_device_available(&why)) GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_THROW(DeviceEmulator(RandomSpectra(1, true, 3, 3).emulator), EnvironmentError);
}

}  // namespace
}  // namespace penumbra
