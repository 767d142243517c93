// The spine: one simulated binary, from the prior to what the surveys see. Reads like the paper's Figure 1.
#pragma once

#include <cstdint>
#include <filesystem>

#include "sim/atmosphere.h"
#include "sim/extinction.h"
#include "sim/light_curve.h"
#include "sim/observation.h"
#include "sim/prior.h"
#include "sim/simulator_view.h"
#include "sim/survey.h"

namespace penumbra {

// Every table the forward model reads, loaded once and shared by all threads.
struct Tables {
  TrackGrid tracks;
  Atmosphere atmosphere;
  std::vector<Filter> filters;        // [kPassbandCount]
  std::vector<double> zero_point_jy;  // [kPassbandCount]
  DustPrior dust;
  Surveys surveys;
  // dust_map: a Bayestar2019 file; none: the analytic dust.
  static Tables load(const std::filesystem::path& data_folder, const std::filesystem::path& dust_map = {});
};

struct Simulation {
  PriorDraw draw;
  System system;
  Observation observation;
};

class Simulator {
 public:
  Simulator(const Tables& tables, Prior prior, SimulatorOptions options = {});

  // System number `index` of the stream `seed`. A draw whose forward model fails is replaced by the next of its own
  // sub-stream, and counted by reason in simulation.draw.rejected. Thread-safe; reuses `out`'s memory.
  void simulate(std::uint64_t seed, std::uint64_t index, Simulation& out) const;

  // Clean light curves (median 1) and reddened SED of a given theta at the epochs of `like`: posterior predictions.
  // apparent: the system's magnitudes too, unless null. Thread-safe; reuses `out`'s memory.
  Status predict(const Theta& theta, const Observation& like, Observation& out, Apparent* apparent = nullptr) const;

  const Prior& prior() const { return prior_; }
  const Tables& tables() const { return tables_; }
  SimulatorView view() const;  // valid while this object and the tables live

 private:
  Apparent magnitudes(const double* sed_jy) const;

  const Tables& tables_;
  Prior prior_;
  SimulatorOptions options_;
  Extinction extinction_;
};

}  // namespace penumbra
