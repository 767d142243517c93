// What the 16 dimensions of a network for binaries are. No torch here.
//
// targets = "latent": the prior's coordinates z (sim/prior.h). targets = "theta": the parameters themselves,
// standardised, as in the paper.
//
// targets = "eclipses": what eclipses tell, and z in all else. Teff2 / Teff1 has the dimension of Teff2 and, where the
// period is known, the duration of the primary eclipse that of rsumfrac, both in logarithms; the dimensions of Teff1
// and R1 tell how the offsets from the tracks are split between the stars (why: sim/relative_pair.h). e cos omega and
// e sin omega have those of e and omega (sim/eclipse_coordinates.h).
//
// Where the period is known, rsumfrac follows from the other parameters (Prior::theta_from_latent) and one of the 16
// dimensions carries nothing: the target there is an independent unit normal, which the flow learns at once and
// sampling ignores. It is that of rsumfrac, or of R2 with those of eclipses.
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
  // From the simulation settings of a checkpoint and what to_toml kept beside them. UserError: damaged.
  static Targets parse(const std::string& kind, const std::string& toml, const std::string& source);
  std::string to_toml() const;  // the moments of theta; nothing for the others

  // What the network learns to predict of a simulated system: target[16].
  void pack(const PriorDraw& draw, const Observation& observation, RandomStream& random, float* target) const;

  const TargetView& view() const { return view_; }

  // From a network's sample[16] to the system; kOk or why the prior rejects it. period_day: NaN where it is not known.
  Status restore(const Prior& prior, const float* sample, double period_day, Latent& z, Theta& theta) const;

  // ln |d sample / d z| at a system: what turns the network's density into one in z.
  double log_jacobian(const Prior& prior, const Latent& z, const Theta& theta, double period_day) const;

 private:
  // In place of the sample's numbers: those of temperatures, radii and the free dimension.
  Status latent_from_eclipses(const Prior& prior, double period_day, Latent& z) const;
  Status restore_theta(const Prior& prior, const float* sample, double period_day, Latent& z, Theta& theta) const;
  double log_jacobian_theta(const Prior& prior, const Latent& z, const Theta& theta, bool period_known) const;

  TargetView view_;
};

}  // namespace penumbra
