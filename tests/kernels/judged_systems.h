// One simulated observation and parameters to be judged by it: the truth, others near it, and one that no model serves.
#pragma once

#include <filesystem>
#include <vector>

#include "sim/likelihood.h"
#include "sim/simulate.h"

namespace penumbra {

class JudgedSystems {
 public:
  static bool tables_exist() { return std::filesystem::exists(kData / "tables" / "atmospheres.h5"); }

  JudgedSystems(std::uint64_t index, std::size_t count) : data(observation_of(index)) {
    Simulation simulation;
    simulator().simulate(kSeed, index, simulation);
    theta.assign(count, simulation.draw.theta);
    RandomStream random(kSeed, index, Stage::kTest);
    for (std::size_t i = 1; i + 1 < count; ++i) {
      for (const int p : {kMsum, kRadius1, kRadius2, kTeff1, kTeff2, kDistance, kRsumFrac})
        theta[i][static_cast<std::size_t>(p)] *= 1.0 + 0.01 * random.normal();
    }
    theta.back()[kTeff1] = 1e6;
  }

  static const Simulator& simulator() {
    static const Tables tables = Tables::load(kData);
    static const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
    return simulator;
  }

  // By the CPU's own path.
  double expected(std::size_t i) const {
    Observation prediction;
    Apparent apparent;
    if (simulator().predict(theta[i], data.data(), prediction, &apparent) != Status::kOk) return -INFINITY;
    std::vector<double> model;
    for (const LightCurve& curve : prediction.light_curves)
      model.insert(model.end(), curve.flux.begin(), curve.flux.end());
    return log_likelihood(HostLanes{}, data.view(), simulator().tables().surveys.view(), model.data(),
                          prediction.sed_flux_jy.data(), apparent, theta[i][kDistance]);
  }

  Observed data;
  std::vector<Theta> theta;

 private:
  static constexpr std::uint64_t kSeed = 31;
  static inline const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";

  // Every fifth without a known period, every seventh without light curves.
  static Observation observation_of(std::uint64_t index) {
    Simulation simulation;
    simulator().simulate(kSeed, index, simulation);
    if (index % 5 == 0) leave_out({Modality::kPeriod}, simulation.observation);
    if (index % 7 == 0) leave_out({Modality::kLightCurves}, simulation.observation);
    return simulation.observation;
  }
};

}  // namespace penumbra
