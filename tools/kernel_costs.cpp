// What one system costs a kernel, for tools/kernel_report.py.
//
//   kernel_costs                        each piece of work on a line: name, kernel, bits of its numbers, bytes that one
//                                       system (of flow-sample: one sample) reads from and writes to the device's
//                                       memory, threads/dynamic shared memory of a block on an A100 and on an H100
//   kernel_costs WORK SYSTEMS DATA      runs the kernel's body on the host for that many draws of the prior, samples or
//                                       stars, in a function that callgrind finds by its name, `measured`
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/extinction.h"
#include "kernels/extinction_body.h"
#include "kernels/flow_sample.h"
#include "kernels/flow_sample_body.h"
#include "kernels/host_chain.h"
#include "kernels/likelihood_body.h"
#include "kernels/observe_body.h"
#include "kernels/observe_check.h"
#include "kernels/prior_body.h"
#include "kernels/simulate_body.h"
#include "kernels/spectrum_body.h"
#include "sim/prior.h"
#include "sim/simulate.h"
#include "sim/survey.h"

using namespace penumbra;

// Everything inside is counted, nothing outside.
extern "C" __attribute__((noinline)) void measured(const std::function<void()>& body) { body(); }

namespace {

// Four light curves of 500 epochs and the SED.
constexpr int kCurveBands = 4, kEpochs = 500;
constexpr int kSedBands = kSedBandCount;

void run_simulate(const AtmosphereView& atmosphere, const System& system) {
  constexpr Passband kCurves[kCurveBands] = {kJohnsonV, kSdssG, kZtfG, kZtfR};
  std::vector<Passband> sed_passbands;
  for (int k = 0; k < kSedBands; ++k) sed_passbands.push_back(static_cast<Passband>(k));
  std::vector<StarBand> curve_bands(2 * kCurveBands), sed_bands(2 * kSedBands);
  for (int star = 0; star < 2; ++star) {
    const Star& s = system.star[star];
    if (expand_star(atmosphere, s, system.feh, kCurves, kCurveBands, &curve_bands[star * kCurveBands]) != Status::kOk ||
        expand_star(atmosphere, s, system.feh, sed_passbands.data(), kSedBands, &sed_bands[star * kSedBands]) !=
            Status::kOk)
      throw std::runtime_error("a draw of the prior outside the atmospheres");
  }
  std::vector<int> epoch_start;
  std::vector<double> phase, flux(kCurveBands * kEpochs), sed(kSedBands), exposure(kCurveBands, 0.0);
  for (int k = 0; k <= kCurveBands; ++k) epoch_start.push_back(k * kEpochs);
  for (int t = 0; t < kCurveBands * kEpochs; ++t) phase.push_back(std::fmod(0.618034 * t, 1.0));
  Status status = Status::kStatusCount;
  SimulateView view{};
  view.system_count = 1;
  view.curve_band_count = kCurveBands;
  view.sed_band_count = kSedBands;
  view.systems = &system;
  view.curve_bands = curve_bands.data();
  view.sed_bands = sed_bands.data();
  view.epoch_start = epoch_start.data();
  view.phase = phase.data();
  view.exposure = exposure.data();
  view.gauss = &gauss_table();
  view.flux = flux.data();
  view.sed = sed.data();
  view.status = &status;
  HostBlock block(1 << 20);
  measured([&] { simulate_body(block, view, 0); });
  if (status != Status::kOk) throw std::runtime_error("a draw of the prior that cannot be rendered");
}

void run_prior(const Prior& prior, int draws) {
  std::vector<PriorDraw> out(static_cast<std::size_t>(draws));
  const PriorWork work{prior.view(), 1, 0, draws, out.data()};
  measured([&] {
    for (long index = 0; index < prior_blocks(draws); ++index) {
      HostBlock block(0);
      prior_body(block, work, index);
    }
  });
}

// Weighted by spectra each of the two stars has its own factors.
int rows_of(bool spectra) { return spectra ? 2 : 1; }

// The arithmetic does not depend on the values.
void run_extinction(const std::vector<Filter>& filters, int systems, bool spectra) {
  const BandRows bands = band_rows(std::span(filters).first(kSedBands), 3.1);
  const std::vector<double> ebv(static_cast<std::size_t>(systems * rows_of(spectra)), 0.3);
  const std::vector<double> exponent(ebv.size() * kSedBands, -1.5);
  std::vector<double> factor(ebv.size() * kSedBands);
  const int rows = static_cast<int>(ebv.size());
  const ExtinctionWork work{rows,
                            kSedBands,
                            bands.start.data(),
                            bands.weight.data(),
                            bands.log_wavelength.data(),
                            bands.curve.data(),
                            ebv.data(),
                            spectra ? exponent.data() : nullptr,
                            factor.data()};
  measured([&] {
    for (int index = 0; index < extinction_blocks(rows, kSedBands); ++index) {
      HostBlock block(extinction_shared_bytes());
      extinction_body(block, work, index);
    }
  });
}

// The paper's flow. The arithmetic does not depend on the weights.
PackedFlow paper_flow() {
  constexpr int kDimensions = 16, kBlocks = 16, kHidden = 128, kComponents = 4;
  std::vector<FlowBlock> blocks(kBlocks);
  for (FlowBlock& block : blocks) {
    block.hidden = kHidden;
    block.outputs = &block == &blocks.back() ? 3 * kComponents : 2;
    const auto zeros = [](int rows, int columns) {
      return std::vector<float>(static_cast<std::size_t>(rows * columns), 0.0f);
    };
    block.in = zeros(kHidden, kDimensions);
    block.middle = zeros(kHidden, kHidden);
    block.out = zeros(kDimensions * block.outputs, kHidden);
    block.in_bias = block.middle_bias = zeros(kHidden, 1);
    block.out_bias = zeros(kDimensions * block.outputs, 1);
    block.order.resize(kDimensions);
    std::iota(block.order.begin(), block.order.end(), 0);
  }
  return pack_flow(kDimensions, 0, 3.0, blocks);
}

void run_flow_sample(int samples) {
  const PackedFlow flow = paper_flow();
  std::vector<float> z(static_cast<std::size_t>(samples * flow.dimensions)), log_q(static_cast<std::size_t>(samples));
  const FlowWork work{flow.view(), flow.context_bias.data(), 1, samples, 1, 0, false, z.data(), log_q.data()};
  HostBlock block(flow_sample_shared_bytes(work.flow, samples));
  measured([&] { flow_sample_body(block, work, samples, 0); });
}

// An emulator of The Payne's size with macroturbulence as an input, and stars at the end of the prior's velocities. The
// arithmetic does not depend on the weights.
struct PayneEmulator {
  static constexpr int kInputs = kEmulatorLabelCount, kHidden = 300;
  std::vector<EmulatorInput> input;
  std::vector<float> weights = std::vector<float>(static_cast<std::size_t>(kHidden) * kPixelCount);
  PayneEmulator() {
    for (int i = 0; i < kInputs; ++i) input.push_back({i, 0.0f, 1.0f});
  }
  EmulatorView view() const {
    const float* const w = weights.data();
    return {kInputs, kHidden, kHidden, input.data(), w, w, w, w, w, w, true};
  }
};
const int kPayneReach = profile_reach(pixel_shift(kLabels[kLabelVelocity].high), 0.0);

void run_spectrum(int stars) {
  const PayneEmulator emulator;
  Labels label{};
  label[kLabelVelocity] = kLabels[kLabelVelocity].high;
  const auto count = static_cast<std::size_t>(stars);
  const std::vector<Labels> labels(count, label);
  const std::vector<unsigned char> computable(count, 1);
  std::vector<float> flux(count * kPixelCount);
  const SpectrumWork work{emulator.view(), stars, kPayneReach, labels.data(), computable.data(), flux.data()};
  measured([&] {
    for (int index = 0; index < spectrum_blocks(stars); ++index) {
      HostBlock block(spectrum_shared_bytes(work.net, work.reach));
      spectrum_body(block, work, index);
    }
  });
}

// Stars of 8 to 20 mag at 400 pc with a period of 2.3 d, as in bench/survey_bench.cpp, which have as many epochs in the
// mean.
constexpr int kObservedEpochs = 2600;

struct ObservedStars {
  std::vector<Apparent> apparent;
  std::vector<double> period_day, distance_pc, sed_jy, exposure, row_phase, row_sigma, phase, sigma;
  std::vector<int> count, epoch_start;

  explicit ObservedStars(int stars) {
    const auto systems = static_cast<std::size_t>(stars);
    apparent.resize(systems);
    for (std::size_t i = 0; i < systems; ++i) {
      apparent[i].magnitude.fill(8.0 + 12.0 * (static_cast<double>(i) + 0.5) / static_cast<double>(systems));
    }
    period_day.assign(systems, 2.3);
    distance_pc.assign(systems, 400.0);
    sed_jy.assign(systems * kSedBandCount, 0.01);
    count.resize(systems * kChannelCount);
    exposure.resize(count.size());
    row_phase.resize(count.size() * kMaxEpochs);
    row_sigma.resize(row_phase.size());
  }
  template <class Body>
  void for_each(std::size_t shared, Body&& body) const {
    for (int i = 0; i < static_cast<int>(apparent.size()); ++i) {
      HostBlock block(shared);
      body(block, i);
    }
  }
  void schedule(const SurveyView& surveys) {
    const ScheduleWork work{
        surveys,         1, 0, apparent.data(), period_day.data(), count.data(), exposure.data(), row_phase.data(),
        row_sigma.data()};
    for_each(schedule_shared_bytes(surveys), [&](HostBlock& block, int i) { schedule_body(block, work, i); });
    epoch_start.resize(count.size() + 1);
    HostBlock block(starts_shared_bytes());
    starts_body(block, StartsWork{static_cast<int>(count.size()), count.data(), epoch_start.data()});
    phase.resize(static_cast<std::size_t>(epoch_start.back()));
    sigma.resize(phase.size());
  }
  void pack() {
    const PackWork work{epoch_start.data(), row_phase.data(), row_sigma.data(), phase.data(), sigma.data()};
    for_each(0, [&](HostBlock& block, int i) { pack_body(block, work, i); });
  }
  void observe(const SurveyView& surveys) {
    std::vector<double> flux(phase.size(), 1.0), sed_flux(sed_jy.size()), sed_sigma(sed_jy.size());
    std::vector<double> parallax(apparent.size()), parallax_sigma(apparent.size());
    std::vector<Status> status(apparent.size());
    const ObserveWork work{surveys,
                           1,
                           0,
                           apparent.data(),
                           distance_pc.data(),
                           sed_jy.data(),
                           epoch_start.data(),
                           sigma.data(),
                           flux.data(),
                           sed_flux.data(),
                           sed_sigma.data(),
                           parallax.data(),
                           parallax_sigma.data(),
                           status.data()};
    for_each(observe_shared_bytes(), [&](HostBlock& block, int i) { observe_body(block, work, i); });
  }
};

void run_observation(const std::string& work, const SurveyView& surveys, int systems) {
  ObservedStars stars(systems);
  if (work == "schedule") {
    measured([&] { stars.schedule(surveys); });
    return;
  }
  stars.schedule(surveys);
  if (work == "pack") {
    measured([&] { stars.pack(); });
    return;
  }
  stars.pack();
  measured([&] { stars.observe(surveys); });
}

// The training chain for the preset `paper`; the work of one of its kernels is counted.
constexpr FeatureLayout kPaperLayout{.points = 2000, .channels = 4};

template <class Counted>
void run_training(const std::filesystem::path& data_folder, int systems) {
  const Tables tables = Tables::load(data_folder);
  const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
  const auto batch = static_cast<std::size_t>(systems);
  const auto floats = [batch](std::size_t size) { return std::vector<float>(batch * size); };
  std::vector<float> curves = floats(kPaperLayout.curve_size()), sed = floats(FeatureLayout::sed_size()),
                     meta = floats(kPaperLayout.meta_size()), targets = floats(kParameterCount);
  ChainMemory<HostArray> memory;
  memory.resize(batch);
  run_chain(simulator.view(), &gauss_table(), {.layout = kPaperLayout, .targets = {}, .left_out = {}}, 1, 0, systems,
            {curves.data(), nullptr, sed.data(), meta.data()}, targets.data(), memory, [](const auto& work, int count) {
              if constexpr (std::is_same_v<std::decay_t<decltype(work)>, Counted>) {
                measured([&] { HostLaunch{}(work, count); });
              } else {
                HostLaunch{}(work, count);
              }
            });
}

// The likelihood of an observation of four light curves, all bands and the parallax, by parameters drawn from the
// prior.
void run_likelihood(const std::string& work, const std::filesystem::path& data_folder, int systems) {
  const Tables tables = Tables::load(data_folder);
  const Simulator simulator(tables, Prior(named_prior("field"), tables.tracks.view(), tables.dust.view()));
  const SimulatorView view = simulator.view();
  Observation observation;
  for (std::size_t c = 0; c < kCurveBands; ++c) {
    LightCurve& curve = observation.light_curves[c];
    for (int t = 0; t < kEpochs; ++t) curve.phase.push_back(std::fmod(0.618034 * t, 1.0));
    curve.flux.assign(kEpochs, 1.0);
    curve.sigma.assign(kEpochs, 0.01);
  }
  observation.sed_flux_jy.fill(0.01);
  observation.sed_sigma_jy.fill(0.001);
  observation.parallax_mas = 1.0;
  observation.parallax_sigma_mas = 0.1;
  const Observed data(observation);
  Theta theta;
  System system;
  std::vector<StarBand> curve_bands(2 * kCurveBands), sed_bands(2 * kPassbandCount);
  std::vector<double> exposure(kCurveBands), model(kCurveBands * kEpochs), sed(kPassbandCount, 0.01);
  const Status status = Status::kOk;
  double log_likelihood;
  ExpandWork expand = expand_work(view, data);
  expand.theta = theta.data();
  expand.systems = &system;
  expand.curve_bands = curve_bands.data();
  expand.sed_bands = sed_bands.data();
  expand.exposure = exposure.data();
  const JudgeWork judge{data.view(), &view.surveys, view.zero_point_jy,    &status,        &system,
                        sed.data(),  model.data(),  kCurveBands * kEpochs, &log_likelihood};
  for (int i = 0; i < systems; ++i) {
    theta = simulator.prior().draw(1, static_cast<std::uint64_t>(i)).theta;
    system = derive_system(theta);
    for (std::size_t t = 0; t < model.size(); ++t) model[t] = 1.0 + 1e-4 * static_cast<double>(t);
    HostBlock block(1 << 20);
    measured([&] {
      if (work == "expand") {
        expand_body(block, expand, 0);
      } else {
        judge_body(block, judge, 0);
      }
    });
  }
}

void describe() {
  const auto line = [](const char* work, const char* kernel, int bits, std::size_t bytes, const auto& shape) {
    // CUDA C++ Programming Guide: shared memory of a block on compute capability 8.0 and 9.0, and multiprocessors.
    fmt::print("{} {} {} {} {} {}\n", work, kernel, bits, bytes, shape(163 * 1024, 108), shape(227 * 1024, 132));
  };
  const auto fixed = [](int threads, std::size_t shared) {
    return [=](int, int) { return fmt::format("{}/{}", threads, shared); };
  };
  const std::size_t star_bands = 2 * (kCurveBands + kSedBands) * sizeof(StarBand);
  const std::size_t epochs = kCurveBands * kEpochs * 2 * sizeof(double);
  line("simulate", "simulate_kernel", 64, sizeof(System) + star_bands + epochs + kSedBands * sizeof(double),
       fixed(kSimulateThreads, simulate_shared_bytes(Resolution{}, kCurveBands, kSedBands, kSimulateGroups)));
  for (const bool spectra : {false, true}) {
    // The points of the bands, which all tiles read, stay in the cache.
    const int rows = rows_of(spectra);
    const int doubles = rows * (1 + kSedBands * (spectra ? 2 : 1));
    line(spectra ? "extinction-by-spectra" : "extinction", "extinction_kernel", 64,
         static_cast<std::size_t>(doubles) * sizeof(double), fixed(kExtinctionTile, extinction_shared_bytes()));
  }
  // The tables, 6 MB, stay in the cache.
  line("prior", "prior_kernel", 64, sizeof(PriorDraw), fixed(kPriorThreads, 0));
  // So do the weights, which all blocks read.
  const PackedFlow flow = paper_flow();
  line("flow-sample", "flow_sample_kernel", 32, static_cast<std::size_t>(flow.dimensions + 1) * sizeof(float),
       [&](int shared_limit, int multiprocessors) {
         const int tile = flow_tile(flow.view(), 1000, 1000, shared_limit, multiprocessors);
         return fmt::format("{}/{}", tile, flow_sample_shared_bytes(flow.view(), tile));
       });
  line("spectrum", "spectrum_kernel", 32, sizeof(Labels) + kPixelCount * sizeof(float),
       fixed(kSpectrumThreads, spectrum_shared_bytes(PayneEmulator().view(), kPayneReach)));
  // The bank, 1.5 MB, stays in the cache. Its longest entry spans 2,829 nights.
  SurveyView surveys;
  surveys.night_words = 89;
  constexpr std::size_t kRow = kObservedEpochs * sizeof(double);
  constexpr std::size_t kSed = kSedBandCount * sizeof(double);
  line("schedule", "schedule_kernel", 64, sizeof(Apparent) + 2 * kRow,
       fixed(kObserveThreads, schedule_shared_bytes(surveys)));
  line("pack", "pack_kernel", 64, 4 * kRow, fixed(kObserveThreads, 0));
  line("observe", "observe_kernel", 64, sizeof(Apparent) + 3 * kSed + 3 * kRow,
       fixed(kObserveThreads, observe_shared_bytes()));
  line("starts", "starts_kernel", 64, 2 * kChannelCount * sizeof(int), fixed(kStartsThreads, starts_shared_bytes()));
  line("system", "system_kernel", 64,
       sizeof(PriorDraw) + sizeof(System) + 2 * kChannelCount * sizeof(StarBand) + sizeof(Apparent) + kSed,
       fixed(kSystemThreads, system_shared_bytes(kSystemGroups)));
  line("features", "features_kernel", 64,
       sizeof(PriorDraw) + 3 * kRow + 2 * kSed + kPaperLayout.curve_size() * sizeof(float),
       fixed(kFeatureThreads, features_shared_bytes(kPaperLayout)));
  line("expand", "expand_kernel", 64,
       sizeof(Theta) + sizeof(System) + 2 * (kCurveBands + kPassbandCount) * sizeof(StarBand),
       fixed(kExpandThreads, expand_shared_bytes()));
  // The data stay in the cache, and so does the model from one of its readings to the next.
  line("judge", "judge_kernel", 64, sizeof(System) + kPassbandCount * sizeof(double) + epochs,
       fixed(kJudgeThreads, judge_shared_bytes()));
}

}  // namespace

int main(int count, char** arguments) {
  if (count == 1) {
    describe();
    return 0;
  }
  if (count != 4) {
    fmt::print(
        stderr,
        "usage: kernel_costs [simulate|extinction|extinction-by-spectra|prior|flow-sample|spectrum|schedule|pack|"
        "observe|starts|system|features|expand|judge SYSTEMS DATA_FOLDER]\n");
    return 2;
  }
  const std::string work = arguments[1];
  const int systems = std::atoi(arguments[2]);
  const std::filesystem::path data_folder = arguments[3], folder = data_folder / "tables";
  if (work == "flow-sample") {
    run_flow_sample(systems);
  } else if (work == "spectrum") {
    run_spectrum(systems);
  } else if (work == "schedule" || work == "pack" || work == "observe") {
    run_observation(work, Surveys::load(data_folder / "banks" / "surveys.h5").view(), systems);
  } else if (work == "starts") {
    run_training<StartsWork>(data_folder, systems);
  } else if (work == "system") {
    run_training<SystemWork>(data_folder, systems);
  } else if (work == "features") {
    run_training<FeatureWork>(data_folder, systems);
  } else if (work == "expand" || work == "judge") {
    run_likelihood(work, data_folder, systems);
  } else if (work == "simulate" || work == "prior") {
    const TrackGrid tracks = TrackGrid::load(folder / "tracks.h5");
    const DustPrior dust = DustPrior::analytic();
    const Prior prior(named_prior("field"), tracks.view(), dust.view());
    if (work == "prior") {
      run_prior(prior, systems);
      return 0;
    }
    const Atmosphere atmosphere = Atmosphere::load(folder / "atmospheres.h5");
    for (int i = 0; i < systems; ++i)
      run_simulate(atmosphere.view(), derive_system(prior.draw(1, static_cast<std::uint64_t>(i)).theta));
  } else {
    run_extinction(load_filters(folder / "passbands.h5"), systems, work == "extinction-by-spectra");
  }
  return 0;
}
