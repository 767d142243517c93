// Light curves and fluxes of two Roche-distorted stars, in PHOEBE's conventions (orbit.h, roche.h, surface.h,
// eclipse.h).
#pragma once

#include <span>
#include <vector>

#include "sim/atmosphere.h"
#include "sim/binary.h"
#include "sim/status.h"
#include "sim/system.h"

namespace penumbra {

// A model curve of one orbit, continuous in phase: cubic pieces between nodes (phase_curve.h). Fluxes are f_nu at the
// system's distance in the unit of StarBand::log_intensity times sr (Jy for the tables), without extinction. Reused
// between systems without allocating.
struct PhaseCurve {
  int band_count = 0;
  std::vector<double> node_phase;  // [N], ascending over one period
  std::vector<double> flux;        // [band][N]
  std::vector<double> slope;       // [band][N], d flux / d phase
  std::vector<int> segment_start;  // indices of nodes where a segment begins: the contacts
  std::vector<short> guide;        // finds the node before a phase (phase_curve.h)
};

// primary[band], secondary[band]: the two stars' expansions in the K passbands asked for. third_light[K] is the share
// of a third star in the light of all three, 0 to below 1, with the other two's taken as the mean of their whole discs
// over the SED's phases; a null pointer: none. kInvalidInput: a number outside its domain; kBadGeometry: no closed
// surfaces.
Status render_phase_curve(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                          const Resolution& resolution, const Effects& effects, PhaseCurve& curve,
                          const double* third_light = nullptr);

// Flux of band k at `phase`, averaged over an exposure of `exposure_phase` periods (0: instantaneous, at most 1).
double phase_curve_flux(const PhaseCurve& curve, int band, double phase, double exposure_phase);

// The same for many phases: flux[T] at phase[T].
void phase_curve_fluxes(const PhaseCurve& curve, int band, std::span<const double> phase, double exposure_phase,
                        std::span<double> flux);

// Flux of both stars in K bands at one phase exactly (no interpolation). out[K].
Status render_flux(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                   double phase, const Resolution& resolution, const Effects& effects, double* out,
                   const double* third_light = nullptr);

// Mean over the phases .125, .375, .625, .875 (the paper, section 2.2.2). out[K], same unit.
Status render_sed(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                  const Resolution& resolution, const Effects& effects, double* out,
                  const double* third_light = nullptr);

}  // namespace penumbra
