#include "sim/observation.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace penumbra {
namespace {

TEST(Observation, OnlyWhatIsLeftOutIsMissing) {
  for (int left_out = 0; left_out < static_cast<int>(Modality::kModalityCount); ++left_out) {
    Observation observation;
    observation.period_day = 2.0;
    observation.light_curves[0] = {.phase = {0.1}, .flux = {1.0}, .sigma = {0.01}};
    observation.sed_flux_jy[3] = observation.sed_sigma_jy[3] = 1.0;
    observation.parallax_mas = observation.parallax_sigma_mas = 1.0;
    const auto modality = static_cast<Modality>(left_out);
    leave_out({modality}, observation);
    const auto missing = [](double value) { return std::isnan(value); };
    EXPECT_EQ(observation.light_curves[0].empty(), modality == Modality::kLightCurves);
    EXPECT_EQ(std::ranges::all_of(observation.sed_flux_jy, missing), modality == Modality::kPhotometry);
    EXPECT_EQ(std::ranges::all_of(observation.sed_sigma_jy, missing), modality == Modality::kPhotometry);
    EXPECT_EQ(observation.has_parallax(), modality != Modality::kParallax);
    EXPECT_EQ(missing(observation.parallax_sigma_mas), modality == Modality::kParallax);
    EXPECT_EQ(missing(observation.period_day), modality == Modality::kPeriod);
  }
}

}  // namespace
}  // namespace penumbra
