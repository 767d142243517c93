#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "kernels/device.h"
#include "kernels/simulate.h"
#include "tests/kernels/random_systems.h"

namespace penumbra {
namespace {

class SimulateGpu : public testing::Test {
 protected:
  void SetUp() override {
    std::string why;
    if (!cuda_device_available(&why)) GTEST_SKIP() << "no CUDA device: " << why;
  }
};

// The device contracts a * b + c and has its own exp: the last digits differ, and Newton's steps carry them on.
TEST_F(SimulateGpu, AgreesWithTheCpu) {
  const int shapes[][4] = {{1, 1, 0, 1}, {3, 2, 1, 7}, {257, 5, 23, 100}, {5, 12, kMaxBands, 3}};
  for (const auto& shape : shapes) {
    RandomSystems r(shape[0], shape[1], shape[2], shape[3]);
    simulate_on_device(r.input(), r.output());
    int good = 0;
    const double difference = r.difference_from_cpu(good);
    std::printf("%d systems: largest relative difference from the CPU %.1e\n", good, difference);
    EXPECT_LT(difference, 1e-9);
    EXPECT_GE(good, shape[0] / 2);
  }
}

TEST_F(SimulateGpu, RefusesCurvesThatOutgrowSharedMemory) {
  RandomSystems r(2, kMaxBands, 0, 3);
  r.resolution.eclipse_phases = 60;
  EXPECT_THROW(simulate_on_device(r.input(), r.output()), std::invalid_argument);
}

TEST_F(SimulateGpu, RepeatsItself) {
  RandomSystems a(64, 3, 5, 50), b(64, 3, 5, 50);
  simulate_on_device(a.input(), a.output());
  simulate_on_device(b.input(), b.output());
  for (std::size_t i = 0; i < a.flux.size(); ++i)
    EXPECT_TRUE(a.flux[i] == b.flux[i] || (std::isnan(a.flux[i]) && std::isnan(b.flux[i])));
}

TEST_F(SimulateGpu, Throughput) {
  RandomSystems r(8192, 5, 23, 200);
  simulate_on_device(r.input(), r.output());
  const auto start = std::chrono::steady_clock::now();
  simulate_on_device(r.input(), r.output());
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("%.0f systems a second (5 bands and an SED of 23, copies included)\n", 8192.0 / elapsed.count());
  EXPECT_LT(elapsed.count(), 60.0);
}

}  // namespace
}  // namespace penumbra
