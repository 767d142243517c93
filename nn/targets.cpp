#include "nn/targets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/config.h"

namespace penumbra {
namespace {

constexpr int kMomentDraws = 20'000;
constexpr std::uint64_t kMomentSeed = 0x6d6f6d;  // theirs alone; any number would do

}  // namespace

Targets Targets::make(const std::string& kind, const Prior& prior) {
  Targets targets;
  targets.view_.latent = kind == "latent";
  if (targets.view_.latent) return targets;
  Theta square{};
  std::vector<Theta> draws;
  for (std::uint64_t i = 0; i < kMomentDraws; ++i) draws.push_back(prior.draw(kMomentSeed, i).theta);
  for (const Theta& theta : draws)
    for (std::size_t p = 0; p < theta.size(); ++p) targets.view_.mean[p] += theta[p] / kMomentDraws;
  for (const Theta& theta : draws)
    for (std::size_t p = 0; p < theta.size(); ++p)
      square[p] += std::pow(theta[p] - targets.view_.mean[p], 2) / kMomentDraws;
  for (std::size_t p = 0; p < square.size(); ++p) targets.view_.deviation[p] = std::sqrt(square[p]);
  return targets;
}

Targets Targets::parse(const std::string& toml, const std::string& source) {
  Targets targets;
  const Config recorded = Config::parse(toml, source);
  targets.view_.latent = !recorded.has("targets");
  if (targets.view_.latent) return targets;
  const Config section = recorded.section("targets");
  const auto read = [&](const char* key, Theta& values) {
    const std::vector<double> found = section.numbers(key);
    if (found.size() != values.size()) throw section.error(key, fmt::format("expected {} numbers", values.size()));
    std::copy(found.begin(), found.end(), values.begin());
  };
  read("mean", targets.view_.mean);
  read("deviation", targets.view_.deviation);
  if (!std::all_of(targets.view_.deviation.begin(), targets.view_.deviation.end(), [](double d) { return d > 0.0; })) {
    throw section.error("deviation", "expected numbers > 0");
  }
  return targets;
}

std::string Targets::to_toml() const {
  if (view_.latent) return "";
  return fmt::format("targets.mean = [{:.17e}]\ntargets.deviation = [{:.17e}]\n", fmt::join(view_.mean, ", "),
                     fmt::join(view_.deviation, ", "));
}

void Targets::pack(const PriorDraw& draw, const Observation& observation, RandomStream& random, float* target) const {
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    target[p] = view_.target(draw, static_cast<int>(p));
  }
  if (std::isfinite(observation.period_day)) target[kRsumFrac] = static_cast<float>(random.normal());
}

Status Targets::restore(const Prior& prior, const float* sample, double period_day, Latent& z, Theta& theta) const {
  if (view_.latent) {
    std::copy_n(sample, kParameterCount, z.begin());
    return prior.theta_from_latent(z, period_day, theta);
  }
  for (std::size_t p = 0; p < kParameterCount; ++p) theta[p] = view_.mean[p] + view_.deviation[p] * double{sample[p]};
  theta[kOmega] -= 2.0 * std::numbers::pi * std::floor(theta[kOmega] / (2.0 * std::numbers::pi));
  const bool known = std::isfinite(period_day);
  if (known) {
    const double radii = theta[kRadius1] + theta[kRadius2];
    if (!(theta[kMsum] > 0.0 && radii > 0.0)) return Status::kInvalidInput;
    theta[kRsumFrac] = radii / sma_from_period_rsun(period_day, theta[kMsum]);
  }
  if (const Status status = prior.latent_from_theta(theta, z); status != Status::kOk) return status;
  if (known) z[kRsumFrac] = double{sample[kRsumFrac]};
  return prior.theta_from_latent(z, period_day, theta);
}

double Targets::log_jacobian(const Prior& prior, const Latent& z, const Theta& theta, double period_day) const {
  if (view_.latent) return 0.0;
  const bool known = std::isfinite(period_day);
  Latent full = z;
  if (known && prior.latent_from_theta(theta, full) != Status::kOk) return std::numeric_limits<double>::quiet_NaN();
  double sum = prior.log_jacobian(full, theta);
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    if (!known || p != kRsumFrac) sum -= std::log(view_.deviation[p]);
  }
  // theta depends on z one after the other: the factor of rsumfrac is one of the product. phi(z) dz = p(r) dr.
  if (known) {
    const double log_phi = -0.5 * full[kRsumFrac] * full[kRsumFrac] - 0.5 * std::log(2.0 * std::numbers::pi);
    sum -= log_phi - prior.log_rsumfrac_density(theta[kRsumFrac]);
  }
  return sum;
}

}  // namespace penumbra
