#include "experiments/ablation/measure.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "inference/quantile.h"

namespace penumbra {
namespace {

constexpr int kResamplings = 400;
constexpr std::uint64_t kSeed = 1;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return quantile(values, 0.5);
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// get(record) of every system that is answered.
template <class Get>
std::vector<double> collect(const std::vector<SystemRecord>& records, const Get& get) {
  std::vector<double> values;
  for (const SystemRecord& r : records)
    if (r.answered) values.push_back(get(r));
  return values;
}

// get(record) of both lists, for every system that both have answered.
struct Pairs {
  std::vector<double> now, reference;
};
template <class Get>
Pairs collect_pairs(const std::vector<SystemRecord>& records, const std::vector<SystemRecord>& reference,
                    const Get& get) {
  Pairs pairs;
  for (std::size_t n = 0; n < records.size(); ++n) {
    if (!records[n].answered || !reference[n].answered) continue;
    pairs.now.push_back(get(records[n]));
    pairs.reference.push_back(get(reference[n]));
  }
  return pairs;
}

// statistic(indices of systems) of all, and its spread over resampled systems.
template <class Statistic>
Estimate bootstrap(std::size_t systems, const Statistic& statistic) {
  std::vector<std::size_t> chosen(systems);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  const double value = statistic(chosen);
  RandomStream random(kSeed, systems, Stage::kResample);
  std::vector<double> values(kResamplings);
  for (double& v : values) {
    for (std::size_t& n : chosen) n = static_cast<std::size_t>(random.below(static_cast<int>(systems)));
    v = statistic(chosen);
  }
  const double middle = mean(values);
  double spread2 = 0.0;
  for (const double v : values) spread2 += (v - middle) * (v - middle) / kResamplings;
  return {value, std::sqrt(spread2)};
}

std::vector<double> pick(const std::vector<double>& values, const std::vector<std::size_t>& chosen) {
  std::vector<double> picked;
  picked.reserve(chosen.size());
  for (const std::size_t n : chosen) picked.push_back(values[n]);
  return picked;
}

}  // namespace

SystemRecord record_system(const Theta& truth, const std::vector<Theta>& samples, double log_q) {
  SystemRecord out;
  out.log_q = log_q;
  out.answered = samples.size() > 1;
  if (!out.answered) return out;
  std::vector<double> values(samples.size());
  for (std::size_t p = 0; p < truth.size(); ++p) {
    for (std::size_t s = 0; s < samples.size(); ++s) values[s] = samples[s][p];
    std::sort(values.begin(), values.end());
    out.width[p] = quantile(values, 0.84) - quantile(values, 0.16);
    out.deviation[p] = (quantile(values, 0.5) - truth[p]) / (0.5 * out.width[p]);
    const double middle = mean(values);
    out.variance[p] = 0.0;
    for (const double v : values) out.variance[p] += (v - middle) * (v - middle) / static_cast<double>(values.size());
  }
  return out;
}

Estimate relative_width(const std::vector<SystemRecord>& records, const std::vector<SystemRecord>& reference, int p) {
  const Pairs widths = collect_pairs(records, reference, [p](const SystemRecord& r) { return r.width[p]; });
  return bootstrap(widths.now.size(), [&](const std::vector<std::size_t>& chosen) {
    return median(pick(widths.now, chosen)) / median(pick(widths.reference, chosen));
  });
}

Estimate median_deviation(const std::vector<SystemRecord>& records, int p) {
  const std::vector<double> deviations = collect(records, [p](const SystemRecord& r) { return r.deviation[p]; });
  return bootstrap(deviations.size(),
                   [&](const std::vector<std::size_t>& chosen) { return median(pick(deviations, chosen)); });
}

Estimate lost_information(const std::vector<SystemRecord>& records, const std::vector<SystemRecord>& reference) {
  const Pairs log_q = collect_pairs(records, reference, [](const SystemRecord& r) { return r.log_q; });
  return bootstrap(log_q.now.size(), [&](const std::vector<std::size_t>& chosen) {
    return mean(pick(log_q.reference, chosen)) - mean(pick(log_q.now, chosen));
  });
}

double median_width(const std::vector<SystemRecord>& records, int p) {
  return median(collect(records, [p](const SystemRecord& r) { return r.width[p]; }));
}

double median_contraction(const std::vector<SystemRecord>& records, int p, double prior_variance) {
  return median(collect(records, [&](const SystemRecord& r) { return 1.0 - r.variance[p] / prior_variance; }));
}

double coverage68(const std::vector<SystemRecord>& records, int p) {
  return mean(collect(records, [p](const SystemRecord& r) { return std::abs(r.deviation[p]) <= 1.0 ? 1.0 : 0.0; }));
}

double mean_log_q(const std::vector<SystemRecord>& records) {
  return mean(collect(records, [](const SystemRecord& r) { return r.log_q; }));
}

}  // namespace penumbra
