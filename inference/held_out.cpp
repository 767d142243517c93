#include "inference/held_out.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "inference/likelihood.h"
#include "nn/device.h"

namespace penumbra {
namespace {

constexpr std::uint64_t kHeldOutSeed = 20'260'000'001;  // plus the run's seed
constexpr std::size_t kChunk = 50;                      // systems sampled together

NeuralPosterior load_posterior(const HeldOutSettings& settings) {
  set_torch_threads(settings.run.threads);
  return NeuralPosterior::load(settings.checkpoint, settings.run.device);
}

SimulationSettings own_simulator(const NeuralPosterior& posterior, const HeldOutSettings& settings) {
  const std::string checkpoint = settings.checkpoint.string();
  const std::uint64_t seed = kHeldOutSeed + settings.run.seed;
  if (posterior.info().seed == seed) {
    throw UserError(fmt::format("{}: trained with seed {}, from which the held-out systems come; choose another seed",
                                checkpoint, seed));
  }
  posterior.layout();  // refuses other kinds of networks before their settings are read
  SimulationSettings own =
      recorded_simulation_settings(posterior.info().provenance.simulation, checkpoint, settings.dust_map);
  if (!settings.dust_map.empty() && own.dust.file.empty()) {
    throw UserError(
        fmt::format("prior.dust_map = {}: {} was trained with the analytic dust", settings.dust_map, checkpoint));
  }
  return own;
}

}  // namespace

HeldOutSettings read_held_out_settings(const Config& config, const std::filesystem::path& data) {
  const std::filesystem::path checkpoint = config.text("checkpoint", "");
  return {data,
          checkpoint.empty() ? data / "checkpoints" / "compact.h5" : checkpoint,
          config.section("prior").text("dust_map", ""),
          read_run_settings(config),
          static_cast<std::size_t>(config.integer("systems", 1000, {20.0, 1e7})),
          static_cast<std::size_t>(config.integer("samples", 1000, {20.0, 1e6}))};
}

PosteriorSamples accepted_samples(const Targets& targets, const Prior& prior, double period_day, const float* target,
                                  const float* log_q, std::size_t count) {
  PosteriorSamples samples;
  for (std::size_t s = 0; s < count; ++s) {
    Latent latent;
    Theta theta;
    if (targets.restore(prior, target + s * kParameterCount, period_day, latent, theta) != Status::kOk) continue;
    samples.theta.push_back(theta);
    samples.z.push_back(latent);
    samples.log_q.push_back(log_q[s] + targets.log_jacobian(prior, latent, theta, period_day));
    samples.log_prior.push_back(log_unit_normal(latent));
  }
  return samples;
}

HeldOut::HeldOut(HeldOutSettings settings)
    : settings_(std::move(settings)),
      posterior_(load_posterior(settings_)),
      simulator_(settings_.data, own_simulator(posterior_, settings_)) {}

std::uint64_t HeldOut::seed() const { return kHeldOutSeed + settings_.run.seed; }

std::vector<std::pair<std::string, std::string>> HeldOut::provenance() const {
  return {{"checkpoint", settings_.checkpoint.filename().string()},
          {"checkpoint_sha256", sha256_of_file(settings_.checkpoint)},
          {"held_out_seed", fmt::format("{}", seed())},
          {"device", describe_device(posterior_.device())}};
}

void HeldOut::visit(const Visit& visit, const Edit& edit) const {
  const std::size_t samples = settings_.samples;
  const FeatureLayout layout = posterior_.layout();
  const Targets& targets = posterior_.targets();
  const Prior& prior = simulator_->prior();
  Progress progress("held-out systems", settings_.systems);
  for (std::size_t first = 0; first < settings_.systems; first += kChunk) {
    throw_if_interrupted();
    const std::size_t count = std::min(kChunk, settings_.systems - first);
    FeatureBatch batch;
    batch.resize(static_cast<int>(count), layout);
    std::vector<Simulation> simulations(count);
    parallel_for(count, settings_.run.threads, [&](std::size_t b) {
      Simulation& simulation = simulations[b];
      simulator_->simulate(seed(), first + b, simulation);
      if (edit) edit(first + b, simulation.observation);
      leave_out(posterior_.dropped(), simulation.observation);
      pack_features(simulation.observation, layout, batch.row(static_cast<int>(b)));
      RandomStream free_coordinate(seed(), first + b, Stage::kFreeCoordinate);
      targets.pack(simulation.draw, simulation.observation, free_coordinate, &batch.z[b * kParameterCount]);
    });
    std::vector<float> z, log_q;
    posterior_.sample(batch, static_cast<int>(samples), seed(), first, z, log_q);
    const std::vector<float> log_q_of_truth = posterior_.log_prob(batch);
    std::vector<PosteriorSamples> accepted(count);
    parallel_for(count, settings_.run.threads, [&](std::size_t b) {
      accepted[b] = accepted_samples(targets, prior, simulations[b].observation.period_day,
                                     &z[b * samples * kParameterCount], &log_q[b * samples], samples);
    });
    for (std::size_t b = 0; b < count; ++b) {
      const PriorDraw& draw = simulations[b].draw;
      const double period_day = simulations[b].observation.period_day;
      Latent truth;
      Theta unused;  // where rounding puts the truth outside its support, the draw as it was
      if (targets.restore(prior, &batch.z[b * kParameterCount], period_day, truth, unused) != Status::kOk)
        truth = draw.z;
      const double density = log_q_of_truth[b] + targets.log_jacobian(prior, draw.z, draw.theta, period_day);
      visit({first + b, simulations[b], truth, density, std::move(accepted[b]),
             std::span(z).subspan(b * samples * kParameterCount, samples * kParameterCount)});
    }
    progress.advance(count);
  }
}

}  // namespace penumbra
