#include "sim/light_curve.h"

#include <algorithm>
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

// A thread's working memory. It grows to what the largest request so far needs, and stays.
struct Workspace {
  GroupWork group;
  CurveWork curve;  // and in it the stars' shapes, for the next request too where it is of the same binary:
  System system{};
  Effects effects{};
  bool mapped = false;
  Status shapes = Status::kInvalidInput;  // how making them ended
  std::vector<double> memory, nodes;
  std::vector<HeatMap> heat_map;

  // Where heat maps go; null where none are asked for.
  HeatMap* heat_maps(const Resolution& resolution) {
    if (!resolution.heat_maps) return nullptr;
    heat_map.resize(2);
    return heat_map.data();
  }
};

// Doubles of `memory`, and of `nodes`: phases, fluxes and slopes.
std::size_t memory_size(const CurveLayout& layout) {
  return static_cast<std::size_t>(layout.series_size()) + static_cast<std::size_t>(layout.sample_size());
}
std::size_t nodes_size(const CurveLayout& layout) {
  return static_cast<std::size_t>(layout.curve_size()) +
         static_cast<std::size_t>(layout.band_count) * static_cast<std::size_t>(layout.node_count);
}

Workspace& workspace() {
  thread_local Workspace work;
  return work;
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

PhaseCurveView view_of(const PhaseCurve& curve) {
  return {static_cast<int>(curve.node_phase.size()),
          curve.band_count,
          curve.node_phase.data(),
          curve.flux.data(),
          curve.slope.data(),
          curve.guide.data()};
}

// The functions in which all the time goes, for each vector width.
PN_CLONES Status shapes_on_host(const System& system, const Effects& effects, const GaussTable& gauss, GroupWork& group,
                                Binary& binary, HeatMap* heat_map) {
  HostThread thread;
  return build_binary(thread, system, effects, gauss, &group, binary, heat_map);
}

PN_CLONES void curve_on_host(const BandIntensity* const* bands, int band_count, const double* third_light,
                             const Resolution& resolution, const GaussTable& gauss, GroupWork& group, CurveWork& work,
                             double* memory, double* nodes) {
  HostThread thread;
  const int series = CurveLayout::make(resolution, band_count).series_size();
  build_phase_curve(thread, bands, band_count, third_light, resolution, gauss, &group, work, memory, memory + series,
                    nodes);
  const int count = work.node_count;
  for (int k = 0; k < band_count; ++k)
    fill_slopes(thread, work, nodes, nodes + (1 + k) * count, nodes + (1 + band_count + k) * count);
}

PN_CLONES void sed_on_host(const Binary& binary, const BandIntensity* const* bands, int band_count,
                           const double* third_light, const Resolution& resolution, const GaussTable& gauss,
                           GroupWork& group, double* memory, double* out) {
  HostThread thread;
  build_sed(thread, binary, bands, band_count, third_light, resolution, gauss, &group, memory, out);
}

// space.curve.binary of this system. A light curve and an SED are mostly asked for together: the second finds it made.
Status make_shapes(const System& system, const Effects& effects, const Resolution& resolution, Workspace& space) {
  if (system == space.system && effects == space.effects && resolution.heat_maps == space.mapped) return space.shapes;
  space.shapes =
      shapes_on_host(system, effects, gauss_table(), space.group, space.curve.binary, space.heat_maps(resolution));
  space.system = system;
  space.effects = effects;
  space.mapped = resolution.heat_maps;
  return space.shapes;
}

}  // namespace

Status render_phase_curve(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                          const Resolution& resolution, const Effects& effects, PhaseCurve& curve,
                          const double* third_light) {
  if (!valid_input(primary, secondary, band_count, third_light, resolution)) return Status::kInvalidInput;
  const Bands bands(primary, secondary, band_count);
  const CurveLayout layout = CurveLayout::make(resolution, band_count);
  Workspace& space = workspace();
  space.memory.resize(std::max(space.memory.size(), memory_size(layout)));
  space.nodes.resize(std::max(space.nodes.size(), nodes_size(layout)));
  const Status status = make_shapes(system, effects, resolution, space);
  if (status != Status::kOk) return status;
  curve_on_host(bands.get(), band_count, third_light, resolution, gauss_table(), space.group, space.curve,
                space.memory.data(), space.nodes.data());
  const int count = space.curve.node_count;
  const double* nodes = space.nodes.data();
  curve.band_count = band_count;
  curve.node_phase.assign(nodes, nodes + count);
  curve.flux.assign(nodes + count, nodes + (1 + band_count) * count);
  curve.slope.assign(nodes + (1 + band_count) * count, nodes + (1 + 2 * band_count) * count);
  curve.segment_start.clear();
  for (int i = 0; i < space.curve.segment_count; ++i) curve.segment_start.push_back(space.curve.segment[i].first_node);
  curve.guide.resize(kGuideCells);
  for (int cell = 0; cell < kGuideCells; ++cell)
    curve.guide[static_cast<std::size_t>(cell)] = detail::guide_entry(curve.node_phase.data(), count, cell);
  return Status::kOk;
}

double phase_curve_flux(const PhaseCurve& curve, int band, double phase, double exposure_phase) {
  return phase_curve_flux(view_of(curve), band, phase, exposure_phase);
}

void phase_curve_fluxes(const PhaseCurve& curve, int band, std::span<const double> phase, double exposure_phase,
                        std::span<double> flux) {
  const PhaseCurveView view = view_of(curve);
  for (std::size_t t = 0; t < phase.size(); ++t) flux[t] = phase_curve_flux(view, band, phase[t], exposure_phase);
}

Status render_flux(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                   double phase, const Resolution& resolution, const Effects& effects, double* out,
                   const double* third_light) {
  if (!valid_input(primary, secondary, band_count, third_light, resolution) || !std::isfinite(phase))
    return Status::kInvalidInput;
  const Bands bands(primary, secondary, band_count);
  Workspace& space = workspace();
  const Status status = make_shapes(system, effects, resolution, space);
  if (status != Status::kOk) return status;
  const Binary& binary = space.curve.binary;
  double scratch[kMaxBands];
  instant_flux(binary, binary.orbit.true_anomaly(phase - std::floor(phase)), resolution, gauss_table(), bands.get(),
               band_count, scratch, out);
  if (third_light == nullptr) return Status::kOk;
  double discs[kMaxBands] = {};
  for (int task = 0; task < 2 * kSedPhaseCount; ++task) {
    const View view = view_at(binary, binary.orbit.true_anomaly(sed_phase(task / 2)));
    add_disc_flux(HostLanes{}, view, task % 2, resolution, gauss_table(), bands.get(), band_count, space.group.eclipse,
                  discs);
  }
  for (int k = 0; k < band_count; ++k)
    out[k] += binary.flux_scale * third_star_flux(third_light[k], discs[k] / kSedPhaseCount);
  return Status::kOk;
}

Status render_sed(const System& system, const StarBand* primary, const StarBand* secondary, int band_count,
                  const Resolution& resolution, const Effects& effects, double* out, const double* third_light) {
  if (!valid_input(primary, secondary, band_count, third_light, resolution)) return Status::kInvalidInput;
  const Bands bands(primary, secondary, band_count);
  Workspace& space = workspace();
  const Status status = make_shapes(system, effects, resolution, space);
  if (status != Status::kOk) return status;
  double memory[kSedParts * kMaxBands];
  sed_on_host(space.curve.binary, bands.get(), band_count, third_light, resolution, gauss_table(), space.group, memory,
              out);
  return Status::kOk;
}

}  // namespace penumbra
