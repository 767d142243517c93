// Two Roche stars on their orbit: from a System to the surfaces at any time and the flux at one instant.
#pragma once

#include <array>
#include <cmath>
#include <string_view>

#include "base/host_device.h"
#include "sim/eclipse.h"
#include "sim/heating.h"
#include "sim/orbit.h"
#include "sim/status.h"
#include "sim/surface.h"
#include "sim/system.h"

namespace penumbra {

// How finely the surface, the eclipse and the phase curve are sampled. Stars that nearly fill their Roche lobes get
// more. The default keeps the curve within 5e-5 of the flux (1.5e-4 in GALEX), `precise` within 1e-5, as measured over
// draws of the prior.
struct Resolution {
  int azimuths = 10, polar = 6;       // points on each star's visible disc
  int lens_radial = 6, lens_arc = 7;  // points on each ray, and for each half turn of the eclipsed lens's edge
  int out_of_eclipse_phases = 12;     // over a whole orbit
  int eclipse_phases = 30;            // between first and fourth contact
  bool heat_maps = false;             // of what the polynomial of heating.h leaves out (heat_map.h); on the host only

  static constexpr Resolution precise() {
    return {.azimuths = 32,
            .polar = 16,
            .lens_radial = 11,
            .lens_arc = 14,
            .out_of_eclipse_phases = 32,
            .eclipse_phases = 48,
            .heat_maps = true};
  }
};

// How the stars heat each other (reflection.h).
enum class Reflection : int { kNone, kWilson, kHorvat };
inline constexpr std::array<std::string_view, 3> kReflectionNames{"none", "wilson", "horvat"};

struct Effects {
  Reflection reflection = Reflection::kHorvat;
  bool light_travel_time = false;  // needs System::period_day
  bool operator==(const Effects&) const = default;
};

// Most bands in one call, and most phases out of eclipse.
inline constexpr int kMaxBands = 32;
inline constexpr int kMaxSmoothPhases = 128;

// The SED is the mean over phases .125, .375, .625 and .875 (the paper, section 2.2.2).
inline constexpr int kSedPhaseCount = 4;
PN_HD inline double sed_phase(int i) { return 0.125 + 0.25 * i; }

// A star's potential, mean gravity and the heat it gets, at the separations of heat_map.h.
struct BinaryStar {
  double q;       // companion's mass over its own
  double radius;  // over the semi-major axis
  double lobe;    // radius of the Roche lobe over the separation
  double gravity_darkening;
  double irradiation;  // albedo times the companion's mean surface flux over this star's
  double bolometric_limb_darkening;
  double potential[kShapeNodes];  // less q / separation, the part that varies most
  double log_mean_gravity[kShapeNodes];
  bool closed[kShapeNodes];                          // false: no closed surface holds the star's volume
  double brightness[kBrightnessTerms][kShapeNodes];  // of the companion as this star sees it (heating.h)
  HeatMap* heat_map;                                 // what that leaves out; null: nothing
};

struct Binary {
  Orbit orbit;
  BinaryStar star[2];
  int shape_nodes;
  double inverse_separation[kShapeNodes];
  Reflection reflection;
  double light_time;  // over the semi-major axis, in periods; 0: light is instant
  double flux_scale;  // (a / distance)^2: intensity times a^2 -> flux at the observer

  PN_HD bool circular() const { return shape_nodes == 1; }
  PN_HD int crowding_at(int which, double separation) const {
    return crowding(star[which].radius / (star[which].lobe * separation));
  }
  PN_HD int largest_crowding(double separation) const {
    const int first = crowding_at(0, separation), second = crowding_at(1, separation);
    return first > second ? first : second;
  }
  PN_HD int largest_crowding() const { return largest_crowding(1.0 - orbit.eccentricity); }

  // Fits one star's shape at one node.
  template <class Lanes>
  PN_HD void fit_shape(const Lanes& lanes, int which, int node, const GaussTable& gauss, ShapeWork& work) {
    BinaryStar& s = star[which];
    const double separation = 1.0 / inverse_separation[node];
    const RocheFit fit = fit_roche(lanes, s.q, separation, s.radius, s.gravity_darkening, gauss, work);
    if (lanes.rank() == 0) {
      s.potential[node] = fit.potential - s.q / separation;
      s.log_mean_gravity[node] = fit.log_mean_gravity;
      PN_DEVICE_UNROLL
      for (int l = 0; l < kBrightnessTerms; ++l) s.brightness[l][node] = l == 0 ? 1.0 : 0.0;
      s.closed[node] = fit.closed;
    }
  }
  // The same on one host thread: kBadGeometry where the surface is not closed.
  Status fit_shape(int which, int node, const GaussTable& gauss) {
    ShapeWork work;
    fit_shape(HostLanes{}, which, node, gauss, work);
    return star[which].closed[node] ? Status::kOk : Status::kBadGeometry;
  }

  // How the stars heat each other at one node, once both shapes are there. surfaces[2]: for its use.
  template <class Lanes>
  PN_INLINE void fit_heating(const Lanes& lanes, int node, const GaussTable& gauss, Surface* surfaces,
                             HeatingWork& work) {
    if (lanes.rank() == 0)
      for (int k = 0; k < 2; ++k) surfaces[k] = surface_at_node(k, node);
    lanes.sync();
    fit_brightness(lanes, surfaces, star[0].bolometric_limb_darkening, star[1].bolometric_limb_darkening,
                   reflection == Reflection::kWilson, gauss, work);
    if (lanes.rank() == 0)
      for (int k = 0; k < 2; ++k)
        for (int l = 0; l < kBrightnessTerms; ++l) star[k].brightness[l][node] = surfaces[k].companion.brightness[l];
  }
  // The same on one host thread.
  void fit_heating(int node, const GaussTable& gauss) {
    Surface surfaces[2];
    HeatingWork work;
    fit_heating(HostLanes{}, node, gauss, surfaces, work);
  }

  // One star's heat map at one node, once both stars' heating is there.
  template <class Lanes>
  PN_INLINE void map_heat(const Lanes& lanes, int which, int node, const GaussTable& gauss, Surface* surfaces,
                          HeatingWork& work) {
    if (lanes.rank() == 0)
      for (int k = 0; k < 2; ++k) surfaces[k] = surface_at_node(k, node);
    lanes.sync();
    const double u = star[1 - which].bolometric_limb_darkening;
    fill_heat_map(lanes, surfaces[which], surfaces[1 - which], u, reflection == Reflection::kWilson ? u : 0.0, gauss,
                  work, star[which].heat_map->missing[node]);
  }

  // Light travel time: the true anomaly at which one star is seen while the two together are seen at `true_anomaly`, to
  // first order in v / c (orbit.h). It was there when its own light left, (m1 - m2) / M taking no part in it.
  PN_HD double own_anomaly(int which, double true_anomaly) const {
    if (light_time == 0.0) return true_anomaly;
    return true_anomaly + light_time * lag(which) * orbit.nearness(true_anomaly) / orbit.phase_rate(true_anomaly);
  }
  PN_HD double lag(int which) const { return (which == 0 ? -1.0 : star[0].q) / (1.0 + star[0].q); }

  PN_HD Surface surface(int which, double separation) const {
    const BinaryStar& s = star[which];
    double sum = 0.0, potential = 0.0, log_mean_gravity = 0.0, brightness[kBrightnessTerms] = {};
    for (int n = 0; n < shape_nodes; ++n) {
      const double weight = barycentric_weight(n, shape_nodes, 1.0 / separation - inverse_separation[n]);
      sum += weight;
      potential += weight * s.potential[n];
      log_mean_gravity += weight * s.log_mean_gravity[n];
      PN_DEVICE_UNROLL
      for (int l = 0; l < kBrightnessTerms; ++l) brightness[l] += weight * s.brightness[l][n];
    }
    Surface surface = make_surface(which, separation, potential / sum, log_mean_gravity / sum);
    PN_DEVICE_UNROLL
    for (int l = 0; l < kBrightnessTerms; ++l) surface.companion.brightness[l] = brightness[l] / sum;
    return surface;
  }
  PN_HD Surface surface_at_node(int which, int n) const {
    const BinaryStar& s = star[which];
    Surface surface = make_surface(which, 1.0 / inverse_separation[n], s.potential[n], s.log_mean_gravity[n]);
    PN_DEVICE_UNROLL
    for (int l = 0; l < kBrightnessTerms; ++l) surface.companion.brightness[l] = s.brightness[l][n];
    return surface;
  }

 private:
  // All but the companion's brightness.
  PN_HD Surface make_surface(int which, double separation, double potential, double log_mean_gravity) const {
    const BinaryStar &s = star[which], &other = star[1 - which];
    return {{s.q, separation, potential + s.q / separation},
            s.radius,
            s.gravity_darkening,
            log_mean_gravity,
            crowding_at(which, separation),
            {other.radius, s.irradiation, darkened_share(other.bolometric_limb_darkening), separation * separation, {}},
            s.heat_map};
  }
};

inline constexpr double kMostGravityDarkening = 10.0;  // of |beta|: any physical one is within 0 to 1

// Everything but the shapes, which fit_shape adds. kInvalidInput: a parameter outside its domain.
// heat_map[2]: memory of heat maps; null: none are made.
PN_HD inline Status make_binary(const System& system, const Effects& effects, Binary& binary,
                                HeatMap* heat_map = nullptr) {
  const double e = system.eccentricity;
  const bool valid = system.q > 0.0 && e >= 0.0 && e < 1.0 && system.cos_i >= -1.0 && system.cos_i <= 1.0 &&
                     std::isfinite(system.omega_rad) && std::isfinite(system.q) && system.sma_rsun > 0.0 &&
                     std::isfinite(system.sma_rsun) && system.distance_pc > 0.0 && std::isfinite(system.distance_pc);
  if (!valid) return Status::kInvalidInput;
  binary.reflection = effects.reflection;
  binary.light_time = 0.0;
  if (effects.light_travel_time) {
    binary.light_time = system.sma_rsun * kRsun / (kLightSpeed * system.period_day * kDaySeconds);
    // The stars' largest relative velocity over c. Kepler's third law keeps real stars far below.
    const double fastest = kTwoPi * binary.light_time * std::sqrt((1.0 + e) / (1.0 - e));
    if (!(fastest > 0.0 && fastest < 0.02)) return Status::kInvalidInput;
  }
  binary.orbit = make_orbit(e, system.omega_rad, system.cos_i, binary.light_time * (1.0 - system.q) / (1.0 + system.q));
  binary.shape_nodes = e == 0.0 ? 1 : kShapeNodes;
  for (int n = 0; n < binary.shape_nodes; ++n) {
    // 1 / (1 + e) to 1 / (1 - e)
    double sine, cosine = 0.0;
    if (!binary.circular()) sine_cosine(kPi * n / (binary.shape_nodes - 1), sine, cosine);
    binary.inverse_separation[n] = (1.0 - e * cosine) / (1.0 - e * e);
  }
  const double scale = system.sma_rsun * kRsun / (system.distance_pc * kParsec);
  binary.flux_scale = scale * scale;
  for (int k = 0; k < 2; ++k) {
    const Star& own = system.star[k];
    const bool star_valid = own.radius_rsun > 0.0 && std::isfinite(own.radius_rsun) && own.teff_k > 0.0 &&
                            std::isfinite(own.teff_k) && std::abs(own.gravity_darkening) <= kMostGravityDarkening &&
                            own.albedo >= 0.0 && own.albedo <= 1.0 && own.bolometric_limb_darkening >= 0.0 &&
                            own.bolometric_limb_darkening <= 1.0;
    if (!star_valid) return Status::kInvalidInput;
    BinaryStar& star = binary.star[k];
    star.q = k == 0 ? system.q : 1.0 / system.q;
    star.radius = own.radius_rsun / system.sma_rsun;
    star.lobe = roche_lobe_radius(star.q);
    star.gravity_darkening = own.gravity_darkening;
    star.bolometric_limb_darkening = own.bolometric_limb_darkening;
    const double ratio = system.star[1 - k].teff_k / own.teff_k;
    star.heat_map = nullptr;
    if (heat_map != nullptr && effects.reflection != Reflection::kNone) {
      star.heat_map = heat_map + k;
      heat_map[k].separations = binary.shape_nodes;
      for (int n = 0; n < binary.shape_nodes; ++n) heat_map[k].inverse_separation[n] = binary.inverse_separation[n];
    }
    star.irradiation = effects.reflection != Reflection::kNone ? own.albedo * ratio * ratio * ratio * ratio : 0.0;
  }
  if (!(binary.star[0].radius + binary.star[1].radius < 1.0 - e)) return Status::kBadGeometry;
  return Status::kOk;
}

// The sky in the frame of one star.
PN_HD inline SkyFrame star_frame(const Aspect& aspect, int which) {
  return sky_frame({which == 0 ? aspect.sight.x : -aspect.sight.x, aspect.sight.y, aspect.sight.z});
}

// Both discs as the observer sees them.
struct View {
  Surface surface[2];
  SkyFrame frame[2];
  double sky_distance;
  int eclipsed;  // the star behind

  PN_HD int eclipsing() const { return 1 - eclipsed; }
};

// Fills `view`, which all lanes share.
template <class Lanes>
PN_HD void look_at(const Lanes& lanes, const Binary& binary, double true_anomaly, View& view) {
  lanes.sync();  // nobody reads the last view any more
  if (lanes.rank() == 0) {
    const Aspect aspect = binary.orbit.aspect(true_anomaly);
    view.sky_distance = aspect.sky_distance;
    view.eclipsed = aspect.sight.x > 0.0 ? 0 : 1;
    for (int which = 0; which < 2; ++which) {
      const double own_anomaly = binary.own_anomaly(which, true_anomaly);
      const Aspect own = binary.orbit.aspect(own_anomaly);
      view.surface[which] = binary.surface(which, own.separation);
      view.frame[which] = star_frame(own, which);
      // What hides a star stands where the two together are seen. (The secondary's frame is mirrored.)
      if (binary.light_time != 0.0) {
        const double turn = binary.orbit.position_angle(true_anomaly) - binary.orbit.position_angle(own_anomaly);
        view.frame[which] = turned(view.frame[which], which == 0 ? turn : -turn);
      }
    }
  }
  lanes.sync();
}
inline View view_at(const Binary& binary, double true_anomaly) {
  View view;
  look_at(HostLanes{}, binary, true_anomaly, view);
  return view;
}

template <class Lanes>
PN_INLINE Overlap add_hidden_flux(const Lanes& lanes, const View& view, const Resolution& resolution,
                                  const GaussTable& gauss, const BandIntensity* const* bands, int band_count,
                                  EclipseWork& work, BandSums out) {
  return add_hidden_flux(lanes, view.surface[view.eclipsed], view.surface[view.eclipsing()], view.frame[view.eclipsed],
                         view.sky_distance, resolution.lens_arc, resolution.lens_radial, gauss, bands[view.eclipsed],
                         band_count, work, out);
}

template <class Lanes>
PN_INLINE void add_disc_flux(const Lanes& lanes, const View& view, int star, const Resolution& resolution,
                             const GaussTable& gauss, const BandIntensity* const* bands, int band_count,
                             EclipseWork& work, BandSums out) {
  add_disc_flux(lanes, view.surface[star], view.frame[star], resolution.azimuths, resolution.polar, gauss, bands[star],
                band_count, work.view, out);
}

// out[k] = flux of both stars at one instant, in the unit of intensity times sr. `scratch` holds band_count numbers.
inline void instant_flux(const Binary& binary, double true_anomaly, const Resolution& resolution,
                         const GaussTable& gauss, const BandIntensity* const* bands, int band_count, double* scratch,
                         double* out) {
  const View view = view_at(binary, true_anomaly);
  const HostLanes lanes;
  EclipseWork work;
  for (int k = 0; k < band_count; ++k) scratch[k] = out[k] = 0.0;
  const Overlap overlap = add_hidden_flux(lanes, view, resolution, gauss, bands, band_count, work, scratch);
  for (int s = 0; s < 2; ++s) {
    if (overlap == Overlap::kTotal && s == view.eclipsed) continue;
    add_disc_flux(lanes, view, s, resolution, gauss, bands, band_count, work, out);
  }
  for (int k = 0; k < band_count; ++k) out[k] = binary.flux_scale * (out[k] - scratch[k]);
}

}  // namespace penumbra
