// Simulation-based calibration: are the ranks of true parameters among posterior samples uniform, one by one and
// jointly? usage: experiment_sbc CONFIG.toml OUT
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "experiments/experiment.h"
#include "inference/pair_classifier.h"
#include "inference/ranks.h"
#include "inference/uniformity.h"

namespace penumbra {
namespace {

// Columns of ranks: the parameters, then two of all parameters together.
constexpr int kTarp = kParameterCount, kJointDensity = kTarp + 1, kRankCount = kJointDensity + 1;
constexpr std::size_t kFewest = 20;      // samples, for the mean and spread of the classifier's features
constexpr std::uint64_t kScaleSeed = 0;  // of the prior draws that make its scale
constexpr int kFolds = 5;

std::string rank_name(int r) {
  return r < kParameterCount ? std::string(kParameters[static_cast<std::size_t>(r)].name)
         : r == kTarp        ? "tarp"
                             : "log_q";
}

std::vector<double> context_of(const Observation& observation) {
  const auto curves = std::ranges::count_if(observation.light_curves, [](const auto& c) { return !c.empty(); });
  const auto bands = std::ranges::count_if(observation.sed_flux_jy, [](double f) { return std::isfinite(f); });
  const double period = observation.period_day;
  return {std::isfinite(period) ? std::log10(period) : 0.0, 0.5 * (static_cast<double>(curves) - 2.0),
          0.2 * (static_cast<double>(bands) - 10.0), observation.has_parallax() ? 1.0 : 0.0};
}

// Features of the truth minus those of the first sample. Both are seen in units of the other samples' mean and spread,
// which they do not influence: if the posterior is exact they can be exchanged.
std::vector<double> feature_difference(const HeldOutSystem& system) {
  const std::vector<Theta> others(system.samples.theta.begin() + 1, system.samples.theta.end());
  const double n = static_cast<double>(others.size());
  std::vector<double> truth, draw, context = context_of(system.simulation.observation);
  double log_spread = 0.0;
  for (int p = 0; p < kParameterCount; ++p) {
    const auto parameter = static_cast<Parameter>(p);
    const Marginal a = marginal(system.simulation.draw.theta, others, parameter);
    const Marginal b = marginal(system.samples.theta.front(), others, parameter);
    const double mean = std::reduce(a.samples.begin(), a.samples.end()) / n;
    double squares = 0.0;
    for (const double s : a.samples) squares += (s - mean) * (s - mean);
    const double spread = std::sqrt(squares / n);
    log_spread += std::log(spread) / static_cast<double>(kParameterCount);
    truth.push_back(std::clamp((a.truth - mean) / spread, -6.0, 6.0));
    draw.push_back(std::clamp((b.truth - mean) / spread, -6.0, 6.0));
  }
  context.push_back(log_spread);
  std::vector<double> features = quadratic_features(truth, context);
  const std::vector<double> of_draw = quadratic_features(draw, context);
  for (std::size_t f = 0; f < features.size(); ++f) features[f] -= of_draw[f];
  return features;
}

ExperimentResult sbc(const Config& config) {
  const auto bins = static_cast<std::size_t>(config.integer("histogram_bins", 20, {2.0, 1000.0}));
  const auto points = static_cast<std::size_t>(config.integer("points", 100, {2.0, 1000.0}));
  const auto permutations = static_cast<int>(config.integer("permutations", 999, {1.0, 1e5}));
  const HeldOut held_out = held_out_systems(config);
  const PriorScale scale(held_out.simulator().prior(), kScaleSeed);

  std::vector<std::vector<double>> ranks(kRankCount), pairs;
  held_out.visit([&](const HeldOutSystem& system) {
    const std::vector<Theta>& samples = system.samples.theta;
    const Theta& truth = system.simulation.draw.theta;
    if (samples.empty()) return;
    RandomStream random(held_out.seed(), system.index, Stage::kResample);
    for (int p = 0; p < kParameterCount; ++p) {
      const Marginal m = marginal(truth, samples, static_cast<Parameter>(p));
      ranks[static_cast<std::size_t>(p)].push_back(uniform_rank(m.truth, m.samples, random));
    }
    Theta reference;
    for (double& r : reference) r = random.uniform();
    std::vector<Theta> scaled;
    scaled.reserve(samples.size());
    for (const Theta& sample : samples) scaled.push_back(scale(sample));
    ranks[kTarp].push_back(tarp_rank(scale(truth), scaled, reference, random));
    ranks[kJointDensity].push_back(uniform_rank(system.log_q, system.samples.log_q, random));
    if (samples.size() >= kFewest) pairs.push_back(feature_difference(system));
  });

  const UniformBand uniform(ranks[0].size(), points);
  const auto band = uniform.band(0.95);
  const double n = static_cast<double>(ranks[0].size());
  std::string histograms = "name,bin,count\n", ecdf = "name,point,difference,lower,upper\n";
  std::vector<std::string> names, statistics;
  std::vector<double> p_values;
  for (int r = 0; r < kRankCount; ++r) {
    const std::vector<double>& values = ranks[static_cast<std::size_t>(r)];
    std::vector<int> histogram(bins);
    for (const double v : values)
      ++histogram[std::min(bins - 1, static_cast<std::size_t>(v * static_cast<double>(bins)))];
    for (std::size_t b = 0; b < bins; ++b) histograms += fmt::format("{},{},{}\n", rank_name(r), b, histogram[b]);
    const std::vector<std::size_t> counts = uniform.counts(values);
    double largest = 0.0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      const double z = static_cast<double>(k + 1) / static_cast<double>(points);
      const auto difference = [&](std::size_t count) { return static_cast<double>(count) / n - z; };
      if (std::fabs(difference(counts[k])) > std::fabs(largest)) largest = difference(counts[k]);
      ecdf += fmt::format("{},{:.4g},{:.5f},{:.5f},{:.5f}\n", rank_name(r), z, difference(counts[k]),
                          difference(band[k].first), difference(band[k].second));
    }
    names.push_back(rank_name(r));
    statistics.push_back(fmt::format("largest ECDF difference,{:.4f}", largest));
    p_values.push_back(uniform.p(values));
  }
  RandomStream random(held_out.seed(), held_out.settings().systems, Stage::kResample);
  const PairTest classifier = classify_pairs(pairs, kFolds, permutations, random);
  names.emplace_back("classifier");
  statistics.push_back(fmt::format("accuracy,{:.4f}", classifier.accuracy));
  p_values.push_back(classifier.p);

  const std::vector<double> corrected = holm(p_values);
  std::string tests = "name,statistic,value,p,p_holm\n";
  for (std::size_t t = 0; t < names.size(); ++t)
    tests += fmt::format("{},{},{:.3g},{:.3g}\n", names[t], statistics[t], p_values[t], corrected[t]);
  std::string all;
  for (int r = 0; r < kRankCount; ++r) all += rank_name(r) + (r + 1 < kRankCount ? "," : "\n");
  for (std::size_t i = 0; i < ranks[0].size(); ++i) {
    for (std::size_t r = 0; r < ranks.size(); ++r)
      all += fmt::format("{:.6f}{}", ranks[r][i], r + 1 < ranks.size() ? ',' : '\n');
  }
  auto provenance = held_out.provenance();
  provenance.emplace_back("systems_with_samples", fmt::format("{}", ranks[0].size()));
  provenance.emplace_back("pairs_classified", fmt::format("{}", pairs.size()));
  return {{{"tests.csv", tests}, {"histograms.csv", histograms}, {"ecdf.csv", ecdf}, {"work/ranks.csv", all}},
          provenance};
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) { return penumbra::experiment_main(argc, argv, penumbra::sbc); }
