#include "inference/pair_classifier.h"

#include <gtest/gtest.h>

#include <cmath>

namespace penumbra {
namespace {

// Pairs of a truth ~ N(0, 1) in 4 dimensions and a draw of another width or correlation.
std::vector<std::vector<double>> pairs(int count, double width, double correlation, std::uint64_t seed) {
  RandomStream random(seed, 0, Stage::kTest);
  std::vector<std::vector<double>> differences;
  for (int i = 0; i < count; ++i) {
    std::vector<double> truth(4), draw(4);
    for (double& v : truth) v = random.normal();
    for (double& v : draw) v = width * random.normal();
    draw[1] = correlation * draw[0] + std::sqrt(1.0 - correlation * correlation) * draw[1];
    const std::vector<double> context{random.normal()};
    std::vector<double> features = quadratic_features(truth, context);
    const std::vector<double> others = quadratic_features(draw, context);
    for (std::size_t f = 0; f < features.size(); ++f) features[f] -= others[f];
    differences.push_back(features);
  }
  return differences;
}

TEST(PairClassifier, PValuesAreUniformWithoutADifference) {
  constexpr int kTrials = 150;
  int below_tenth = 0, below_half = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    RandomStream random(31, static_cast<std::uint64_t>(trial), Stage::kTest);
    const double p = classify_pairs(pairs(200, 1.0, 0.0, 100u + static_cast<unsigned>(trial)), 5, 99, random).p;
    below_tenth += p <= 0.1;
    below_half += p <= 0.5;
  }
  EXPECT_NEAR(below_tenth, 0.1 * kTrials, 3.0 * std::sqrt(0.09 * kTrials));
  EXPECT_NEAR(below_half, 0.5 * kTrials, 3.0 * std::sqrt(0.25 * kTrials));
}

TEST(PairClassifier, FindsAWrongWidthAndAWrongCorrelation) {
  RandomStream random(32, 0, Stage::kTest);
  const PairTest narrow = classify_pairs(pairs(1500, 0.85, 0.0, 1), 5, 199, random);
  EXPECT_EQ(narrow.p, 1.0 / 200.0);
  EXPECT_GT(narrow.accuracy, 0.54);
  EXPECT_EQ(classify_pairs(pairs(1500, 1.0, 0.4, 2), 5, 199, random).p, 1.0 / 200.0);
}

// The two members differ in the sign of one number: told right always.
TEST(PairClassifier, TellsWhatCanBeTold) {
  RandomStream random(33, 0, Stage::kTest);
  std::vector<std::vector<double>> differences(100, std::vector<double>(1));
  for (auto& d : differences) d[0] = 1.0 + random.uniform();
  EXPECT_EQ(classify_pairs(differences, 5, 99, random).accuracy, 1.0);
}

TEST(QuadraticFeatures, AreAllProducts) {
  EXPECT_EQ(quadratic_features({2.0, 3.0}, {5.0}), (std::vector<double>{2.0, 3.0, 4.0, 10.0, 6.0, 9.0, 15.0}));
}

}  // namespace
}  // namespace penumbra
