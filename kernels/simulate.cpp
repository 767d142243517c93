#include "kernels/simulate.h"

#include <algorithm>
#include <stdexcept>

#include "kernels/simulate_check.h"
#include "sim/phase_curve.h"

namespace penumbra {

void check_sizes(const SimulateInput& in, const SimulateOutput& out) {
  const auto require = [](bool met, const char* what) {
    if (!met) throw std::invalid_argument(std::string("simulate_on_device: ") + what);
  };
  const std::size_t systems = in.systems.size();
  require(in.curve_band_count >= 1 && in.curve_band_count <= kMaxBands, "curve_band_count is outside 1 .. kMaxBands");
  require(in.sed_band_count >= 0 && in.sed_band_count <= kMaxBands, "sed_band_count is outside 0 .. kMaxBands");
  const std::size_t curves = systems * static_cast<std::size_t>(in.curve_band_count);
  const std::size_t seds = systems * static_cast<std::size_t>(in.sed_band_count);
  require(in.curve_bands.size() == 2 * curves, "curve_bands is not [B][2][K]");
  require(in.sed_bands.size() == 2 * seds, "sed_bands is not [B][2][S]");
  require(in.exposure.size() == curves, "exposure is not [B][K]");
  require(in.epoch_start.size() == curves + 1, "epoch_start is not [B * K + 1]");
  require(in.epoch_start.front() == 0 && std::is_sorted(in.epoch_start.begin(), in.epoch_start.end()),
          "epoch_start does not ascend from 0");
  require(static_cast<std::size_t>(in.epoch_start.back()) == in.phase.size(),
          "epoch_start does not end at phase's size");
  require(out.flux.size() == in.phase.size(), "flux is not as long as phase");
  require(out.sed.size() == seds, "sed is not [B][S]");
  require(out.status.size() == systems, "status is not [B]");
  require(in.curve_third_light.empty() || in.curve_third_light.size() == curves, "curve_third_light is not [B][K]");
  require(in.sed_third_light.empty() || in.sed_third_light.size() == seds, "sed_third_light is not [B][S]");
  require(valid_request(in.curve_band_count, in.resolution), "resolution is outside its bounds");
  require(!in.resolution.heat_maps, "resolution.heat_maps: only the host makes them");
}

}  // namespace penumbra
