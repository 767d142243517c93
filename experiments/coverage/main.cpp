// Coverage: how often credible regions hold the truth. usage: experiment_coverage CONFIG.toml OUT
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "experiments/experiment.h"
#include "inference/calibration.h"
#include "inference/ranks.h"

namespace penumbra {
namespace {

// What the paper reports for its network (section 4.2, read off its Figure 8): points below and above the nominal
// level.
struct PaperDeparture {
  double least, most;
};
constexpr PaperDeparture paper_departure(int parameter) {
  return parameter == kOmega ? PaperDeparture{-3.0, -1.0} : PaperDeparture{-2.0, 2.0};
}

ExperimentResult coverage(const Config& config) {
  const HeldOut held_out = held_out_systems(config);
  std::vector<std::vector<double>> central(kParameterCount), density(kParameterCount);
  std::vector<double> joint;
  held_out.visit([&](const HeldOutSystem& system) {
    if (system.samples.theta.empty()) return;
    RandomStream random(held_out.seed(), system.index, Stage::kResample);
    for (std::size_t p = 0; p < kParameterCount; ++p) {
      const Marginal m = marginal(system.simulation.draw.theta, system.samples.theta, static_cast<Parameter>(p));
      central[p].push_back(uniform_rank(m.truth, m.samples, random));
      density[p].push_back(density_rank(m, random));
    }
    joint.push_back(uniform_rank(system.log_q, system.samples.log_q, random));
  });

  const double n = static_cast<double>(joint.size());
  std::string csv = "parameter,region,level,coverage,error,departure_points,paper_least_points,paper_most_points\n";
  const auto add = [&](std::string_view name, const char* region, const std::string& paper, const auto& holds) {
    for (const double level : kCoverageLevels) {
      const double covered = static_cast<double>(holds(level)) / n;
      csv += fmt::format("{},{},{},{:.4f},{:.4f},{:.2f},{}\n", name, region, level, covered,
                         std::sqrt(level * (1.0 - level) / n), 100.0 * (covered - level), paper);
    }
  };
  // In a region of highest density of that level: the density's rank is above 1 - level.
  const auto densest = [](const std::vector<double>& ranks) {
    return [&ranks](double level) { return std::ranges::count_if(ranks, [=](double r) { return r > 1.0 - level; }); };
  };
  for (int p = 0; p < kParameterCount; ++p) {
    const std::vector<double>& ranks = central[static_cast<std::size_t>(p)];
    const std::string_view name = kParameters[static_cast<std::size_t>(p)].name;
    const PaperDeparture paper = paper_departure(p);
    add(name, "central", fmt::format("{},{}", paper.least, paper.most), [&](double level) {
      return std::ranges::count_if(ranks, [=](double r) { return std::fabs(r - 0.5) <= 0.5 * level; });
    });
    add(name, "highest_density", ",", densest(density[static_cast<std::size_t>(p)]));
  }
  add("all", "highest_density", ",", densest(joint));
  auto provenance = held_out.provenance();
  provenance.emplace_back("systems_with_samples", fmt::format("{}", joint.size()));
  return {{{"coverage.csv", csv}}, provenance};
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) { return penumbra::experiment_main(argc, argv, penumbra::coverage); }
