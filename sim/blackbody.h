// A star that radiates as a blackbody: the second atmosphere, for comparison with peers and with analytic limits.
#pragma once

#include "sim/atmosphere.h"
#include "sim/extinction.h"

namespace penumbra {

// Mean disc intensity int T(lambda) B_lambda(teff) dlambda / int T(lambda) dlambda in W m^-2 m^-1 sr^-1, by the
// trapezoid rule on the filter's own points (PHOEBE's energy weighting; for its photon weighting multiply the
// transmission by lambda). log_intensity is its logarithm, slope_t and curve_t the exact derivatives in ln T at
// `teff_k`; slope_g is 0. Limb darkening leaves the mean disc intensity as it is, so a sphere's band-averaged flux is
// pi (R/d)^2 exp(log_intensity) whatever the law. Throws std::invalid_argument when teff_k <= 0 or the filter has fewer
// than two points.
StarBand blackbody_star_band(const Filter& filter, double teff_k, const LimbDarkening& limb);

}  // namespace penumbra
