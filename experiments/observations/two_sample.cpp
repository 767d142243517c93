#include "experiments/observations/two_sample.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace penumbra {
namespace {

std::vector<std::size_t> order_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  return order;
}

// Of each value among the finite ones, -.5 to .5, equal ones alike; NaN: 0.
std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> rank(values.size(), 0.0);
  for (std::size_t k = 0; k < order.size();) {
    std::size_t end = k + 1;
    while (end < order.size() && values[order[end]] == values[order[k]]) ++end;
    const double middle = 0.5 * static_cast<double>(k + end) / static_cast<double>(order.size()) - 0.5;
    for (; k < end; ++k) rank[order[k]] = middle;
  }
  return rank;
}

// The members of all strata in one row: those of stratum i are first[i] .. first[i + 1], its real one at first[i].
struct Pool {
  std::vector<std::size_t> first{0};
  std::size_t strata() const { return first.size() - 1; }
  std::size_t members() const { return first.back(); }

  // statistic(chosen[strata]) of the real members, and the share of random choices with as large a one.
  template <typename F>
  void test(const F& statistic, int permutations, RandomStream& random, TwoSample& out) const {
    std::vector<std::size_t> chosen(first.begin(), first.end() - 1);
    out.stars = static_cast<int>(strata());
    out.distance = statistic(chosen);
    int as_large = 1;
    for (int k = 0; k < permutations; ++k) {
      for (std::size_t i = 0; i < strata(); ++i)
        chosen[i] = first[i] + static_cast<std::size_t>(random.below(static_cast<int>(first[i + 1] - first[i])));
      if (statistic(chosen) >= out.distance * (1.0 - 1e-12)) ++as_large;
    }
    out.p = static_cast<double>(as_large) / (1 + permutations);
  }
};

}  // namespace

TwoSample kolmogorov_smirnov(const std::vector<std::vector<double>>& strata, int permutations, RandomStream& random) {
  Pool pool;
  std::vector<double> value;
  TwoSample result;
  for (const std::vector<double>& stratum : strata) {
    if (!std::isfinite(stratum.front())) continue;
    const std::vector<double> rank = ranks_of(stratum);
    const std::size_t start = value.size();
    for (std::size_t m = 0; m < stratum.size(); ++m) {
      if (std::isfinite(stratum[m])) value.push_back(rank[m]);
    }
    const std::size_t finite = value.size() - start;
    if (finite < 2) {  // no simulated one to compare with
      value.resize(start);
      continue;
    }
    pool.first.push_back(value.size());
    result.superiority += 2.0 * rank.front() * static_cast<double>(finite) / static_cast<double>(finite - 1);
  }
  if (pool.strata() < 2) return result;
  result.superiority /= static_cast<double>(pool.strata());

  const std::vector<std::size_t> order = order_of(value);
  const double per_chosen = 1.0 / static_cast<double>(pool.strata());
  const double per_other = 1.0 / static_cast<double>(pool.members() - pool.strata());
  std::vector<char> is_chosen(value.size());
  const auto distance = [&](const std::vector<std::size_t>& chosen) {
    std::ranges::fill(is_chosen, char{0});
    for (const std::size_t i : chosen) is_chosen[i] = 1;
    double difference = 0.0, largest = 0.0;
    for (std::size_t k = 0; k < order.size(); ++k) {
      difference += is_chosen[order[k]] != 0 ? per_chosen : -per_other;
      const bool tied = k + 1 < order.size() && value[order[k + 1]] == value[order[k]];
      if (!tied) largest = std::max(largest, std::abs(difference));
    }
    return largest;
  };
  pool.test(distance, permutations, random, result);
  return result;
}

TwoSample energy_distance(const std::vector<std::vector<std::vector<double>>>& strata, int permutations,
                          RandomStream& random) {
  Pool pool;
  const std::size_t dimensions = strata.front().front().size();
  std::vector<float> rank;  // [member][dimension]
  for (const auto& stratum : strata) {
    const std::size_t start = rank.size();
    rank.resize(start + stratum.size() * dimensions);
    for (std::size_t d = 0; d < dimensions; ++d) {
      std::vector<double> values;
      for (const std::vector<double>& vector : stratum) values.push_back(vector[d]);
      const std::vector<double> ranks = ranks_of(values);
      for (std::size_t m = 0; m < ranks.size(); ++m) rank[start + m * dimensions + d] = static_cast<float>(ranks[m]);
    }
    pool.first.push_back(pool.first.back() + stratum.size());
  }
  const std::size_t n = pool.members();
  const auto distance = [&](std::size_t i, std::size_t j) {
    float sum = 0.0f;
    for (std::size_t d = 0; d < dimensions; ++d) {
      const float step = rank[i * dimensions + d] - rank[j * dimensions + d];
      sum += step * step;
    }
    return static_cast<double>(std::sqrt(sum));
  };
  std::vector<double> to_all(n, 0.0);  // sum of the distances to every member
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double d = distance(i, j);
      to_all[i] += d;
      to_all[j] += d;
    }
  }
  const double total = std::accumulate(to_all.begin(), to_all.end(), 0.0);
  const double reals = static_cast<double>(pool.strata()), others = static_cast<double>(n) - reals;
  const auto energy = [&](const std::vector<std::size_t>& chosen) {
    double within = 0.0, to_any = 0.0;
    for (const std::size_t i : chosen) {
      to_any += to_all[i];
      for (const std::size_t j : chosen) within += distance(i, j);
    }
    const double between = to_any - within;
    const double mean_between = between / (reals * others);
    if (mean_between == 0.0) return 0.0;
    const double mean_others = (total - 2.0 * between - within) / (others * others);
    return 1.0 - 0.5 * (within / (reals * reals) + mean_others) / mean_between;
  };
  TwoSample result;
  pool.test(energy, permutations, random, result);
  return result;
}

}  // namespace penumbra
