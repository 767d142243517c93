// What a bank keeps of a channel's real light curves: the cadence of each star, its quoted errors, and by how much it
// scatters beyond them.
#pragma once

#include <string>
#include <vector>

#include "bank/light_curve_file.h"
#include "sim/survey_bank.h"

namespace penumbra {

// Light curves that a channel from the ground needs, quiet ones among them, and sectors that TESS needs: enough for
// quantiles to be more than extremes. Fewer are a UserError.
inline constexpr std::size_t kMinimumLightCurves = 8, kMinimumSectors = 5;

// How much a light curve scatters about its star, over its quoted errors. NaN where the points do not tell.
struct Scatter {
  double neighbours;  // differences between neighbours: in phase (.002) where the period is known, else in time (1.5 d)
  double whole;       // about the median, slow variability and eclipses included
  // Variability is in it unless the whole curve scatters about as its neighbours do.
  bool quiet() const { return whole < 2.0 * neighbours; }
};
Scatter measure_scatter(const RealLightCurve& curve);

// ASAS-SN and ZTF. The noise curve is fitted to the pipelines whose errors include systematic ones: the others'
// stars lie below it, and scatter by more than they quote. That factor comes from quiet stars alone.
GroundBank measure_ground(const LightCurveSource& source, std::string& report);

// TESS: errors against the published noise curve (sim/space_mission.h), scatter from second differences between
// neighbouring exposures, in which the star's own change cancels to first order.
SpaceBank measure_tess(const LightCurveSource& source, std::string& report);

}  // namespace penumbra
