// What the 16 dimensions of a network for binaries are. No torch here.
//
// targets = "latent": the prior's coordinates z (sim/prior.h). targets = "theta": the parameters themselves,
// standardised, as in the paper.
//
// Where the period is known, rsumfrac follows from it (Prior::theta_from_latent) and its dimension carries nothing: the
// target there is an independent unit normal, which the flow learns at once and sampling ignores.
#pragma once

#include <string>

#include "base/random.h"
#include "sim/feature_arrays.h"
#include "sim/observation.h"
#include "sim/prior.h"

namespace penumbra {

class Targets {
 public:
  // kind: as above. The moments of theta are those of some thousand draws.
  static Targets make(const std::string& kind, const Prior& prior);
  // As a checkpoint keeps it beside the simulation settings; nothing for the latent ones. UserError: damaged.
  static Targets parse(const std::string& toml, const std::string& source);
  std::string to_toml() const;

  // What the network learns to predict of a simulated system: target[16].
  void pack(const PriorDraw& draw, const Observation& observation, RandomStream& random, float* target) const;

  const TargetView& view() const { return view_; }

  // From a network's sample[16] to the system; kOk or why the prior rejects it. period_day: NaN where it is not known.
  Status restore(const Prior& prior, const float* sample, double period_day, Latent& z, Theta& theta) const;

  // ln |d sample / d z| at a system: what turns the network's density into one in z.
  double log_jacobian(const Prior& prior, const Latent& z, const Theta& theta, double period_day) const;

 private:
  TargetView view_;
};

}  // namespace penumbra
