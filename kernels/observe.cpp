#include "kernels/observe.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "kernels/observe_check.h"

namespace penumbra {

void check_periods(std::span<const Apparent> apparent, std::span<const double> period_day) {
  if (apparent.size() != period_day.size())
    throw std::invalid_argument("schedule: apparent and period_day are not [B]");
  for (std::size_t i = 0; i < period_day.size(); ++i) {
    if (period_day[i] > 0.0 && std::isfinite(period_day[i])) continue;
    throw std::invalid_argument("schedule: period_day[" + std::to_string(i) + "] = " + std::to_string(period_day[i]) +
                                "; it must be positive and finite");
  }
}

void check_sizes(const ObserveInput& in, const ObserveOutput& out) {
  const auto require = [](bool met, const char* what) {
    if (!met) throw std::invalid_argument(std::string("observe: ") + what);
  };
  const std::size_t systems = in.apparent.size();
  require(in.distance_pc.size() == systems, "distance_pc is not [B]");
  require(in.sed_jy.size() == systems * kSedBandCount, "sed_jy is not [B][kSedBandCount]");
  require(in.epoch_start.size() == systems * kChannelCount + 1, "epoch_start is not [B * kChannelCount + 1]");
  require(in.epoch_start.front() == 0 && std::is_sorted(in.epoch_start.begin(), in.epoch_start.end()),
          "epoch_start does not ascend from 0");
  for (std::size_t i = 1; i < in.epoch_start.size(); ++i)
    require(in.epoch_start[i] - in.epoch_start[i - 1] <= kMaxEpochs, "a light curve has more than kMaxEpochs epochs");
  require(static_cast<std::size_t>(in.epoch_start.back()) == in.sigma.size(),
          "epoch_start does not end at sigma's size");
  require(out.flux.size() == in.sigma.size(), "flux is not as long as sigma");
  require(out.sed_flux_jy.size() == in.sed_jy.size() && out.sed_sigma_jy.size() == in.sed_jy.size(),
          "sed_flux_jy and sed_sigma_jy are not [B][kSedBandCount]");
  require(out.parallax_mas.size() == systems && out.parallax_sigma_mas.size() == systems,
          "parallax_mas and parallax_sigma_mas are not [B]");
  require(out.status.size() == systems, "status is not [B]");
}

}  // namespace penumbra
