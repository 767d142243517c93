// A classifier two-sample test for pairs (Lopez-Paz and Oquab 2017): which of the two is the true system and which a
// draw from its posterior? If the posterior is exact, nobody can tell better than by tossing a coin.
#pragma once

#include <cstddef>
#include <vector>

#include "base/random.h"

namespace penumbra {

struct PairTest {
  double accuracy;  // share of pairs told right, each by a classifier that has not seen it; 1/2 by chance
  double p;         // one-sided, at least 1 / (1 + permutations)
};

// differences[N][F]: features of the truth minus those of the draw, N >= folds. The classifier is linear in the
// features: ridge regression of the label on the difference, `folds`-fold cross-validated. What is the truth's and what
// the draw's may be exchanged in each pair by itself if the posterior is exact; the p-value comes from doing so at
// random, which makes it exact whatever the features are and however they depend on the observation or on other draws.
PairTest classify_pairs(const std::vector<std::vector<double>>& differences, int folds, int permutations,
                        RandomStream& random);

// Features of a vector: its entries, their squares and products, and the entries times each of the `context`.
std::vector<double> quadratic_features(const std::vector<double>& values, const std::vector<double>& context);

}  // namespace penumbra
