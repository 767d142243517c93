#include "base/random.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace penumbra {
namespace {

// Known-answer vector of Philox 4x32-10 in the Random123 distribution: counter 0, key 0.
TEST(RandomStream, KnownAnswer) {
  RandomStream random(0, 0, Stage::kPrior);
  for (const std::uint32_t expected : {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u})
    EXPECT_EQ(random.next_u32(), expected);
}

TEST(RandomStream, Moments) {
  constexpr int kCount = 200000;
  double mean = 0, square = 0, normal_mean = 0, normal_square = 0, normal_fourth = 0;
  RandomStream random(11, 5, Stage::kTest);
  for (int i = 0; i < kCount; ++i) {
    const double u = random.uniform();
    ASSERT_GT(u, 0.0);
    ASSERT_LT(u, 1.0);
    mean += u / kCount;
    square += u * u / kCount;
    const double z = random.normal();
    normal_mean += z / kCount;
    normal_square += z * z / kCount;
    normal_fourth += z * z * z * z / kCount;
  }
  EXPECT_NEAR(mean, 0.5, 0.003);
  EXPECT_NEAR(square, 1.0 / 3.0, 0.003);
  EXPECT_NEAR(normal_mean, 0.0, 0.01);
  EXPECT_NEAR(normal_square, 1.0, 0.015);
  EXPECT_NEAR(normal_fourth, 3.0, 0.1);
}

TEST(RandomStream, StreamsDifferBySeedDrawAndStage) {
  std::set<std::uint32_t> first;
  for (std::uint64_t seed : {1ull, 2ull, 1ull << 40})
    for (std::uint64_t draw : {0ull, 1ull, 1ull << 33})
      for (Stage stage : {Stage::kPrior, Stage::kNoise}) first.insert(RandomStream(seed, draw, stage).next_u32());
  EXPECT_EQ(first.size(), 18u);
}

TEST(RandomStream, BelowStaysInRange) {
  RandomStream random(1, 1, Stage::kTest);
  std::vector<int> counts(7, 0);
  for (int i = 0; i < 7000; ++i) ++counts.at(random.below(7));
  for (const int c : counts) EXPECT_NEAR(c, 1000, 150);
}

TEST(RandomStream, SkippingIsTaking) {
  for (int before = 0; before < 6; ++before) {
    for (int normals = 0; normals < 4; ++normals) {
      for (int count = 0; count < 9; ++count) {
        for (const bool skip_normals : {false, true}) {
          RandomStream taken(4, 9, Stage::kTest);
          for (int i = 0; i < before; ++i) taken.uniform();
          for (int i = 0; i < normals; ++i) taken.normal();
          RandomStream skipped = taken;
          for (int i = 0; i < count; ++i) skip_normals ? taken.normal() : taken.uniform();
          skip_normals ? skipped.skip_normals(count) : skipped.skip_uniforms(count);
          for (int i = 0; i < 3; ++i) {
            EXPECT_EQ(skipped.normal(), taken.normal()) << before << " " << normals << " " << count << skip_normals;
            EXPECT_EQ(skipped.uniform(), taken.uniform()) << before << " " << normals << " " << count << skip_normals;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace penumbra
