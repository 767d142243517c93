#include "inference/neural_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/interrupt.h"
#include "base/sha256.h"
#include "inference/likelihood.h"

namespace penumbra {
namespace {

constexpr int kMaxRounds = 20;   // of replacing rejected samples
constexpr int kRoundShift = 48;  // rounds use streams that no object reaches

std::uint64_t stream_of(const std::string& name) {
  return std::stoull(sha256_of_text(name).substr(0, 12), nullptr, 16);
}

void remove_sample(PosteriorSamples& samples, std::size_t s) {
  const auto at = static_cast<std::ptrdiff_t>(s);
  samples.theta.erase(samples.theta.begin() + at);
  samples.z.erase(samples.z.begin() + at);
  samples.log_prior.erase(samples.log_prior.begin() + at);
  for (auto* values : {&samples.log_q, &samples.log_likelihood, &samples.log_density})
    if (!values->empty()) values->erase(values->begin() + at);
  if (!samples.log_ratio.empty()) samples.log_ratio.erase(samples.log_ratio.begin() + at);
}

// Draws the samples again by the ratio of the priors' densities. False where the other prior allows none of them.
bool read_under(const OtherPrior& other, const Prior& network_prior, RandomStream random, PosteriorRecord& record) {
  PosteriorSamples& samples = record.samples;
  const std::vector<double> log_ratio = log_prior_ratios(network_prior, *other.prior, samples.theta);
  const double effective = effective_sample_size(log_ratio);
  if (effective == 0.0) return false;
  PosteriorSamples drawn;
  for (const std::size_t s : resample(log_ratio, random)) {
    drawn.theta.push_back(samples.theta[s]);
    drawn.z.push_back(samples.z[s]);
    drawn.log_prior.push_back(samples.log_prior[s]);
    drawn.log_ratio.push_back(log_ratio[s]);
    if (!samples.log_q.empty()) drawn.log_q.push_back(samples.log_q[s]);
    if (!samples.log_likelihood.empty()) {
      drawn.log_likelihood.push_back(samples.log_likelihood[s]);
      drawn.log_density.push_back(samples.log_density[s]);
    }
  }
  samples = std::move(drawn);
  record.reweighting = {other.network_prior_name, other.name, effective};
  const auto count = static_cast<double>(samples.theta.size());
  if (effective < kFewEffectiveSamples || effective < kFewEffectiveShare * count) {
    record.warnings.push_back(
        fmt::format("read under prior {}: {:.0f} effective samples of {:.0f} are too few to trust the intervals; take "
                    "more --samples, or a network that was trained under that prior",
                    other.name, effective, count));
  }
  return true;
}

// Predictions of the first draws. A sample whose system cannot be rendered has no place in the prior either: it is
// removed.
Predictions predict(const Simulator& simulator, const Observation& observation, PosteriorSamples& samples,
                    std::size_t wanted) {
  Predictions out;
  Observation clean;
  while (out.draws < wanted && out.draws < samples.theta.size()) {
    throw_if_interrupted();
    if (simulator.predict(samples.theta[out.draws], observation, clean) != Status::kOk) {
      remove_sample(samples, out.draws);
      continue;
    }
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      const LightCurve& data = observation.light_curves[c];
      std::vector<double>& flux = clean.light_curves[c].flux;
      if (data.empty()) continue;
      const double scale = fit_scale(data, flux.data()).scale;  // the light curve's level carries no information
      for (double& f : flux) out.flux[c].push_back(f * scale);
    }
    out.sed_jy.insert(out.sed_jy.end(), clean.sed_flux_jy.begin(), clean.sed_flux_jy.end());
    ++out.draws;
  }
  return out;
}

}  // namespace

Inference infer_object(const Simulator& simulator, const NeuralPosterior& posterior, const Object& object,
                       const InferenceOptions& options) {
  const Targets& targets = posterior.targets();
  Observation seen = object.observation;
  leave_out(posterior.dropped(), seen);
  FeatureBatch batch;
  batch.resize(1, posterior.layout());
  pack_features(seen, posterior.layout(), batch.row(0));

  Inference out;
  out.record.object = object;
  PosteriorSamples& samples = out.record.samples;
  const auto wanted = static_cast<std::size_t>(options.samples);
  std::size_t drawn = 0, accepted = 0;
  std::vector<float> z, log_q;
  for (std::uint64_t round = 0; round < kMaxRounds && samples.theta.size() < wanted; ++round) {
    throw_if_interrupted();
    posterior.sample(batch, options.samples, options.seed, stream_of(object.name) + (round << kRoundShift), z, log_q);
    for (std::size_t s = 0; s < wanted && samples.theta.size() < wanted; ++s) {
      const double period_day = object.observation.period_day;
      Latent latent;
      Theta theta;
      ++drawn;
      if (targets.restore(simulator.prior(), &z[s * kParameterCount], period_day, latent, theta) != Status::kOk) {
        continue;
      }
      ++accepted;
      samples.theta.push_back(theta);
      samples.z.push_back(latent);
      samples.log_q.push_back(log_q[s] + targets.log_jacobian(simulator.prior(), latent, theta, period_day));
      samples.log_prior.push_back(log_unit_normal(latent));
    }
  }
  refine(simulator, drawn, options.refine, options.threads,
         RandomStream(options.seed, stream_of(object.name), Stage::kRefinement), out.record);
  if (options.read_under && !samples.theta.empty() &&
      !read_under(*options.read_under, simulator.prior(),
                  RandomStream(options.seed, stream_of(object.name), Stage::kResample), out.record)) {
    throw OutsidePrior(fmt::format("{}: none of the {} samples is possible under prior {}", object.file.string(),
                                   samples.theta.size(), options.read_under->name));
  }
  out.record.predictions =
      predict(simulator, object.observation, samples, static_cast<std::size_t>(options.predictions));
  if (samples.theta.empty()) {
    throw OutsidePrior(
        fmt::format("{}: none of the network's samples describes a detached binary of the prior: the object is "
                    "outside the prior's range, or the period, epoch or photometry is wrong",
                    object.file.string()));
  }
  out.accepted = static_cast<double>(accepted) / static_cast<double>(drawn);
  out.diagnostics = diagnose(find_best_fit(
                                 simulator, object.observation, samples, out.record.predictions,
                                 [](const BestFit& fit) { return within_limits(score(fit)); }, options.threads),
                             object.observation);
  out.record.warnings.insert(out.record.warnings.end(), out.diagnostics.warnings.begin(),
                             out.diagnostics.warnings.end());
  if (samples.theta.size() < wanted) {
    out.record.warnings.push_back(
        fmt::format("{} samples instead of {}: most were outside the prior's support", samples.theta.size(), wanted));
  }
  return out;
}

}  // namespace penumbra
