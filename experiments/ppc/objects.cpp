#include "experiments/ppc/objects.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "inference/quantile.h"
#include "inference/quantities.h"

namespace penumbra {
namespace {

// Depth of the deepest eclipse over the error of one point, in the ground-based channels and TESS: smallest and
// largest.
struct Clarity {
  double least = INFINITY, most = 0.0;

  Clarity(const Simulator& simulator, const Simulation& simulation) {
    Observation clean;
    if (simulator.predict(simulation.draw.theta, simulation.observation, clean) != Status::kOk) return;
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const LightCurve& curve = simulation.observation.light_curves[c];
      if (curve.empty()) continue;
      std::vector<double> sigma = curve.sigma;
      std::sort(sigma.begin(), sigma.end());
      const std::vector<double>& flux = clean.light_curves[c].flux;  // of median 1
      const double clarity = (1.0 - *std::min_element(flux.begin(), flux.end())) / quantile(sigma, 0.5);
      least = std::min(least, clarity);
      most = std::max(most, clarity);
    }
  }
};

struct Wanted {
  std::string_view key;
  bool (*like)(const Theta& theta, const Clarity& clarity);
};

// The paper's section 4.3.
constexpr std::array<Wanted, 3> kWanted{{
    {"simulated-1", [](const Theta&, const Clarity& c) { return c.least > 1.0 && c.most < 4.0; }},
    {"simulated-2",
     [](const Theta& theta, const Clarity& c) { return std::abs(theta[kRsumFrac] - 0.65) < 0.05 && c.least > 10.0; }},
    {"simulated-3", [](const Theta& theta,
                       const Clarity& c) { return std::abs(theta[kEccentricity] - 0.22) < 0.04 && c.least > 10.0; }},
}};

constexpr std::size_t kFewestCurves = 3, kFewestBands = 8;

bool well_observed(const Observation& observation) {
  return std::count_if(observation.light_curves.begin(), observation.light_curves.end(),
                       [](const LightCurve& curve) { return !curve.empty(); }) >= std::ptrdiff_t{kFewestCurves} &&
         observation.has_parallax() &&
         std::count_if(observation.sed_flux_jy.begin(), observation.sed_flux_jy.end(),
                       [](double flux) { return std::isfinite(flux); }) >= std::ptrdiff_t{kFewestBands};
}

Object make_object(const Simulation& simulation, std::string_view key) {
  Object object;
  object.name = key;
  object.file = key;
  object.observation = simulation.observation;
  const Quantities truth = derive_quantities(simulation.draw.theta);
  for (int k = 0; k < kQuantityCount; ++k)
    object.literature.push_back({k, truth[static_cast<std::size_t>(k)], 0.0, "truth"});
  return object;
}

}  // namespace

std::vector<CheckedObject> simulated_objects(const Simulator& simulator, std::uint64_t seed,
                                             const std::vector<std::string>& only) {
  std::array<bool, kWanted.size()> found{};
  for (std::size_t k = 0; k < kWanted.size(); ++k)
    found[k] = !only.empty() && std::find(only.begin(), only.end(), kWanted[k].key) == only.end();  // not to be found
  std::vector<CheckedObject> objects;
  Simulation simulation;
  for (std::uint64_t index = 0; std::find(found.begin(), found.end(), false) != found.end(); ++index) {
    simulator.simulate(seed, index, simulation);
    if (!well_observed(simulation.observation)) continue;
    const Clarity clarity(simulator, simulation);
    const auto wanted = std::find_if(kWanted.begin(), kWanted.end(),
                                     [&](const Wanted& w) { return w.like(simulation.draw.theta, clarity); });
    if (wanted == kWanted.end()) continue;
    bool& taken = found[static_cast<std::size_t>(wanted - kWanted.begin())];
    if (taken) continue;
    taken = true;
    objects.push_back({std::string(wanted->key), "simulated", make_object(simulation, wanted->key)});
  }
  std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return objects;
}

std::vector<CheckedObject> real_objects(const std::filesystem::path& folder, const std::vector<double>& zero_point_jy) {
  std::vector<CheckedObject> objects;
  if (!std::filesystem::is_directory(folder)) return objects;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    const std::string key = entry.path().stem().string();
    objects.push_back({key, "real", read_object(entry.path(), zero_point_jy)});
    objects.back().object.file = key;  // in messages, which go into tables
  }
  std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return objects;
}

}  // namespace penumbra
