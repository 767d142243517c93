// Systems that a network has not seen, simulated from the prior and forward model of its own checkpoint, each with
// samples of the network's posterior: what every check of a network looks at.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/config.h"
#include "base/run_settings.h"
#include "inference/posterior_file.h"
#include "nn/posterior.h"
#include "sim/simulation_settings.h"

namespace penumbra {

struct HeldOutSettings {
  std::filesystem::path data, checkpoint;
  std::string dust_map;  // where the checkpoint's dust map is now; empty: where it was
  RunSettings run;
  std::size_t systems, samples;
};
// Keys: seed, device, threads, checkpoint, prior.dust_map, systems, samples. data: the folder of the tables.
HeldOutSettings read_held_out_settings(const Config& config, const std::filesystem::path& data);

// Of a network's samples of one system, target[count][16] with densities log_q[count], those that the prior accepts.
PosteriorSamples accepted_samples(const Targets& targets, const Prior& prior, double period_day, const float* target,
                                  const float* log_q, std::size_t count);

struct HeldOutSystem {
  std::size_t index;
  const Simulation& simulation;  // the truth, and the observation as the network read it
  Latent z;                      // the truth as the network is asked for it (nn/targets.h)
  double log_q;                  // ln q(z | x) of it
  PosteriorSamples samples;      // theta, z, log_q, log_prior of those that the prior accepts, perhaps none
  std::span<const float> drawn;  // [samples][16]: all, as the network gives them (nn/targets.h)
};

class HeldOut {
 public:
  // What a caller changes in the observation before the network reads it: hides a band, for instance. Called from
  // several threads.
  using Edit = std::function<void(std::size_t index, Observation& observation)>;
  using Visit = std::function<void(const HeldOutSystem& system)>;

  // UserError: no such checkpoint, one trained with the seed from which the held-out systems come, one of another kind,
  // a dust map for a checkpoint that has none.
  explicit HeldOut(HeldOutSettings settings);

  // Calls `visit` for the systems 0, 1, .. in order. Same settings, same systems whatever the number of threads and
  // whatever is edited; the samples differ by single precision's rounding. Interrupted when the user asks to stop.
  void visit(const Visit& visit, const Edit& edit = {}) const;

  const HeldOutSettings& settings() const { return settings_; }
  const NeuralPosterior& posterior() const { return posterior_; }
  const Simulator& simulator() const { return *simulator_; }
  std::uint64_t seed() const;  // of the systems
  // Facts for a provenance record, in words: checkpoint, checkpoint_sha256, held_out_seed, device.
  std::vector<std::pair<std::string, std::string>> provenance() const;

 private:
  HeldOutSettings settings_;
  NeuralPosterior posterior_;
  LoadedSimulator simulator_;
};

}  // namespace penumbra
