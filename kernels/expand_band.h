// One star's expansion in one passband, seen through the dust: a thread's work in the kernels that begin with it.
#pragma once

#include "sim/atmosphere.h"
#include "sim/extinction.h"
#include "sim/system.h"

namespace penumbra {

// node: where the tables hold that star (find_star_node).
PN_HD inline Status expand_reddened_band(const AtmosphereView& atmosphere, const ExtinctionView& extinction,
                                         const System& system, int star, const StarNode& node, Passband passband,
                                         StarBand& out) {
  const Status status = expand_band(atmosphere, node, passband, out);
  if (status != Status::kOk) return status;
  return redden(extinction, atmosphere, system.star[star], system.feh, system.ebv, &passband, 1, &out);
}

}  // namespace penumbra
