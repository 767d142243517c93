#include "nn/targets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/config.h"
#include "sim/simulation_settings.h"
#include "sim/special_functions.h"
#include "sim/system.h"

namespace penumbra {
namespace {

constexpr int kMomentDraws = 20'000;
constexpr std::uint64_t kMomentSeed = 0x6d6f6d;  // theirs alone; any number would do

TargetKind kind_of(const std::string& name) {
  if (name == "theta") return TargetKind::kTheta;
  return name == "eclipses" ? TargetKind::kEclipses : TargetKind::kLatent;
}

}  // namespace

Targets Targets::make(const std::string& kind, const Prior& prior) {
  Targets targets;
  targets.view_.kind = kind_of(kind);
  targets.view_.track_tolerance = prior.spec().track_tolerance;
  if (targets.view_.kind != TargetKind::kTheta) return targets;
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

Targets Targets::parse(const std::string& kind, const std::string& toml, const std::string& source) {
  Targets targets;
  targets.view_.kind = kind_of(kind);
  if (targets.view_.kind == TargetKind::kLatent) return targets;
  const Config recorded = Config::parse(toml, source);
  targets.view_.track_tolerance = read_prior(recorded).track_tolerance;
  if (targets.view_.eclipses()) return targets;
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
  if (view_.kind != TargetKind::kTheta) return "";
  return fmt::format("targets.mean = [{:.17e}]\ntargets.deviation = [{:.17e}]\n", fmt::join(view_.mean, ", "),
                     fmt::join(view_.deviation, ", "));
}

void Targets::pack(const PriorDraw& draw, const Observation& observation, RandomStream& random, float* target) const {
  const bool period_known = std::isfinite(observation.period_day);
  for (int p = 0; p < kParameterCount; ++p) target[p] = view_.target(draw, period_known, p);
  if (period_known) target[view_.free_dimension()] = static_cast<float>(random.normal());
}

Status Targets::restore(const Prior& prior, const float* sample, double period_day, Latent& z, Theta& theta) const {
  if (view_.kind == TargetKind::kTheta) return restore_theta(prior, sample, period_day, z, theta);
  std::copy_n(sample, kParameterCount, z.begin());
  if (view_.eclipses()) {
    const Status status = latent_from_eclipses(prior, period_day, z);
    if (status != Status::kOk) return status;
  }
  return prior.theta_from_latent(z, period_day, theta);
}

Status Targets::latent_from_eclipses(const Prior& prior, double period_day, Latent& z) const {
  const EccentricityVector vector{z[kEccentricity], z[kOmega]};
  Status status = prior.latent_from_eccentricity(vector.eccentricity(), vector.omega(), z);
  if (status != Status::kOk) return status;

  Latent without_offsets = z;
  for (const Parameter p : {kTeff1, kTeff2, kRadius1, kRadius2}) without_offsets[p] = 0.0;
  Theta tracks;
  status = prior.theta_from_latent(without_offsets, period_day, tracks);
  if (status == Status::kOutsideTracks || status == Status::kInvalidInput) return status;  // not complete
  temperature_ratio(tracks[kTeff1], tracks[kTeff2], view_.track_tolerance)
      .to_offsets(z[kTeff2], z[kTeff1], z[kTeff1], z[kTeff2]);
  if (!std::isfinite(period_day)) return Status::kOk;

  const double sma = sma_from_period_rsun(period_day, tracks[kMsum]), sum = z[kRsumFrac], split = z[kRadius1];
  const double relative = log_relative_duration(z[kCosI], tracks[kEccentricity], tracks[kOmega]);
  z[kRsumFrac] = z[kRadius2];
  eclipse_duration(tracks[kRadius1], tracks[kRadius2], sma, relative, view_.track_tolerance)
      .to_offsets(sum, split, z[kRadius1], z[kRadius2]);
  return Status::kOk;
}

Status Targets::restore_theta(const Prior& prior, const float* sample, double period_day, Latent& z,
                              Theta& theta) const {
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
  const bool period_known = std::isfinite(period_day);
  if (view_.kind == TargetKind::kTheta) return log_jacobian_theta(prior, z, theta, period_known);
  if (!view_.eclipses()) return 0.0;
  double sum = view_.temperatures(z, theta).log_jacobian(z[kTeff1], z[kTeff2]);
  if (period_known) sum += view_.duration(z, theta).log_jacobian(z[kRadius1], z[kRadius2]);
  return sum + EccentricityVector::of(theta[kEccentricity], theta[kOmega]).log_jacobian() +
         prior.log_eccentricity_jacobian(z, theta[kEccentricity]);
}

double Targets::log_jacobian_theta(const Prior& prior, const Latent& z, const Theta& theta, bool period_known) const {
  Latent full = z;
  if (period_known && prior.latent_from_theta(theta, full) != Status::kOk)
    return std::numeric_limits<double>::quiet_NaN();
  double sum = prior.log_jacobian(full, theta);
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    if (!period_known || p != kRsumFrac) sum -= std::log(view_.deviation[p]);
  }
  // theta depends on z one after the other: the factor of rsumfrac is one of the product. phi(z) dz = p(r) dr.
  if (period_known) sum -= log_normal_pdf(full[kRsumFrac]) - prior.log_rsumfrac_density(theta[kRsumFrac]);
  return sum;
}

}  // namespace penumbra
