#include "inference/neural_inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/interrupt.h"
#include "inference/likelihood.h"
#include "inference/sample_until.h"

namespace penumbra {
namespace {

void remove_sample(PosteriorSamples& samples, std::size_t s) {
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < samples.theta.size(); ++i) {
    if (i != s) others.push_back(i);
  }
  samples = samples.at(others);
}

// Draws the samples again by the ratio of the priors' densities. False where the other prior allows none of them.
bool read_under(const OtherPrior& other, const Prior& network_prior, RandomStream random, PosteriorRecord& record) {
  PosteriorSamples& samples = record.samples;
  const std::vector<double> log_ratio = log_prior_ratios(network_prior, *other.prior, samples.theta);
  const double effective = effective_sample_size(log_ratio);
  if (effective == 0.0) return false;
  samples.log_ratio = log_ratio;
  samples = samples.at(resample(log_ratio, random));
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
  const double period_day = object.observation.period_day;
  const SampleCount count = sample_until(
      posterior, batch, wanted, options.seed, stream_of_name(object.name), [&](const float* sample, double log_q) {
        Latent latent;
        Theta theta;
        if (targets.restore(simulator.prior(), sample, period_day, latent, theta) != Status::kOk) return false;
        samples.theta.push_back(theta);
        samples.z.push_back(latent);
        samples.log_q.push_back(log_q + targets.log_jacobian(simulator.prior(), latent, theta, period_day));
        samples.log_prior.push_back(log_unit_normal(latent));
        return true;
      });
  RefineOptions refinement = options.refine;
  refinement.device = posterior.device();
  refine(simulator, count.drawn, refinement, options.threads,
         RandomStream(options.seed, stream_of_name(object.name), Stage::kRefinement), out.record);
  if (options.read_under && !samples.theta.empty() &&
      !read_under(*options.read_under, simulator.prior(),
                  RandomStream(options.seed, stream_of_name(object.name), Stage::kResample), out.record)) {
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
  out.accepted = count.accepted_share();
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
