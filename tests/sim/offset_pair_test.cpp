#include "sim/offset_pair.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace penumbra {
namespace {

constexpr OffsetPair kPairs[] = {{1.0, 1.0}, {1.5, 1.2}, {2.0, 0.7}, {0.4, 0.5}, {30.0, 0.8}};

TEST(OffsetPairTest, ComesBack) {
  for (const OffsetPair& pair : kPairs) {
    for (double z1 = -4.0; z1 <= 4.0; z1 += 0.5) {
      for (double z2 = -4.0; z2 <= 4.0; z2 += 0.5) {
        double z_sum, z_split, back1, back2;
        pair.sum_and_split(z1, z2, z_sum, z_split);
        pair.offsets(z_sum, z_split, back1, back2);
        EXPECT_NEAR(back1, z1, 1e-7) << pair.w1 << " " << pair.w2 << " " << z2;
        EXPECT_NEAR(back2, z2, 1e-7) << pair.w1 << " " << pair.w2 << " " << z1;
      }
    }
  }
}

// Draws of the offsets: the sum's deviation is the formula's, and both numbers are unit normals that know nothing of
// each other.
TEST(OffsetPairTest, AreIndependentUnitNormals) {
  constexpr int kDraws = 20'000;
  constexpr double kError = 1.0 / 141.4;  // 1 / sqrt(kDraws)
  for (const OffsetPair& pair : kPairs) {
    RandomStream random(3, 1, Stage::kPrior);
    std::vector<double> sums, splits;
    double x_square = 0.0, product = 0.0, square_product = 0.0;
    for (int i = 0; i < kDraws; ++i) {
      const double z1 = random.normal(), z2 = random.normal();
      double z_sum, z_split;
      pair.sum_and_split(z1, z2, z_sum, z_split);
      const double x = (pair.w1 * std::erf(z1 / kSqrt2) + pair.w2 * std::erf(z2 / kSqrt2)) / pair.weight();
      x_square += x * x / kDraws;
      product += z_sum * z_split / kDraws;
      square_product += (z_sum * z_sum - 1.0) * (z_split * z_split - 1.0) / kDraws;
      sums.push_back(z_sum);
      splits.push_back(z_split);
    }
    EXPECT_NEAR(std::sqrt(x_square), pair.deviation(), 4.0 * kError * pair.deviation());
    EXPECT_NEAR(product, 0.0, 4.0 * kError);
    EXPECT_NEAR(square_product, 0.0, 4.0 * 2.0 * kError);
    for (std::vector<double>* values : {&sums, &splits}) {
      std::sort(values->begin(), values->end());
      double distance = 0.0;  // Kolmogorov-Smirnov
      for (int i = 0; i < kDraws; ++i) {
        distance =
            std::max(distance, std::abs(normal_cdf((*values)[static_cast<std::size_t>(i)]) - (i + 0.5) / kDraws));
      }
      EXPECT_LT(distance, 1.9 * kError) << pair.w1 << " " << pair.w2;  // p = .0015
    }
  }
}

}  // namespace
}  // namespace penumbra
