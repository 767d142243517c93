// From draws of the prior to the arrays that a network trains on: the kernels in their order, and what they hand on,
// for any memory and any way to launch them. What it makes is what Simulator::simulate, nn/features.h and nn/targets.h
// make on the host.
#pragma once

#include <cstdint>

#include "kernels/features_body.h"
#include "kernels/observe_body.h"
#include "kernels/simulate.h"
#include "kernels/simulate_body.h"
#include "kernels/system_body.h"

namespace penumbra {

// What B systems are between the kernels. Array<T>: resize(), data(). A system takes 490 kB of it.
template <template <class> class Array>
struct ChainMemory {
  Array<PriorDraw> draws;
  Array<System> systems;
  Array<StarBand> curve_bands;
  Array<Apparent> apparent;
  Array<double> period_day, distance_pc, sed_jy, exposure, row_phase, row_sigma, phase, sigma, flux;
  Array<double> sed_flux_jy, sed_sigma_jy, parallax_mas, parallax_sigma_mas;
  Array<int> count, epoch_start, attempt;
  Array<Status> system_status, curve_status, noise_status, status;

  void resize(std::size_t batch) {
    const std::size_t curves = batch * kChannelCount, epochs = curves * kMaxEpochs, bands = batch * kSedBandCount;
    draws.resize(batch);
    systems.resize(batch);
    curve_bands.resize(2 * curves);
    apparent.resize(batch);
    for (auto* array : {&period_day, &distance_pc, &parallax_mas, &parallax_sigma_mas}) array->resize(batch);
    for (auto* array : {&sed_jy, &sed_flux_jy, &sed_sigma_jy}) array->resize(bands);
    for (auto* array : {&row_phase, &row_sigma, &phase, &sigma, &flux}) array->resize(epochs);
    exposure.resize(curves);
    count.resize(curves);
    attempt.resize(batch);
    epoch_start.resize(curves + 1);
    for (auto* array : {&system_status, &curve_status, &noise_status, &status}) array->resize(batch);
  }
};

// Systems first .. first + batch - 1 of the stream `seed`, into `row` and `targets`, each by its draw number m.attempt,
// at first 0. launch(work, batch) runs the kernel whose work it is, after those before it. Where m.status is then not
// kOk (none of 3,400 draws of the shipped priors), m.attempt is the next: run the chain again, unless it is
// kMaxAttempts or more.
template <template <class> class Array, class Launch>
void run_chain(const SimulatorView& simulator, const GaussTable* gauss, const FeatureRecipe& recipe, std::uint64_t seed,
               std::uint64_t first, int batch, const FeatureRow& row, float* targets, ChainMemory<Array>& m,
               Launch&& launch) {
  launch(SystemWork{.simulator = simulator,
                    .gauss = gauss,
                    .seed = seed,
                    .first = first,
                    .draws = m.draws.data(),
                    .systems = m.systems.data(),
                    .curve_bands = m.curve_bands.data(),
                    .period_day = m.period_day.data(),
                    .distance_pc = m.distance_pc.data(),
                    .sed_jy = m.sed_jy.data(),
                    .apparent = m.apparent.data(),
                    .status = m.system_status.data(),
                    .attempt = m.attempt.data()},
         batch);
  launch(ScheduleWork{.surveys = simulator.surveys,
                      .seed = seed,
                      .first = first,
                      .apparent = m.apparent.data(),
                      .period_day = m.period_day.data(),
                      .count = m.count.data(),
                      .exposure = m.exposure.data(),
                      .phase = m.row_phase.data(),
                      .sigma = m.row_sigma.data()},
         batch);
  launch(StartsWork{.curve_count = batch * kChannelCount, .count = m.count.data(), .epoch_start = m.epoch_start.data()},
         batch);
  launch(PackWork{.epoch_start = m.epoch_start.data(),
                  .row_phase = m.row_phase.data(),
                  .row_sigma = m.row_sigma.data(),
                  .phase = m.phase.data(),
                  .sigma = m.sigma.data()},
         batch);
  launch(SimulateView{.system_count = batch,
                      .curve_band_count = kChannelCount,
                      .sed_band_count = 0,
                      .systems = m.systems.data(),
                      .curve_bands = m.curve_bands.data(),
                      .sed_bands = nullptr,
                      .epoch_start = m.epoch_start.data(),
                      .phase = m.phase.data(),
                      .exposure = m.exposure.data(),
                      .gauss = gauss,
                      .resolution = simulator.options.resolution,
                      .effects = simulator.options.effects,
                      .curve_third_light = nullptr,
                      .sed_third_light = nullptr,
                      .flux = m.flux.data(),
                      .sed = nullptr,
                      .status = m.curve_status.data()},
         batch);
  launch(ObserveWork{.surveys = simulator.surveys,
                     .seed = seed,
                     .first = first,
                     .apparent = m.apparent.data(),
                     .distance_pc = m.distance_pc.data(),
                     .sed_jy = m.sed_jy.data(),
                     .epoch_start = m.epoch_start.data(),
                     .sigma = m.sigma.data(),
                     .flux = m.flux.data(),
                     .sed_flux_jy = m.sed_flux_jy.data(),
                     .sed_sigma_jy = m.sed_sigma_jy.data(),
                     .parallax_mas = m.parallax_mas.data(),
                     .parallax_sigma_mas = m.parallax_sigma_mas.data(),
                     .status = m.noise_status.data()},
         batch);
  launch(FeatureWork{.recipe = recipe,
                     .seed = seed,
                     .first = first,
                     .draws = m.draws.data(),
                     .epoch_start = m.epoch_start.data(),
                     .phase = m.phase.data(),
                     .flux = m.flux.data(),
                     .sigma = m.sigma.data(),
                     .exposure = m.exposure.data(),
                     .period_day = m.period_day.data(),
                     .sed_flux_jy = m.sed_flux_jy.data(),
                     .sed_sigma_jy = m.sed_sigma_jy.data(),
                     .parallax_mas = m.parallax_mas.data(),
                     .parallax_sigma_mas = m.parallax_sigma_mas.data(),
                     .stage = {m.system_status.data(), m.curve_status.data(), m.noise_status.data()},
                     .row = row,
                     .targets = targets,
                     .status = m.status.data(),
                     .attempt = m.attempt.data()},
         batch);
}

}  // namespace penumbra
