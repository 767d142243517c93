#include <algorithm>

#include "kernels/likelihood_body.h"

namespace penumbra {

ExpandWork expand_work(const SimulatorView& simulator, const Observed& data) {
  ExpandWork work{};
  work.atmosphere = simulator.atmosphere;
  work.extinction = simulator.extinction;
  work.albedo = simulator.options.albedo;
  const ObservedView view = data.view();
  for (int k = 0; k < view.curve_count; ++k) {
    const int channel = view.curve[k].channel;
    work.curve_passband[k] = kChannels[static_cast<std::size_t>(channel)].passband;
    work.exposure_day[k] = data.data().light_curves[static_cast<std::size_t>(channel)].exposure_day;
  }
  work.curves = rendered_curves(view);
  work.period_day = data.data().period_day;
  return work;
}

std::vector<int> repeated_starts(const Observed& data, std::size_t systems) {
  const ObservedView view = data.view();
  std::vector<int> start{0};
  for (std::size_t i = 0; i < systems; ++i) {
    for (int k = 0; k < rendered_curves(view); ++k) start.push_back(start.back() + view.curve[k].count);
  }
  return start;
}

}  // namespace penumbra
