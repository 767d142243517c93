#include "inference/read_under.h"

#include <fmt/format.h>

#include "base/random.h"
#include "inference/refine.h"
#include "inference/reweight.h"

namespace penumbra {

void read_under(const OtherPrior& other, const Prior& network_prior, std::uint64_t seed, PosteriorRecord& record) {
  PosteriorSamples& samples = record.samples;
  const std::vector<double> log_ratio = log_prior_ratios(network_prior, *other.prior, samples.theta);
  const double effective = effective_sample_size(log_ratio);
  if (effective == 0.0) {
    throw OutsidePrior(fmt::format("{}: none of the {} samples is possible under prior {}", record.object.file.string(),
                                   samples.theta.size(), other.name));
  }
  samples.log_ratio = log_ratio;
  RandomStream random(seed, stream_of_name(record.object.name), Stage::kResample);
  samples = samples.at(resample(log_ratio, random));
  record.reweighting = {other.network_prior_name, other.name, effective};
  const auto count = static_cast<double>(samples.theta.size());
  if (effective < kFewEffectiveSamples || effective < kFewEffectiveShare * count) {
    record.warnings.push_back(
        fmt::format("read under prior {}: {:.0f} effective samples of {:.0f} are too few to trust the intervals; take "
                    "more --samples, or a network that was trained under that prior",
                    other.name, effective, count));
  }
}

}  // namespace penumbra
