#include "sim/radial_velocity.h"

#include <cmath>

#include "sim/host_thread.h"
#include "sim/observation.h"
#include "sim/phase_curve.h"

namespace penumbra {
namespace {

// Points of an exposure, by Gauss's rule.
constexpr int kExposurePoints = 8;

// A star of which less is seen counts as hidden: the quadrature leaves errors of some 5e-5 of its light.
constexpr double kLeastVisible = 1e-3;

// Of each star: light of the whole disc and of what is seen, and the latter times its velocity.
struct Moments {
  double whole[2] = {}, seen[2] = {}, velocity[2] = {};
};

// At one instant. Velocities, receding ones positive, are in units of the mean orbital velocity 2 pi a / P.
//
// Of a star's rotation the observer sees -(z x p) . sight at the point p, in its own frame; the secondary's frame is
// mirrored (companion_frame), which turns the sign. The centres follow Kepler, each star as it was when the light left.
Moments moments_at(const Binary& binary, double phase, const Resolution& resolution, const BandIntensity* const* bands,
                   EclipseWork& work) {
  const GaussTable& gauss = gauss_table();
  const HostLanes lanes;
  const Orbit& orbit = binary.orbit;
  View view = view_at(binary, orbit.true_anomaly(phase));
  const double q = binary.star[0].q, e = orbit.eccentricity;
  Moments moments;
  for (int k = 0; k < 2; ++k) {
    const double share = k == 0 ? -q / (1.0 + q) : 1.0 / (1.0 + q);  // of the orbit of 2 about 1
    Orbit own = orbit;
    own.delay = binary.light_time * share;
    const double u = own.true_anomaly(phase) + orbit.omega;
    const double centre = -share * orbit.sin_i * (std::cos(u) + e * std::cos(orbit.omega)) / std::sqrt(1.0 - e * e);
    const Vector3& sight = view.frame[k].sight;
    const double turn = k == 0 ? 1.0 : -1.0;
    const PointWeight weights[2] = {{}, {centre, {-turn * sight.y, turn * sight.x, 0.0}}};
    for (int moment = 0; moment < 2; ++moment) {
      view.surface[k].weight = weights[moment];
      double disc = 0.0, hidden = 0.0;
      add_disc_flux(lanes, view, k, resolution, gauss, bands, 1, work, &disc);
      if (k == view.eclipsed &&
          add_hidden_flux(lanes, view, resolution, gauss, bands, 1, work, &hidden) == Overlap::kTotal)
        hidden = disc;
      if (moment == 0) moments.whole[k] = disc;
      (moment == 0 ? moments.seen : moments.velocity)[k] = disc - hidden;
    }
  }
  return moments;
}

}  // namespace

Status render_radial_velocity(const System& system, const StarBand& primary, const StarBand& secondary,
                              const double* phase, int phase_count, double exposure_phase, const Resolution& resolution,
                              const Effects& effects, double* velocity_km_s) {
  if (!valid_request(1, resolution) || !valid_bands(&primary, 1) || !valid_bands(&secondary, 1) ||
      !valid_exposure(exposure_phase) || !(system.period_day > 0.0) || !std::isfinite(system.period_day) ||
      !std::isfinite(system.gamma_km_s))
    return Status::kInvalidInput;
  for (int i = 0; i < phase_count; ++i)
    if (!std::isfinite(phase[i])) return Status::kInvalidInput;
  Binary binary{};
  HostThread thread;
  thread_local GroupWork work;
  std::vector<HeatMap> heat_map(resolution.heat_maps ? 2 : 0);
  const Status status =
      build_binary(thread, system, effects, gauss_table(), &work, binary, heat_map.empty() ? nullptr : heat_map.data());
  if (status != Status::kOk) return status;
  const BandIntensity intensity[2] = {make_band_intensity(primary), make_band_intensity(secondary)};
  const BandIntensity* const bands[2] = {&intensity[0], &intensity[1]};
  const double unit = 1e-3 * kTwoPi * system.sma_rsun * kRsun / (system.period_day * kDaySeconds);
  const int points = exposure_phase > 0.0 ? kExposurePoints : 1;
  const double* node = gauss_table().nodes(points);
  const double* weight = gauss_table().weights(points);
  for (int i = 0; i < phase_count; ++i) {
    Moments sum;
    const double turn = phase[i] - std::floor(phase[i]);
    for (int j = 0; j < points; ++j) {
      const Moments m = moments_at(binary, turn + exposure_phase * (node[j] - 0.5), resolution, bands, work.eclipse);
      for (int k = 0; k < 2; ++k) {
        sum.whole[k] += weight[j] * m.whole[k];
        sum.seen[k] += weight[j] * m.seen[k];
        sum.velocity[k] += weight[j] * m.velocity[k];
      }
    }
    for (int k = 0; k < 2; ++k) {
      const bool visible = sum.seen[k] > kLeastVisible * sum.whole[k];
      velocity_km_s[k * phase_count + i] =
          visible ? system.gamma_km_s + unit * sum.velocity[k] / sum.seen[k] : kMissing;
    }
  }
  return Status::kOk;
}

}  // namespace penumbra
