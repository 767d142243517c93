#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"
#include "kernels/simulate_body.h"
#include "tests/kernels/random_systems.h"

namespace penumbra {
namespace {

SimulateView view_of(RandomSystems& r) {
  return {static_cast<int>(r.systems.size()),
          r.curve_count,
          r.sed_count,
          r.systems.data(),
          r.curve_bands.data(),
          r.sed_bands.data(),
          r.epoch_start.data(),
          r.phase.data(),
          r.exposure.data(),
          &gauss_table(),
          r.resolution,
          {},
          r.flux.data(),
          r.sed.data(),
          r.status.data()};
}

// The kernel's body, its shared memory as large as the launch makes it, against the functions that the CPU uses.
TEST(SimulateBody, GivesWhatTheCpuGives) {
  const int shapes[][4] = {{1, 1, 0, 1}, {3, 2, 1, 7}, {37, 5, 23, 61}, {5, kMaxBands, kMaxBands, 3}};
  for (const auto& shape : shapes) {
    RandomSystems r(shape[0], shape[1], shape[2], shape[3]);
    for (int i = 0; i < shape[0]; ++i) {
      HostBlock block(simulate_shared_bytes(r.resolution, r.curve_count, r.sed_count, 1));
      simulate_body(block, view_of(r), i);
      EXPECT_EQ(block.bytes_left(), 0u);
    }
    int good = 0;
    EXPECT_LT(r.difference_from_cpu(good), 1e-12) << shape[0] << " systems, " << shape[1] << " bands";
    EXPECT_GE(good, shape[0] / 2);
  }
}

TEST(SimulateBody, FitsOtherResolutions) {
  RandomSystems r(7, 3, 2, 11);
  for (const Resolution& resolution : {Resolution{.azimuths = 7,
                                      .polar = 4,
                                      .lens_radial = 3,
                                      .lens_arc = 5,
                                      .out_of_eclipse_phases = 9,
                                      .eclipse_phases = 11},
                                       Resolution{.azimuths = 16,
                                       .polar = 9,
                                       .lens_radial = 9,
                                       .lens_arc = 11,
                                       .out_of_eclipse_phases = 31,
                                       .eclipse_phases = 45}}) {
    r.resolution = resolution;
    for (int i = 0; i < 7; ++i) {
      HostBlock block(simulate_shared_bytes(r.resolution, r.curve_count, r.sed_count, 1));
      simulate_body(block, view_of(r), i);
    }
    int good = 0;
    EXPECT_LT(r.difference_from_cpu(good), 1e-12);
  }
}

TEST(HostBlock, RefusesMoreSharedMemoryThanStated) {
  HostBlock block(shared_bytes(sizeof(double), 10));
  block.shared<double>(9);
  EXPECT_THROW(block.shared<double>(2), std::logic_error);
}

TEST(HostBlock, LargestIsOverAllTasks) {
  HostBlock block(0);
  EXPECT_EQ(block.largest(5, [](int i) { return i == 3 ? 9 : i; }), 9);
  EXPECT_EQ(block.largest(0, [](int) { return 9; }), 0);
}

TEST(SimulateOnDevice, ChecksSizes) {
  RandomSystems r(3, 2, 1, 4);
  SimulateInput input = r.input();
  input.exposure = input.exposure.first(5);
  EXPECT_THROW(simulate_on_device(input, r.output()), std::invalid_argument);
  input = r.input();
  input.resolution.polar = 1;
  EXPECT_THROW(simulate_on_device(input, r.output()), std::invalid_argument);
}

TEST(SimulateOnDevice, SaysThatThereIsNoDevice) {
  std::string why;
  if (cuda_device_available(&why)) GTEST_SKIP() << "this machine has a CUDA device";
  EXPECT_FALSE(why.empty());
  RandomSystems r(3, 2, 1, 4);
  EXPECT_THROW(simulate_on_device(r.input(), r.output()), EnvironmentError);
}

}  // namespace
}  // namespace penumbra
