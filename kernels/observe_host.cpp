// Built where there is no nvcc.
#include "base/error.h"
#include "kernels/observe.h"

namespace penumbra {

struct DeviceSurveys::Memory {};

DeviceSurveys::DeviceSurveys(const SurveyView&) {
  throw EnvironmentError("no CUDA device: this program was built without CUDA");
}
DeviceSurveys::~DeviceSurveys() = default;
void DeviceSurveys::schedule(std::uint64_t, std::uint64_t, std::span<const Apparent>, std::span<const double>,
                             Schedules&) {}
void DeviceSurveys::observe(std::uint64_t, std::uint64_t, const ObserveInput&, const ObserveOutput&) {}

}  // namespace penumbra
