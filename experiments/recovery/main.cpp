// Recovery: posterior medians and intervals against the truth, their widths, and what the data's quality does to them.
// usage: experiment_recovery CONFIG.toml OUT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "experiments/experiment.h"
#include "experiments/recovery/quality.h"
#include "inference/quantile.h"
#include "inference/ranks.h"
#include "sim/constants.h"

namespace penumbra {
namespace {

// Median widths of the 68 and 90% intervals and their standard deviations over systems: the paper's Table 4.
struct PaperWidths {
  double width68, scatter68, width90, scatter90;
};
constexpr double kDegree = kPi / 180.0;
constexpr PaperWidths kPaper[kParameterCount] = {
    {0.263, 0.241, 0.454, 0.454},                                // msum
    {0.132, 0.099, 0.224, 0.154},                                // q
    {1.43, 0.442, 2.08, 0.503},                                  // log_age
    {0.698, 0.219, 1.16, 0.418},                                 // feh
    {0.017, 0.017, 0.028, 0.031},                                // rsumfrac
    {0.013, 0.030, 0.030, 0.055},                                // eccentricity
    {205 * kDegree, 87 * kDegree, 289 * kDegree, 90 * kDegree},  // omega
    {0.021, 0.022, 0.036, 0.038},                                // cos_i
    {561, 542, 944, 1100},                                       // teff1
    {530, 752, 898, 1210},                                       // teff2
    {0.230, 0.154, 0.379, 0.315},                                // log_l1
    {0.328, 0.306, 0.547, 0.514},                                // log_l2
    {0.098, 0.604, 0.162, 1.05},                                 // radius1
    {0.113, 0.142, 0.189, 0.450},                                // radius2
    {154, 497, 256, 864},                                        // distance
    {0.089, 0.180, 0.148, 0.305},                                // ebv
};

// The parameters, and what the paper's Figure 6 shows for e and omega.
constexpr int kECosOmega = kParameterCount, kESinOmega = kECosOmega + 1, kShown = kESinOmega + 1;
std::string_view shown_name(int q) {
  if (q == kECosOmega) return "sqrt_e_cos_omega";
  return q == kESinOmega ? "sqrt_e_sin_omega" : kParameters[static_cast<std::size_t>(q)].name;
}
double shown_value(const Theta& theta, int q) {
  const double root = std::sqrt(theta[kEccentricity]);
  return root * (q == kECosOmega ? std::cos(theta[kOmega]) : std::sin(theta[kOmega]));
}

struct Recovered {
  double truth, median, low50, high50, low68, high68, low90, high90, sigma;  // omega: from `origin`
  double origin;
  double width68() const { return high68 - low68; }
  double width90() const { return high90 - low90; }
  double normalised_error() const { return (median - truth) / sigma; }
  bool inside50() const { return truth >= low50 && truth <= high50; }
  bool inside68() const { return truth >= low68 && truth <= high68; }
};

Recovered recover(Marginal m) {
  std::ranges::sort(m.samples);
  const double n = static_cast<double>(m.samples.size());
  const double mean = std::reduce(m.samples.begin(), m.samples.end()) / n;
  double squares = 0.0;
  for (const double s : m.samples) squares += (s - mean) * (s - mean);
  const auto at = [&m](double probability) { return quantile(m.samples, probability); };
  return {m.truth, at(0.5), at(0.25), at(0.75), at(0.16), at(0.84), at(0.05), at(0.95), std::sqrt(squares / n),
          m.origin};
}

// omega is counted from its origin; back to [0, 2 pi).
double full_turns(const Recovered& r, int q, double value) {
  return q == kOmega ? kTwoPi * std::floor((r.origin + value) / kTwoPi) : 0.0;
}
double whole_truth(const Recovered& r, int q) { return r.origin + r.truth - full_turns(r, q, r.truth); }

double median_of(std::vector<double> values) {
  std::ranges::sort(values);
  return quantile(values, 0.5);
}

struct Spread {
  double mean, deviation;
};
Spread spread_of(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  const double mean = std::reduce(values.begin(), values.end()) / n;
  double squares = 0.0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / n)};
}

template <class Value>
std::vector<double> collect(const std::vector<const Recovered*>& systems, const Value& value) {
  std::vector<double> values;
  for (const Recovered* r : systems) values.push_back(value(*r));
  return values;
}

// width68, contraction 1 - var(posterior) / var(prior) and normalised error of some systems; `prior`: standard
// deviation.
std::string summary(const std::vector<const Recovered*>& systems, double prior) {
  const Spread error = spread_of(collect(systems, [](const Recovered& r) { return r.normalised_error(); }));
  return fmt::format(
      "{:.5g},{:.4f},{:.4f},{:.4f}", median_of(collect(systems, [](const Recovered& r) { return r.width68(); })),
      median_of(collect(systems, [=](const Recovered& r) { return 1.0 - std::pow(r.sigma / prior, 2); })), error.mean,
      error.deviation);
}

// Of the systems, those whose truth the central 50 and 68% intervals hold.
std::string shares_inside(const std::vector<const Recovered*>& systems) {
  const auto share = [&](const auto& inside) {
    return static_cast<double>(std::ranges::count_if(systems, inside)) / static_cast<double>(systems.size());
  };
  return fmt::format("{:.4f},{:.4f}", share([](const Recovered* r) { return r->inside50(); }),
                     share([](const Recovered* r) { return r->inside68(); }));
}

ExperimentResult recovery(const Config& config) {
  const HeldOut held_out = held_out_systems(config);
  std::vector<std::vector<Recovered>> recovered(kShown);
  std::vector<Qualities> quality;
  held_out.visit([&](const HeldOutSystem& system) {
    const Theta& truth = system.simulation.draw.theta;
    const std::vector<Theta>& samples = system.samples.theta;
    if (samples.size() < 2) return;  // no deviation to count errors in
    for (int q = 0; q < kParameterCount; ++q)
      recovered[static_cast<std::size_t>(q)].push_back(recover(marginal(truth, samples, static_cast<Parameter>(q))));
    for (const int q : {kECosOmega, kESinOmega}) {
      Marginal m{shown_value(truth, q), 0.0, {}};
      for (const Theta& sample : samples) m.samples.push_back(shown_value(sample, q));
      recovered[static_cast<std::size_t>(q)].push_back(recover(std::move(m)));
    }
    quality.push_back(measure_quality(held_out.simulator(), system.simulation));
  });
  const std::size_t systems = quality.size();

  std::string widths =
      "parameter,unit,width68,scatter68,width90,scatter90,paper_width68,paper_scatter68,paper_width90,paper_"
      "scatter90\n";
  std::string accuracy = "parameter,unit,width68,contraction,error_mean,error_deviation,rms_error,prior_deviation\n";
  std::string by_quality =
      "quality,from,to,systems,parameter,width68,contraction,error_mean,error_deviation,inside50,inside68\n";
  std::string all = "system,quantity,truth,median,low68,high68,low90,high90,sigma\n";
  for (int q = 0; q < kShown; ++q) {
    const std::vector<Recovered>& rows = recovered[static_cast<std::size_t>(q)];
    for (std::size_t i = 0; i < systems; ++i) {
      const Recovered& r = rows[i];
      const double turn = r.origin - full_turns(r, q, r.median);  // an interval of omega may reach over an end
      all +=
          fmt::format("{},{},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.6g},{:.4g}\n", i, shown_name(q), whole_truth(r, q),
                      r.median + turn, r.low68 + turn, r.high68 + turn, r.low90 + turn, r.high90 + turn, r.sigma);
    }
    if (q >= kParameterCount) continue;
    std::vector<const Recovered*> everyone;
    for (const Recovered& r : rows) everyone.push_back(&r);
    const ParameterInfo& info = kParameters[static_cast<std::size_t>(q)];
    const std::vector<double> width68 = collect(everyone, [](const Recovered& r) { return r.width68(); });
    const std::vector<double> width90 = collect(everyone, [](const Recovered& r) { return r.width90(); });
    const PaperWidths& paper = kPaper[q];
    widths += fmt::format("{},{},{:.4g},{:.4g},{:.4g},{:.4g},{:.4g},{:.4g},{:.4g},{:.4g}\n", info.name, info.unit,
                          median_of(width68), spread_of(width68).deviation, median_of(width90),
                          spread_of(width90).deviation, paper.width68, paper.scatter68, paper.width90, paper.scatter90);
    const double prior = spread_of(collect(everyone, [q](const Recovered& r) { return whole_truth(r, q); })).deviation;
    const double squares = std::transform_reduce(rows.begin(), rows.end(), 0.0, std::plus<>(), [](const Recovered& r) {
      return (r.median - r.truth) * (r.median - r.truth);
    });
    accuracy += fmt::format("{},{},{},{:.5g},{:.5g}\n", info.name, info.unit, summary(everyone, prior),
                            std::sqrt(squares / static_cast<double>(systems)), prior);
    for (std::size_t k = 0; k < kQualityCount; ++k) {
      const QualityInfo& axis = kQualities[k];
      for (std::size_t b = 0; b + 1 < axis.limits.size(); ++b) {
        std::vector<const Recovered*> group;
        for (std::size_t i = 0; i < systems; ++i)
          if (quality[i][k] >= axis.limits[b] && quality[i][k] < axis.limits[b + 1]) group.push_back(&rows[i]);
        if (group.empty()) continue;
        by_quality += fmt::format("{},{},{},{},{},{},{}\n", axis.name, axis.limits[b], axis.limits[b + 1], group.size(),
                                  info.name, summary(group, prior), shares_inside(group));
      }
    }
  }
  auto provenance = held_out.provenance();
  provenance.emplace_back("systems_with_samples", fmt::format("{}", systems));
  return {{{"widths.csv", widths}, {"accuracy.csv", accuracy}, {"quality.csv", by_quality}, {"work/systems.csv", all}},
          provenance};
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) { return penumbra::experiment_main(argc, argv, penumbra::recovery); }
