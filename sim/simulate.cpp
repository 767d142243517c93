#include "sim/simulate.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "sim/phase_curve.h"

namespace penumbra {
namespace {

std::array<Passband, kPassbandCount> all_passbands() {
  std::array<Passband, kPassbandCount> bands{};
  for (int b = 0; b < kPassbandCount; ++b) bands[b] = static_cast<Passband>(b);
  return bands;
}

// The stars' expansions in every passband, seen through the dust.
struct Expansions {
  std::array<StarBand, kPassbandCount> star[2];

  Status expand(const AtmosphereView& atmosphere, const ExtinctionView& extinction, const System& system) {
    static const std::array<Passband, kPassbandCount> kBands = all_passbands();
    for (int k = 0; k < 2; ++k) {
      Status status =
          expand_star(atmosphere, system.star[k], system.feh, kBands.data(), kPassbandCount, star[k].data());
      if (status != Status::kOk) return status;
      status = redden(extinction, atmosphere, system.star[k], system.feh, system.ebv, kBands.data(), kPassbandCount,
                      star[k].data());
      if (status != Status::kOk) return status;
    }
    return Status::kOk;
  }
};

// Mean fluxes in every passband over the four SED phases: sed_jy[kPassbandCount], in Jy.
Status render_reddened_sed(const System& system, const Expansions& expansions, const SimulatorOptions& options,
                           double* sed_jy) {
  return render_sed(system, expansions.star[0].data(), expansions.star[1].data(), kPassbandCount, options.resolution,
                    options.effects, sed_jy);
}

// The phase curve of the channels that have epochs, each channel's flux read off at its epochs.
Status fill_light_curves(const System& system, const Expansions& expansions, double period_day,
                         const SimulatorOptions& options, std::array<LightCurve, kChannelCount>& curves) {
  thread_local PhaseCurve phase_curve;
  std::array<StarBand, kChannelCount> primary, secondary;
  std::array<int, kChannelCount> band_of_channel{};
  int bands = 0;
  for (int c = 0; c < kChannelCount; ++c) {
    if (curves[c].empty()) continue;
    const int passband = kChannels[c].passband;
    band_of_channel[c] = bands;
    primary[bands] = expansions.star[0][passband];
    secondary[bands] = expansions.star[1][passband];
    ++bands;
  }
  if (bands == 0) return Status::kOk;
  const Status status = render_phase_curve(system, primary.data(), secondary.data(), bands, options.resolution,
                                           options.effects, phase_curve);
  if (status != Status::kOk) return status;
  for (int c = 0; c < kChannelCount; ++c) {
    LightCurve& curve = curves[c];
    if (curve.empty()) continue;
    const double exposure_phase = curve.exposure_day / period_day;
    if (!valid_exposure(exposure_phase)) return Status::kInvalidInput;
    for (const double phase : curve.phase)
      if (!std::isfinite(phase)) return Status::kInvalidInput;
    curve.flux.resize(curve.phase.size());
    for (std::size_t t = 0; t < curve.phase.size(); ++t)
      curve.flux[t] = phase_curve_flux(phase_curve, band_of_channel[c], curve.phase[t], exposure_phase);
  }
  return Status::kOk;
}

void divide_by_median(std::vector<double>& flux) {
  if (flux.empty()) return;
  thread_local std::vector<double> sorted;
  sorted.assign(flux.begin(), flux.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  for (double& f : flux) f /= *middle;
}

}  // namespace

Tables Tables::load(const std::filesystem::path& data_folder, const std::filesystem::path& dust_map) {
  const auto tables = data_folder / "tables";
  return Tables{TrackGrid::load(tables / "tracks.h5"),
                Atmosphere::load(tables / "atmospheres.h5"),
                load_filters(tables / "passbands.h5"),
                load_zero_points_jy(tables / "passbands.h5"),
                dust_map.empty() ? DustPrior::analytic() : DustPrior::bayestar(dust_map),
                Surveys::load(data_folder / "banks" / "surveys.h5")};
}

Simulator::Simulator(const Tables& tables, Prior prior, SimulatorOptions options)
    : tables_(tables), prior_(std::move(prior)), options_(options), extinction_(tables.filters, options.extinction) {}

void Simulator::simulate(std::uint64_t seed, std::uint64_t index, Simulation& out) const {
  std::array<int, static_cast<int>(Status::kStatusCount)> rejected{};
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    out.draw = prior_.draw(seed, draw_of_attempt(index, attempt));
    for (std::size_t r = 0; r < rejected.size(); ++r) rejected[r] += out.draw.rejected[r];

    // Noiseless spectrum, reddened: it decides which surveys see the star, and how well.
    out.system = derive_system(out.draw.theta, options_.albedo);
    Expansions expansions;
    std::array<double, kPassbandCount> sed_jy;
    Status status = expansions.expand(tables_.atmosphere.view(), extinction_.view(), out.system);
    if (status == Status::kOk) status = render_reddened_sed(out.system, expansions, options_, sed_jy.data());
    if (status == Status::kOk) {
      const Apparent apparent = magnitudes(sed_jy.data());

      // Epochs and errors, then the clean light curves there, then noise.
      RandomStream schedule_random(seed, index, Stage::kSchedule);
      tables_.surveys.schedule(apparent, out.system.period_day, schedule_random, out.observation);
      status = fill_light_curves(out.system, expansions, out.system.period_day, options_, out.observation.light_curves);
      if (status == Status::kOk) {
        RandomStream noise_random(seed, index, Stage::kNoise);
        tables_.surveys.observe(out.system, apparent, sed_jy.data(), noise_random, out.observation);
        out.draw.rejected = rejected;
        return;
      }
    }
    ++rejected[static_cast<std::size_t>(status)];
  }
  throw std::runtime_error("simulate: no system of index " + std::to_string(index) + " could be rendered in " +
                           std::to_string(kMaxAttempts) + " attempts");
}

SimulatorView Simulator::view() const {
  return {prior_.view(),          tables_.atmosphere.view(),    extinction_.view(),
          tables_.surveys.view(), tables_.zero_point_jy.data(), options_};
}

Apparent Simulator::magnitudes(const double* sed_jy) const {
  Apparent apparent;
  for (int b = 0; b < kPassbandCount; ++b)
    apparent.magnitude[b] = apparent_magnitude(sed_jy[b], tables_.zero_point_jy[b]);
  return apparent;
}

Status Simulator::predict(const Theta& theta, const Observation& like, Observation& out, Apparent* apparent) const {
  const System system = derive_system(theta, options_.albedo);
  Expansions expansions;
  std::array<double, kPassbandCount> sed_jy;
  Status status = expansions.expand(tables_.atmosphere.view(), extinction_.view(), system);
  if (status != Status::kOk) return status;
  status = render_reddened_sed(system, expansions, options_, sed_jy.data());
  if (status != Status::kOk) return status;
  out.period_day = std::isfinite(like.period_day) ? like.period_day : system.period_day;
  for (int c = 0; c < kChannelCount; ++c) {
    out.light_curves[c].phase = like.light_curves[c].phase;
    out.light_curves[c].exposure_day = like.light_curves[c].exposure_day;
    out.light_curves[c].sigma.assign(like.light_curves[c].phase.size(), 0.0);
    out.light_curves[c].flux.clear();
  }
  status = fill_light_curves(system, expansions, out.period_day, options_, out.light_curves);
  if (status != Status::kOk) return status;
  for (LightCurve& curve : out.light_curves) divide_by_median(curve.flux);
  for (int b = 0; b < kSedBandCount; ++b) {
    out.sed_flux_jy[b] = sed_jy[b];
    out.sed_sigma_jy[b] = 0.0;
  }
  out.parallax_mas = 1000.0 / system.distance_pc;
  out.parallax_sigma_mas = 0.0;
  if (apparent != nullptr) *apparent = magnitudes(sed_jy.data());
  return Status::kOk;
}

}  // namespace penumbra
