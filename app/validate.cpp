// penumbra validate: is a trained network calibrated? Ranks, coverage and widths on systems that it has not seen.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <stdexcept>

#include "app/options.h"
#include "app/verbs.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "inference/calibration.h"
#include "nn/device.h"
#include "nn/posterior.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHeldOutSeed = 20'260'000'001;  // plus --seed; a checkpoint trained with that seed is refused
constexpr std::size_t kChunk = 50;                      // systems sampled together

struct Arguments {
  Settings settings;
};

// The samples of system b that the prior accepts.
std::vector<Theta> accepted_samples(const Targets& targets, const Prior& prior, double period_day, const float* z,
                                    std::size_t samples) {
  std::vector<Theta> thetas;
  thetas.reserve(samples);
  for (std::size_t s = 0; s < samples; ++s) {
    Latent latent;
    Theta theta;
    if (targets.restore(prior, z + s * kParameterCount, period_day, latent, theta) == Status::kOk) {
      thetas.push_back(theta);
    }
  }
  return thetas;
}

void run_validate(const Arguments& arguments) {
  const fs::path data = arguments.settings.data_folder();
  const Config config = arguments.settings.read();
  const RunSettings run = read_run_settings(config);
  const fs::path checkpoint = config.text("checkpoint", (data / "checkpoints" / "compact.h5").string());
  const fs::path out = config.text("out", ""), record = config.text("record", ""), against = config.text("against", "");
  const auto systems = static_cast<std::size_t>(config.integer("systems", 1000, {20.0, 1e7}));
  const auto samples = static_cast<std::size_t>(config.integer("samples", 1000, {20.0, 1e6}));
  const std::string dust_map = config.section("prior").text("dust_map", "");
  config.finish();
  const std::optional<CalibrationRecord> recorded =
      against.empty() ? std::nullopt : std::optional(CalibrationRecord::read(against));

  set_torch_threads(run.threads);
  const NeuralPosterior posterior = NeuralPosterior::load(checkpoint, run.device);
  const std::uint64_t seed = kHeldOutSeed + run.seed;
  if (posterior.info().seed == seed) {
    throw UserError(fmt::format("{}: trained with seed {}, from which the held-out systems come; choose another --seed",
                                checkpoint.string(), seed));
  }
  const FeatureLayout layout = posterior.layout();
  const Targets& targets = posterior.targets();
  const SimulationSettings settings =
      recorded_simulation_settings(posterior.info().provenance.simulation, checkpoint, dust_map);
  if (!dust_map.empty() && settings.dust.file.empty()) {
    throw UserError(
        fmt::format("prior.dust_map = {}: {} was trained with the analytic dust", dust_map, checkpoint.string()));
  }
  const LoadedSimulator simulator(data, settings);

  Calibration calibration;
  double accepted = 0.0;
  Progress progress("validation", systems);
  for (std::size_t first = 0; first < systems; first += kChunk) {
    throw_if_interrupted();
    const std::size_t count = std::min(kChunk, systems - first);
    FeatureBatch batch;
    batch.resize(static_cast<int>(count), layout);
    std::vector<Theta> truth(count);
    std::vector<double> period(count), log_jacobian(count);
    parallel_for(count, run.threads, [&](std::size_t b) {
      thread_local Simulation simulation;
      simulator->simulate(seed, first + b, simulation);
      pack_features(simulation.observation, batch.layout, batch.row(static_cast<int>(b)));
      RandomStream free_coordinate(seed, first + b, Stage::kFreeCoordinate);
      targets.pack(simulation.draw, simulation.observation, free_coordinate, &batch.z[b * kParameterCount]);
      log_jacobian[b] = targets.log_jacobian(simulator->prior(), simulation.draw.z, simulation.draw.theta,
                                             simulation.observation.period_day);
      truth[b] = simulation.draw.theta;
      period[b] = simulation.observation.period_day;
    });
    std::vector<float> z, density;
    posterior.sample(batch, static_cast<int>(samples), seed, first, z, density);
    const std::vector<float> log_q = posterior.log_prob(batch);
    for (std::size_t b = 0; b < count; ++b) calibration.add_log_q(log_q[b] + log_jacobian[b]);
    std::vector<std::vector<Theta>> thetas(count);
    parallel_for(count, run.threads, [&](std::size_t b) {
      thetas[b] = accepted_samples(targets, simulator->prior(), period[b], &z[b * samples * kParameterCount], samples);
    });
    for (std::size_t b = 0; b < count; ++b) {
      accepted += static_cast<double>(thetas[b].size()) / static_cast<double>(samples * systems);
      if (!thetas[b].empty()) calibration.add(truth[b], thetas[b]);
    }
    progress.advance(count);
  }
  const bool any = calibration.systems() > 0;
  fmt::print("{}mean held-out ln q(z | x): {:.3f}; samples inside the prior's support: {:.2f}%\n",
             any ? calibration.table() : "", calibration.mean_log_q(), 100.0 * accepted);
  if (!any) throw std::runtime_error("no system had a sample inside the prior's support: nothing to calibrate");
  if (calibration.systems() < systems)
    fmt::print("{} systems had no sample inside the prior's support\n", systems - calibration.systems());
  const std::vector<std::string> provenance{
      "created by penumbra " + program_version() + ", commit " + program_commit() + ", " + utc_now(),
      "checkpoint " + checkpoint.filename().string() + ", sha256 " + sha256_of_file(checkpoint),
      fmt::format("{} systems of seed {}, {} samples each, device {}", systems, seed, samples,
                  describe_device(posterior.device())),
      fmt::format("mean held-out ln q(z | x) {:.4f}, accepted {:.4f}", calibration.mean_log_q(), accepted)};
  if (!out.empty()) {
    calibration.write_csv(out, provenance);
    fmt::print("{}\n", out.string());
  }
  if (!record.empty()) {
    CalibrationRecord::write(record, calibration, provenance);
    fmt::print("{}\n", record.string());
  }
  if (!recorded) return;
  const std::vector<std::string> departures = recorded->departures(calibration);
  if (!departures.empty()) {
    throw std::runtime_error(
        fmt::format("the calibration is no longer that of {}:\n  {}", against.string(), fmt::join(departures, "\n  ")));
  }
  fmt::print("every statistic lies within its band about {}\n", against.string());
}

}  // namespace

void add_validate(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("validate", "calibration of a trained network on held-out simulations");
  const auto arguments = std::make_shared<Arguments>();
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--checkpoint", "checkpoint", "trained network [<data>/checkpoints/compact.h5]",
                               true);
  arguments->settings.shortcut(*verb, "--dust-map", "prior.dust_map",
                               "where the checkpoint's dust map is now, if it has one and was moved", true);
  arguments->settings.shortcut(*verb, "--systems", "systems", "held-out systems [1000]", false);
  arguments->settings.shortcut(*verb, "--samples", "samples", "posterior samples of each [1000]", false);
  arguments->settings.shortcut(*verb, "--out", "out", "CSV file for the table; empty: printed only", true);
  arguments->settings.shortcut(*verb, "--record", "record", "CSV file that later runs are compared with", true);
  arguments->settings.shortcut(*verb, "--against", "against",
                               "such a file: exit code 1 if coverage, ranks or ln q have left its bands", true);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, checkpoint, prior.dust_map, systems, samples, out, record,\n"
      "against.\n"
      "The table: p of a Kolmogorov-Smirnov test of the ranks against uniform, coverage of the central 50, 68, 90 and "
      "95%\n"
      "intervals, median widths, error. The held-out systems come from the checkpoint's own prior and simulator.");
  verb->callback([arguments] { run_validate(*arguments); });
}

}  // namespace penumbra
