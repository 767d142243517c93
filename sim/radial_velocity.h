// Radial velocities of both stars, as a spectrograph sees them: weighted by the light of the visible parts in one band,
// so that eclipses (the Rossiter-McLaughlin effect), tides and heating distort them.
#pragma once

#include "sim/atmosphere.h"
#include "sim/binary.h"
#include "sim/status.h"
#include "sim/system.h"

namespace penumbra {

// velocity_km_s[2][N]: primary, then secondary, at `phase[N]`, each averaged (weighted by light) over an exposure of
// `exposure_phase` periods centred there (0: instantaneous). Positive velocities recede. A star that the other hides
// wholly has none: kMissing (NaN, observation.h). Needs System::period_day; System::gamma_km_s is added.
// kInvalidInput: a number outside its domain; kBadGeometry: no closed surfaces. Nothing is written then.
Status render_radial_velocity(const System& system, const StarBand& primary, const StarBand& secondary,
                              const double* phase, int phase_count, double exposure_phase, const Resolution& resolution,
                              const Effects& effects, double* velocity_km_s);

}  // namespace penumbra
