#include "inference/neural_inference.h"

#include <fmt/format.h>

#include "inference/predictions.h"
#include "inference/sample_until.h"

namespace penumbra {
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
  if (options.read_under && !samples.theta.empty()) {
    read_under(*options.read_under, simulator.prior(), options.seed, out.record);
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
