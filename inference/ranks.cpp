#include "inference/ranks.h"

#include <algorithm>
#include <cmath>

#include "sim/constants.h"

namespace penumbra {
namespace {

// Of v among ascending values, up to a factor: 1 / width of the k nearest in order.
double neighbour_density(const std::vector<double>& sorted, std::size_t k, double v) {
  const auto at = static_cast<std::size_t>(std::lower_bound(sorted.begin(), sorted.end(), v) - sorted.begin());
  const std::size_t first = std::min(at > k / 2 ? at - k / 2 : 0, sorted.size() - k);
  return 1.0 / (std::max(sorted[first + k - 1], v) - std::min(sorted[first], v));
}

double squared_distance(const Theta& a, const Theta& b) {
  double sum = 0.0;
  for (std::size_t p = 0; p < a.size(); ++p) {
    double difference = std::fabs(a[p] - b[p]);
    if (p == kOmega) difference = std::min(difference, 1.0 - difference);
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

double uniform_rank(double truth, std::span<const double> samples, RandomStream& random) {
  double below = 0.0, equal = 0.0;
  for (const double s : samples) {
    below += s < truth;
    equal += s == truth;
  }
  return (below + random.uniform() * (1.0 + equal)) / (static_cast<double>(samples.size()) + 1.0);
}

Marginal marginal(const Theta& truth, const std::vector<Theta>& samples, Parameter parameter) {
  Marginal m{truth[parameter], 0.0, {}};
  m.samples.reserve(samples.size());
  for (const Theta& sample : samples) m.samples.push_back(sample[parameter]);
  if (parameter != kOmega) return m;
  double sine = 0.0, cosine = 0.0;
  for (const double s : m.samples) {
    sine += std::sin(s);
    cosine += std::cos(s);
  }
  m.origin = std::atan2(sine, cosine);
  const auto turn = [&m](double& angle) {
    const double t = (angle - m.origin) / kTwoPi + 0.5;
    angle = kTwoPi * (t - std::floor(t) - 0.5);
  };
  turn(m.truth);
  std::ranges::for_each(m.samples, turn);
  return m;
}

double density_rank(const Marginal& marginal, RandomStream& random) {
  const auto middle = marginal.samples.begin() + std::ssize(marginal.samples) / 2;
  std::vector<double> known(marginal.samples.begin(), middle), ranked(middle, marginal.samples.end());
  if (known.size() < 2) return uniform_rank(0.0, std::vector(ranked.size(), 0.0), random);  // nothing is known
  std::ranges::sort(known);
  const std::size_t k = std::max<std::size_t>(2, known.size() / 10);
  for (double& v : ranked) v = neighbour_density(known, k, v);
  return uniform_rank(neighbour_density(known, k, marginal.truth), ranked, random);
}

PriorScale::PriorScale(const Prior& prior, std::uint64_t seed, std::size_t draws) {
  for (std::size_t i = 0; i < draws; ++i) {
    const Theta theta = prior.draw(seed, i).theta;
    for (std::size_t p = 0; p < theta.size(); ++p) sorted_[p].push_back(theta[p]);
  }
  for (std::vector<double>& values : sorted_) std::ranges::sort(values);
}

Theta PriorScale::operator()(const Theta& theta) const {
  Theta share;
  for (std::size_t p = 0; p < theta.size(); ++p) {
    const std::vector<double>& sorted = sorted_[p];
    const auto below = std::ranges::lower_bound(sorted, theta[p]) - sorted.begin();
    share[p] = static_cast<double>(below) / static_cast<double>(sorted.size());
  }
  share[kOmega] = theta[kOmega] / kTwoPi;
  return share;
}

double tarp_rank(const Theta& truth, const std::vector<Theta>& samples, const Theta& reference, RandomStream& random) {
  std::vector<double> distances;
  distances.reserve(samples.size());
  for (const Theta& sample : samples) distances.push_back(squared_distance(sample, reference));
  return uniform_rank(squared_distance(truth, reference), distances, random);
}

}  // namespace penumbra
