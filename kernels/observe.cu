#include <string>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/device_tables.h"
#include "kernels/enqueue.h"
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

// Four blocks a multiprocessor, not that there would be: left to itself ptxas takes 32 registers for sm_90, and spills.
__global__ void __launch_bounds__(kStartsThreads, 4) starts_kernel(StartsWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  starts_body(block, work);
}

unsigned blocks(int systems) { return static_cast<unsigned>(systems); }

}  // namespace

void enqueue(const ScheduleWork& work, int systems, cudaStream_t stream) {
  launch("schedule", schedule_kernel, {blocks(systems), kObserveThreads, schedule_shared_bytes(work.surveys), stream},
         work);
}
void enqueue(const StartsWork& work, int, cudaStream_t stream) {
  launch("starts", starts_kernel, {1, kStartsThreads, starts_shared_bytes(), stream}, work);
}
void enqueue(const PackWork& work, int systems, cudaStream_t stream) {
  launch("pack", pack_kernel, {blocks(systems), kObserveThreads, 0, stream}, work);
}
void enqueue(const ObserveWork& work, int systems, cudaStream_t stream) {
  launch("observe", observe_kernel, {blocks(systems), kObserveThreads, observe_shared_bytes(), stream}, work);
}

// The bank, and the arrays of the batches.
struct DeviceSurveys::Memory {
  DeviceTables tables;
  SurveyView surveys;

  DeviceBuffer<Apparent> apparent;
  DeviceBuffer<double> period_day, exposure, row_phase, row_sigma, phase;
  DeviceBuffer<double> distance_pc, sed_jy, sigma, flux, sed_flux_jy, sed_sigma_jy, parallax_mas, parallax_sigma_mas;
  DeviceBuffer<int> count, epoch_start;
  DeviceBuffer<Status> status;

  explicit Memory(const SurveyView& from) : surveys(tables.copy(from)) {}
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
  m.exposure.resize(curves);
  m.row_phase.resize(curves * kMaxEpochs);
  m.row_sigma.resize(curves * kMaxEpochs);
  const ScheduleWork work{m.surveys,
                          seed,
                          first,
                          m.apparent.data(),
                          m.period_day.data(),
                          m.count.data(),
                          m.exposure.data(),
                          m.row_phase.data(),
                          m.row_sigma.data()};
  enqueue(work, static_cast<int>(systems), nullptr);
  m.epoch_start.resize(curves + 1);
  const StartsWork starts{static_cast<int>(curves), m.count.data(), m.epoch_start.data()};
  enqueue(starts, static_cast<int>(systems), nullptr);
  out.exposure.resize(curves);
  m.exposure.download(out.exposure);

  out.epoch_start.resize(curves + 1);
  m.epoch_start.download(out.epoch_start);
  const auto epochs = static_cast<std::size_t>(out.epoch_start.back());
  m.phase.resize(epochs);
  m.sigma.resize(epochs);
  const PackWork pack{m.epoch_start.data(), m.row_phase.data(), m.row_sigma.data(), m.phase.data(), m.sigma.data()};
  enqueue(pack, static_cast<int>(systems), nullptr);
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
  enqueue(work, static_cast<int>(systems), nullptr);
  m.flux.download(output.flux);
  m.sed_flux_jy.download(output.sed_flux_jy);
  m.sed_sigma_jy.download(output.sed_sigma_jy);
  m.parallax_mas.download(output.parallax_mas);
  m.parallax_sigma_mas.download(output.parallax_sigma_mas);
  m.status.download(output.status);
}

}  // namespace penumbra
