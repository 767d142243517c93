// What the 16 dimensions of a network for binaries are. No torch here.
//
// targets = "latent": the prior's coordinates z (sim/prior.h). targets = "theta": the parameters themselves,
// standardised, as in the paper.
//
// Where the period is known, rsumfrac follows from the other parameters (Prior::theta_from_latent) and one of the 16
// dimensions carries nothing: the target there is an independent unit normal, which the flow learns at once and
// sampling ignores. With "latent" and "theta" it is that of rsumfrac. But rsumfrac is what light curves fix best: as a
// function of masses, age, metallicity and both radii its posterior is a thin curved sheet, which a flow thickens.
//
// targets = "relative_radii" are z in all else, but where the period is known the sheet is flat. Of the radii's offsets
// from the tracks they take sum and split (sim/relative_radii.h): the dimension of R1 is the split, that of rsumfrac is
//   ln((t1 + t2) / a(Msum, P)) + deviation z_sum,
// ln rsumfrac itself but for how a trapezoid differs from a normal distribution (.001 to .005 at one, .002 to .01 at
// two deviations), and defined for all z: no sample is lost off the edge of the prior's band about the tracks.
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
  Status radii_from_sum(const Prior& prior, double period_day, Latent& z) const;
  Status restore_theta(const Prior& prior, const float* sample, double period_day, Latent& z, Theta& theta) const;
  double log_jacobian_relative(const Latent& z, const Theta& theta) const;
  double log_jacobian_theta(const Prior& prior, const Latent& z, const Theta& theta, bool period_known) const;

  TargetView view_;
};

}  // namespace penumbra
