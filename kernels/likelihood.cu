#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/device.h"
#include "kernels/device_buffer.h"
#include "kernels/device_tables.h"
#include "kernels/enqueue.h"
#include "kernels/launch.h"
#include "kernels/likelihood.h"
#include "kernels/likelihood_body.h"
#include "kernels/simulate_body.h"

namespace penumbra {
namespace {

constexpr std::size_t kMostTogether = 4096;  // systems; of 20,000 epochs they take 1.3 GB

__global__ void __launch_bounds__(kExpandThreads) expand_kernel(const __grid_constant__ ExpandWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  expand_body(block, work, static_cast<int>(blockIdx.x));
}

__global__ void __launch_bounds__(kJudgeThreads) judge_kernel(const __grid_constant__ JudgeWork work) {
  extern __shared__ __align__(16) unsigned char region[];
  DeviceBlock block(region);
  judge_body(block, work, static_cast<int>(blockIdx.x));
}

}  // namespace

struct DeviceLikelihood::Memory {
  const Observed data;
  DeviceTables tables;
  ExpandWork expand;
  SimulateView render{};
  JudgeWork judge{};

  std::size_t room = 0;  // systems that what follows has memory for
  DeviceBuffer<double> theta, exposure, phase, flux, sed, log_likelihood;
  DeviceBuffer<int> epoch_start;
  DeviceBuffer<System> systems;
  DeviceBuffer<StarBand> curve_bands, sed_bands;
  DeviceBuffer<Status> status;

  Memory(const SimulatorView& from, const Observed& observed) : data(observed) {
    SimulatorView simulator = from;
    simulator.atmosphere = tables.copy(from.atmosphere);
    simulator.extinction = tables.copy(from.extinction);
    expand = expand_work(simulator, data);
    render.curve_band_count = expand.curves;
    render.sed_band_count = kPassbandCount;
    render.gauss = tables.copy(&gauss_table(), 1);
    render.resolution = from.options.resolution;
    render.effects = from.options.effects;
    judge.data = data.view();
    judge.data.flux = tables.copy(judge.data.flux, std::ssize(data.flux()));
    judge.data.sigma = tables.copy(judge.data.sigma, std::ssize(data.sigma()));
    judge.surveys = tables.copy(&from.surveys, 1);
    judge.zero_point_jy = tables.copy(from.zero_point_jy, kPassbandCount);
    judge.epochs = static_cast<int>(data.phase().size());
  }

  void make_room(std::size_t count) {
    if (count <= room) return;
    room = count;
    const std::size_t epochs = data.phase().size(), curves = count * static_cast<std::size_t>(expand.curves);
    std::vector<double> repeated;
    for (std::size_t i = 0; i < count; ++i) repeated.insert(repeated.end(), data.phase().begin(), data.phase().end());
    phase.upload(repeated);
    epoch_start.upload(repeated_starts(data, count));
    theta.resize(count * kParameterCount);
    systems.resize(count);
    curve_bands.resize(2 * curves);
    sed_bands.resize(count * 2 * kPassbandCount);
    exposure.resize(curves);
    flux.resize(count * epochs);
    sed.resize(count * kPassbandCount);
    status.resize(count);
    log_likelihood.resize(count);
    PENUMBRA_CHECK_CUDA(cudaDeviceSynchronize());  // `repeated` goes

    expand.theta = theta.data();
    render.systems = expand.systems = systems.data();
    render.curve_bands = expand.curve_bands = curve_bands.data();
    render.sed_bands = expand.sed_bands = sed_bands.data();
    render.exposure = expand.exposure = exposure.data();
    render.epoch_start = epoch_start.data();
    render.phase = phase.data();
    judge.model = render.flux = flux.data();
    judge.sed_jy = render.sed = sed.data();
    judge.status = render.status = status.data();
    judge.systems = systems.data();
    judge.log_likelihood = log_likelihood.data();
  }
};

DeviceLikelihood::DeviceLikelihood(const SimulatorView& simulator, const Observed& data) {
  std::string why;
  if (!cuda_device_available(&why)) throw EnvironmentError("no CUDA device: " + why);
  memory_ = std::make_unique<Memory>(simulator, data);
}

DeviceLikelihood::~DeviceLikelihood() = default;

void DeviceLikelihood::evaluate(std::span<const Theta> theta, std::span<double> out) {
  if (theta.size() != out.size()) throw std::invalid_argument("DeviceLikelihood: as many results as parameters");
  Memory& m = *memory_;
  for (std::size_t first = 0; first < theta.size(); first += kMostTogether) {
    const std::size_t count = std::min(kMostTogether, theta.size() - first);
    m.make_room(count);
    m.theta.upload(std::span(theta[first].data(), count * kParameterCount));
    m.render.system_count = static_cast<int>(count);
    const auto blocks = static_cast<unsigned>(count);
    launch("expand", expand_kernel, {blocks, kExpandThreads, expand_shared_bytes()}, m.expand);
    enqueue(m.render, m.render.system_count, nullptr);
    launch("judge", judge_kernel, {blocks, kJudgeThreads, judge_shared_bytes()}, m.judge);
    m.log_likelihood.download(out.subspan(first, count));
  }
}

}  // namespace penumbra
