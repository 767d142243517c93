#include <gtest/gtest.h>

#include <stdexcept>

#include "base/error.h"
#include "kernels/device.h"
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
          r.effects,
          r.curve_third_light.empty() ? nullptr : r.curve_third_light.data(),
          r.sed_third_light.empty() ? nullptr : r.sed_third_light.data(),
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

void render(RandomSystems& r) {
  for (int i = 0; i < static_cast<int>(r.systems.size()); ++i) {
    HostBlock block(simulate_shared_bytes(r.resolution, r.curve_count, r.sed_count, 1));
    simulate_body(block, view_of(r), i);
  }
}

TEST(SimulateBody, HonoursTheEffects) {
  RandomSystems r(9, 2, 3, 40);
  r.effects = {.reflection = Reflection::kWilson, .light_travel_time = true};
  for (int i = 0; i < 9 * 2; ++i) r.curve_third_light.push_back(0.02 * i);
  for (int i = 0; i < 9 * 3; ++i) r.sed_third_light.push_back(0.01 * i);
  render(r);
  int good = 0;
  EXPECT_LT(r.difference_from_cpu(good), 1e-12);
  EXPECT_GE(good, 5);
}

TEST(SimulateBody, ABadSystemLeavesTheOthersAlone) {
  const double nan = std::nan("");
  RandomSystems good(12, 2, 3, 30);
  good.effects.light_travel_time = true;
  good.curve_third_light.assign(12 * 2, 0.1);
  good.sed_third_light.assign(12 * 3, 0.1);
  RandomSystems bad = good;
  bad.systems[0].q = nan;
  bad.systems[1].star[0].albedo = 1.5;
  bad.systems[2].distance_pc = -1.0;
  bad.systems[3].star[1].radius_rsun = bad.systems[3].sma_rsun;
  bad.systems[4].period_day = 0.0;
  bad.curve_third_light[5 * 2 + 1] = 1.0;
  bad.sed_third_light[6 * 3] = nan;
  bad.exposure[7 * 2] = -0.1;
  bad.curve_bands[8 * 4 + 1].log_intensity = nan;
  bad.sed_bands[9 * 6 + 5].limb.c[2] = nan;
  ASSERT_LT(bad.epoch_start[10 * 2], bad.epoch_start[11 * 2]);
  bad.phase[static_cast<std::size_t>(bad.epoch_start[10 * 2])] = nan;
  render(good);
  render(bad);
  for (int i = 0; i < 11; ++i) {
    EXPECT_EQ(bad.status[i], i == 3 ? Status::kBadGeometry : Status::kInvalidInput) << i;
    for (int t = bad.epoch_start[i * 2]; t < bad.epoch_start[i * 2 + 2]; ++t) EXPECT_TRUE(std::isnan(bad.flux[t]));
  }
  EXPECT_EQ(bad.status[11], good.status[11]);
  EXPECT_EQ(good.status[11], Status::kOk);
  for (int t = bad.epoch_start[11 * 2]; t < bad.epoch_start[12 * 2]; ++t) EXPECT_EQ(bad.flux[t], good.flux[t]);
  for (int k = 0; k < 3; ++k) EXPECT_EQ(bad.sed[11 * 3 + k], good.sed[11 * 3 + k]);
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
  input = r.input();
  input.resolution.heat_maps = true;
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
