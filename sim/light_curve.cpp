#include "sim/light_curve.h"

#include <array>

#include "sim/host_thread.h"
#include "sim/phase_curve.h"

namespace penumbra {
namespace {

bool valid_input(const StarBand* primary, const StarBand* secondary, int band_count, const double* third_light,
                 const Resolution& resolution) {
  return valid_request(band_count, resolution) && valid_bands(primary, band_count) &&
         valid_bands(secondary, band_count) && valid_third_light(third_light, band_count);
}

// Both stars' bands in the form that the surface integrals read.
class Bands {
 public:
  Bands(const StarBand* primary, const StarBand* secondary, int band_count) {
    for (int k = 0; k < band_count; ++k) {
      values_[0][k] = make_band_intensity(primary[k]);
      values_[1][k] = make_band_intensity(secondary[k]);
    }
  }
  const BandIntensity* const* get() const { return stars_; }

 private:
  std::array<BandIntensity, kMaxBands> values_[2];
  const BandIntensity* stars_[2] = {values_[0].data(), values_[1].data()};
};

}  // namespace

Status render_phase_curve(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                          const Resolution& resolution, const Effects& effects, PhaseCurve& curve,
                          const double* third_light) {
  if (!valid_input(primary, secondary, band_count, third_light, resolution)) return Status::kInvalidInput;
  const Bands bands(primary, secondary, band_count);
  const CurveLayout layout = CurveLayout::make(resolution, band_count);
  thread_local std::vector<double> memory, nodes;
  thread_local CurveWork work;
  memory.resize(static_cast<std::size_t>(layout.work_size()));
  nodes.resize(static_cast<std::size_t>(layout.curve_size()));
  HostThread thread;
  const Status status = build_phase_curve(thread, system, bands.get(), band_count, third_light, resolution, effects,
                                          gauss_table(), work, memory.data(), nodes.data());
  if (status != Status::kOk) return status;
  const int count = work.node_count;
  curve.band_count = band_count;
  curve.node_phase.assign(nodes.data(), nodes.data() + count);
  curve.flux.assign(nodes.data() + count, nodes.data() + (1 + band_count) * count);
  curve.slope.assign(nodes.data() + (1 + band_count) * count, nodes.data() + (1 + 2 * band_count) * count);
  curve.segment_start.clear();
  for (int i = 0; i < work.segment_count; ++i) curve.segment_start.push_back(work.segment[i].first_node);
  return Status::kOk;
}

double phase_curve_flux(const PhaseCurve& curve, int band, double phase, double exposure_phase) {
  const PhaseCurveView view{static_cast<int>(curve.node_phase.size()), curve.band_count, curve.node_phase.data(),
                            curve.flux.data(), curve.slope.data()};
  return phase_curve_flux(view, band, phase, exposure_phase);
}

Status render_flux(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                   double phase, const Resolution& resolution, const Effects& effects, double* out,
                   const double* third_light) {
  if (!valid_input(primary, secondary, band_count, third_light, resolution) || !std::isfinite(phase))
    return Status::kInvalidInput;
  const Bands bands(primary, secondary, band_count);
  Binary binary;
  HostThread thread;
  const Status status = build_binary(thread, system, effects, gauss_table(), binary);
  if (status != Status::kOk) return status;
  double scratch[kMaxBands];
  instant_flux(binary, binary.orbit.true_anomaly(phase), resolution, gauss_table(), bands.get(), band_count, scratch,
               out);
  if (third_light == nullptr) return Status::kOk;
  double discs[kMaxBands] = {};
  for (int task = 0; task < 2 * kSedPhaseCount; ++task) {
    const View view = view_at(binary, binary.orbit.true_anomaly(sed_phase(task / 2)));
    const int star = task % 2;
    add_disc_flux(view.surface[star], view.frame[star], resolution.azimuths, resolution.polar, gauss_table(),
                  bands.get()[star], band_count, discs);
  }
  for (int k = 0; k < band_count; ++k)
    out[k] += binary.flux_scale * third_star_flux(third_light[k], discs[k] / kSedPhaseCount);
  return Status::kOk;
}

Status render_sed(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                  const Resolution& resolution, const Effects& effects, double* out, const double* third_light) {
  if (!valid_input(primary, secondary, band_count, third_light, resolution)) return Status::kInvalidInput;
  const Bands bands(primary, secondary, band_count);
  Binary binary;
  HostThread thread;
  const Status status = build_binary(thread, system, effects, gauss_table(), binary);
  if (status != Status::kOk) return status;
  double memory[kSedParts * kMaxBands];
  build_sed(thread, binary, bands.get(), band_count, third_light, resolution, gauss_table(), memory, out);
  return Status::kOk;
}

}  // namespace penumbra
