#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/launch.h"
#include "kernels/observe.h"
#include "kernels/observe_body.h"
#include "kernels/observe_check.h"

namespace penumbra {
namespace {

__global__ void __launch_bounds__(kObserveThreads) schedule_kernel(const __grid_constant__ ScheduleWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  schedule_body(block, work, static_cast<int>(blockIdx.x));
}

__global__ void __launch_bounds__(kObserveThreads) pack_kernel(const __grid_constant__ PackWork work) {
  DeviceBlock block(nullptr);
  pack_body(block, work, static_cast<int>(blockIdx.x));
}

__global__ void __launch_bounds__(kObserveThreads) observe_kernel(const __grid_constant__ ObserveWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  observe_body(block, work, static_cast<int>(blockIdx.x));
}

}  // namespace

// The arrays behind a SurveyView with the view of the copies, and those of the batches.
struct DeviceSurveys::Memory {
  std::vector<DeviceBuffer<double>> tables;
  DeviceBuffer<ErrorTableView> parallax;
  SurveyView surveys;

  DeviceBuffer<Apparent> apparent;
  DeviceBuffer<double> period_day, exposure_day, row_phase, row_sigma, phase;
  DeviceBuffer<double> distance_pc, sed_jy, sigma, flux, sed_flux_jy, sed_sigma_jy, parallax_mas, parallax_sigma_mas;
  DeviceBuffer<int> count, epoch_start;
  DeviceBuffer<Status> status;

  const double* copy(const double* values, int number) {
    return tables.emplace_back(std::span(values, static_cast<std::size_t>(number))).data();
  }
  ErrorTableView copy(ErrorTableView table) {
    table.magnitude = copy(table.magnitude, table.magnitude_count);
    table.value = copy(table.value, table.magnitude_count * table.quantile_count);
    return table;
  }

  explicit Memory(const SurveyView& from) : surveys(from) {
    for (GroundView& survey : surveys.ground) {
      const int entries = survey.entry_count;
      for (const double** values : {&survey.magnitude, &survey.points, &survey.usual_size, &survey.usual_step})
        *values = copy(*values, entries);
      survey.night = copy(survey.night, entries * kNightNodes);
      survey.hour = copy(survey.hour, entries * kHourNodes);
      survey.night_size = copy(survey.night_size, entries * kSizeNodes);
      survey.log_gap = copy(survey.log_gap, entries * kGapNodes);
      survey.log_error = copy(survey.log_error, entries * kErrorNodes);
      survey.scatter_rest = copy(survey.scatter_rest, kTableNodes);
    }
    SpaceView& tess = surveys.tess;
    for (const double** values : {&tess.log_excess, &tess.log_scatter, &tess.coverage})
      *values = copy(*values, tess.sector_count);
    for (SedView& band : surveys.sed) {
      if (band.log_error.quantile_count > 0) band.log_error = copy(band.log_error);
    }
    ParallaxView& view = surveys.parallax;
    view.colour_edge = copy(view.colour_edge, view.colour_count - 1);
    std::vector<ErrorTableView> copies;
    for (int c = 0; c < view.colour_count; ++c) copies.push_back(copy(view.log_excess[c]));
    parallax.upload(copies);
    view.log_excess = parallax.data();
  }
};

DeviceSurveys::DeviceSurveys(const SurveyView& surveys) {
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  memory_ = std::make_unique<Memory>(surveys);
}
DeviceSurveys::~DeviceSurveys() = default;

void DeviceSurveys::schedule(std::uint64_t seed, std::uint64_t first, std::span<const Apparent> apparent,
                             std::span<const double> period_day, Schedules& out) {
  check_periods(apparent, period_day);
  Memory& m = *memory_;
  const std::size_t systems = apparent.size(), curves = systems * kChannelCount;
  m.apparent.upload(apparent);
  m.period_day.upload(period_day);
  m.count.resize(curves);
  m.exposure_day.resize(curves);
  m.row_phase.resize(curves * kMaxEpochs);
  m.row_sigma.resize(curves * kMaxEpochs);
  const ScheduleWork work{m.surveys,
                          seed,
                          first,
                          m.apparent.data(),
                          m.period_day.data(),
                          m.count.data(),
                          m.exposure_day.data(),
                          m.row_phase.data(),
                          m.row_sigma.data()};
  launch("schedule", schedule_kernel,
         {static_cast<unsigned>(systems), kObserveThreads, schedule_shared_bytes(m.surveys)}, work);
  std::vector<int> count(curves);
  m.count.download(count);
  out.exposure_day.resize(curves);
  m.exposure_day.download(out.exposure_day);

  out.epoch_start = starts_of(count);
  const auto epochs = static_cast<std::size_t>(out.epoch_start.back());
  m.epoch_start.upload(out.epoch_start);
  m.phase.resize(epochs);
  m.sigma.resize(epochs);
  const PackWork pack{m.epoch_start.data(), m.row_phase.data(), m.row_sigma.data(), m.phase.data(), m.sigma.data()};
  launch("pack", pack_kernel, {static_cast<unsigned>(systems), kObserveThreads}, pack);
  out.phase.resize(epochs);
  out.sigma.resize(epochs);
  m.phase.download(out.phase);
  m.sigma.download(out.sigma);
}

void DeviceSurveys::observe(std::uint64_t seed, std::uint64_t first, const ObserveInput& input,
                            const ObserveOutput& output) {
  check_sizes(input, output);
  Memory& m = *memory_;
  const std::size_t systems = input.apparent.size();
  m.apparent.upload(input.apparent);
  m.distance_pc.upload(input.distance_pc);
  m.sed_jy.upload(input.sed_jy);
  m.epoch_start.upload(input.epoch_start);
  m.sigma.upload(input.sigma);
  m.flux.upload(output.flux);
  m.sed_flux_jy.resize(input.sed_jy.size());
  m.sed_sigma_jy.resize(input.sed_jy.size());
  m.parallax_mas.resize(systems);
  m.parallax_sigma_mas.resize(systems);
  m.status.resize(systems);
  const ObserveWork work{m.surveys,
                         seed,
                         first,
                         m.apparent.data(),
                         m.distance_pc.data(),
                         m.sed_jy.data(),
                         m.epoch_start.data(),
                         m.sigma.data(),
                         m.flux.data(),
                         m.sed_flux_jy.data(),
                         m.sed_sigma_jy.data(),
                         m.parallax_mas.data(),
                         m.parallax_sigma_mas.data(),
                         m.status.data()};
  launch("observe", observe_kernel, {static_cast<unsigned>(systems), kObserveThreads, observe_shared_bytes()}, work);
  m.flux.download(output.flux);
  m.sed_flux_jy.download(output.sed_flux_jy);
  m.sed_sigma_jy.download(output.sed_sigma_jy);
  m.parallax_mas.download(output.parallax_mas);
  m.parallax_sigma_mas.download(output.parallax_sigma_mas);
  m.status.download(output.status);
}

}  // namespace penumbra
