#include "experiments/timing/problem.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "base/error.h"
#include "inference/best_fit.h"

namespace penumbra {
namespace {

constexpr double kLargestRadiusSum = 0.4;
constexpr std::size_t kFewestCurves = 2;

Observation clean_curves(const Simulation& simulation, const Simulator& simulator) {
  Observation clean;
  const Status status = simulator.predict(simulation.draw.theta, simulation.observation, clean);
  if (status != Status::kOk) throw std::logic_error("a simulated system cannot be predicted again");
  return clean;
}

// Signal to noise of the variation of all light curves.
double variation(const Simulation& simulation, const Simulator& simulator) {
  const Observation clean = clean_curves(simulation, simulator);
  double sum = 0.0;
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    LightCurve curve = simulation.observation.light_curves[c];
    if (curve.empty()) continue;
    curve.flux = clean.light_curves[c].flux;
    sum += fit_scale(curve, std::vector<double>(curve.flux.size(), 1.0).data()).chi2;
  }
  return std::sqrt(sum);
}

}  // namespace

Object Problem::object() const {
  Object out;
  out.name = out.file = fmt::format("system {}", index);
  out.observation = simulation.observation;
  return out;
}

std::vector<Problem> choose_problems(const Simulator& simulator, std::uint64_t seed, const ProblemLimits& limits) {
  std::vector<Problem> problems;
  for (std::uint64_t index = 0; problems.size() < limits.count; ++index) {
    Problem problem{index, {}, 0};
    simulator.simulate(seed, index, problem.simulation);
    std::size_t curves = 0;
    for (const LightCurve& curve : problem.simulation.observation.light_curves) {
      curves += !curve.empty();
      problem.points += curve.phase.size();
    }
    if (curves < kFewestCurves || problem.points > limits.most_points ||
        problem.simulation.draw.theta[kRsumFrac] > kLargestRadiusSum ||
        variation(problem.simulation, simulator) < limits.least_signal)
      continue;
    problems.push_back(std::move(problem));
  }
  return problems;
}

std::string to_json(const Problem& problem, const Simulator& simulator) {
  const Simulation& simulation = problem.simulation;
  const System& system = simulation.system;
  const Observation clean = clean_curves(simulation, simulator);
  std::string curves;
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    const LightCurve& curve = simulation.observation.light_curves[c];
    if (curve.empty()) continue;
    StarBand band[2];
    for (int k = 0; k < 2; ++k) {
      if (expand_star(simulator.tables().atmosphere.view(), system.star[k], system.feh, &kChannels[c].passband, 1,
                      &band[k]) != Status::kOk)
        throw std::logic_error("a simulated star is outside the atmospheres");
    }
    const auto gravity = [&](int k) { return 0.25 * system.star[k].gravity_darkening * band[k].slope_t; };
    curves += fmt::format(
        "{}{{\"channel\": \"{}\", \"brightness_ratio\": {}, \"limb_darkening\": [[{}], [{}]], \"gravity_darkening\": "
        "[{}, {}], \"exposure_day\": {},\n\"phase\": [{}],\n\"flux\": [{}],\n\"sigma\": [{}],\n\"model\": [{}]}}",
        curves.empty() ? "" : ",\n", kChannels[c].name, std::exp(band[1].log_intensity - band[0].log_intensity),
        fmt::join(band[0].limb.c, ", "), fmt::join(band[1].limb.c, ", "), gravity(0), gravity(1), curve.exposure_day,
        fmt::join(curve.phase, ", "), fmt::join(curve.flux, ", "), fmt::join(curve.sigma, ", "),
        fmt::join(clean.light_curves[c].flux, ", "));
  }
  std::string stars;
  for (int k = 0; k < 2; ++k) {
    const Star& star = system.star[k];
    stars += fmt::format("\"radius{0}_rsun\": {1}, \"teff{0}_k\": {2}, \"gravity_darkening{0}\": {3}, ", k + 1,
                         star.radius_rsun, star.teff_k, star.gravity_darkening);
  }
  return fmt::format(
      "{{\"index\": {}, \"points\": {}, \"system\": {{\"period_day\": {}, \"sma_rsun\": {}, \"q\": {}, "
      "\"inclination_deg\": {}, \"eccentricity\": {}, {}\"omega_deg\": {}}},\n\"curves\": [{}]}}\n",
      problem.index, problem.points, system.period_day, system.sma_rsun, system.q,
      std::acos(system.cos_i) * 180.0 / kPi, system.eccentricity, stars, system.omega_rad * 180.0 / kPi, curves);
}

}  // namespace penumbra
