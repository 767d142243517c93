#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"
#include "kernels/device.h"
#include "kernels/extinction_body.h"
#include "tests/kernels/random_reddening.h"

namespace penumbra {
namespace {

ExtinctionWork work_of(RandomReddening& r) {
  return {static_cast<int>(r.ebv.size()),
          r.bands.band_count(),
          r.bands.start.data(),
          r.bands.weight.data(),
          r.bands.log_wavelength.data(),
          r.bands.curve.data(),
          r.ebv.data(),
          r.exponent.empty() ? nullptr : r.exponent.data(),
          r.factor.data()};
}

// The kernel's body, its shared memory as large as the launch makes it, against the sum that the CPU takes.
TEST(ExtinctionBody, GivesWhatTheCpuGives) {
  for (const int count : {1, 7, 33, 1000}) {
    for (const bool spectra : {false, true}) {
      for (const double r_v : {2.5, 3.1}) {
        const int bands = count == 1000 ? 3 : 27;
        RandomReddening r(count, bands, spectra, r_v);
        for (int index = 0; index < extinction_blocks(count, bands); ++index) {
          HostBlock block(extinction_shared_bytes());
          extinction_body(block, work_of(r), index);
          EXPECT_EQ(block.bytes_left(), 0u);
        }
        EXPECT_LT(r.difference_from_cpu(r_v), 1e-12) << count << " systems, spectra " << spectra;
      }
    }
  }
}

TEST(ExtinctionOnDevice, ChecksSizes) {
  RandomReddening r(7, 3, true, 3.1);
  ExtinctionInput input{r.bands, r.ebv, std::span<const double>(r.exponent).first(20)};
  EXPECT_THROW(extinguish_on_device(input, r.factor), std::invalid_argument);
  EXPECT_THROW(extinguish_on_device(r.input(), std::span<double>(r.factor).first(6)), std::invalid_argument);
}

TEST(ExtinctionOnDevice, SaysThatThereIsNoDevice) {
  std::string why;
  if (cuda_device_available(&why)) GTEST_SKIP() << "this machine has a CUDA device";
  RandomReddening r(3, 2, false, 3.1);
  EXPECT_THROW(extinguish_on_device(r.input(), r.factor), EnvironmentError);
}

}  // namespace
}  // namespace penumbra
