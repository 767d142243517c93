#include "bank/measure_light_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "bank/statistics.h"
#include "base/error.h"
#include "sim/observation.h"
#include "sim/space_mission.h"

namespace penumbra {
namespace {

constexpr double kSameMomentDay = 1e-5;
constexpr double kRelativePerMag = 0.92103403719761836;  // ln 10 / 2.5
constexpr double kOutOfEclipseMag = 0.3;                 // of the median
constexpr double kSectorDay = 27.4;

void require_enough(const LightCurveSource& source, std::size_t minimum) {
  if (source.curves.size() >= minimum) return;
  throw UserError(fmt::format("{}: {} light curves ({} more are too short, {} held out); at least {} are needed",
                              kChannels[source.channel].name, source.curves.size(), source.too_short, source.held_out,
                              minimum));
}

// Night number and time within the night of each time, with the day cut where the star is observed least.
struct Nights {
  std::vector<double> night, hour;
};
Nights split_nights(const std::vector<double>& time) {
  std::vector<double> fraction = time;
  for (double& t : fraction) t -= std::floor(t);
  std::sort(fraction.begin(), fraction.end());
  double widest = fraction.front() + 1.0 - fraction.back(), cut = fraction.back() + 0.5 * widest;
  for (std::size_t i = 0; i + 1 < fraction.size(); ++i) {
    const double gap = fraction[i + 1] - fraction[i];
    if (gap <= widest) continue;
    widest = gap;
    cut = fraction[i] + 0.5 * gap;
  }
  Nights nights;
  for (const double t : time) {
    nights.night.push_back(std::floor(t - cut));
    nights.hour.push_back(t - cut - nights.night.back());
  }
  return nights;
}

void append(std::vector<double>& out, const std::vector<double>& values) {
  out.insert(out.end(), values.begin(), values.end());
}

// One entry of the bank.
void add_star(const RealLightCurve& curve, GroundBank& bank) {
  const Nights times = split_nights(curve.time_day);
  std::vector<double> nights, hours, sizes, log_gaps;
  for (std::size_t i = 0; i < times.night.size(); ++i) {
    const double night = times.night[i] - times.night.front();
    if (nights.empty() || night > nights.back()) {
      nights.push_back(night);
      hours.push_back(times.hour[i]);
      sizes.push_back(1.0);
      continue;
    }
    sizes.back() += 1.0;
    const double gap = curve.time_day[i] - curve.time_day[i - 1];
    if (gap > kSameMomentDay) log_gaps.push_back(std::log10(gap));
  }

  const double centre = median(curve.magnitude);
  std::vector<double> log_error;
  for (std::size_t i = 0; i < curve.error.size(); ++i) {
    if (std::abs(curve.magnitude[i] - centre) >= kOutOfEclipseMag) continue;
    log_error.push_back(std::max(std::log10(curve.error[i] * kRelativePerMag), std::log10(kSmallestRelativeError)));
  }
  bank.magnitude.push_back(centre);
  bank.points.push_back(static_cast<double>(curve.time_day.size()));
  for (std::size_t k = 0; k < kNightNodes; ++k) {  // nights themselves: between two of them may lie a season
    const double position = static_cast<double>(k * (nights.size() - 1)) / (kNightNodes - 1);
    bank.night.push_back(nights[static_cast<std::size_t>(std::lround(position))]);
  }
  append(bank.hour, quantiles(hours, kHourNodes));
  append(bank.night_size, quantiles(sizes, kSizeNodes));
  constexpr double kUsualLogGap = -2.8;  // where too few nights have several measurements to tell: 2.3 minutes
  append(bank.log_gap,
         log_gaps.size() > 5 ? quantiles(log_gaps, kGapNodes) : std::vector<double>(kGapNodes, kUsualLogGap));
  append(bank.log_error, quantiles(log_error, kErrorNodes));
}

}  // namespace

Scatter measure_scatter(const RealLightCurve& curve) {
  constexpr std::size_t kEnough = 30;
  const bool periodic = std::isfinite(curve.period_day);
  const double reach = periodic ? 0.002 : 1.5, centre = median(curve.magnitude);
  struct Point {
    double position, magnitude, error;
  };
  std::vector<Point> points;
  std::vector<double> pulls;
  for (std::size_t i = 0; i < curve.time_day.size(); ++i) {
    const double t = curve.time_day[i];
    points.push_back({periodic ? fold_phase(t / curve.period_day) : t, curve.magnitude[i], curve.error[i]});
    pulls.push_back((curve.magnitude[i] - centre) / curve.error[i]);
  }
  std::ranges::stable_sort(points, {}, &Point::position);
  std::vector<double> differences;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const Point &a = points[i], &b = points[i + 1];
    if (b.position - a.position >= reach) continue;
    if (std::max(std::abs(a.magnitude - centre), std::abs(b.magnitude - centre)) >= kOutOfEclipseMag) continue;
    differences.push_back(std::abs(b.magnitude - a.magnitude) / std::hypot(a.error, b.error));
  }
  const double neighbours = differences.size() < kEnough ? kMissing : 1.4826 * median(std::move(differences));
  return {neighbours, robust_deviation(pulls)};
}

GroundBank measure_ground(const LightCurveSource& source, std::string& report) {
  require_enough(source, kMinimumLightCurves);
  const std::string_view name = kChannels[source.channel].name;
  GroundBank bank;
  bank.source = fmt::format("measured: {}; {} stars", source.citation, source.curves.size());
  std::vector<double> usual;  // median log10 error of each star
  for (const RealLightCurve& curve : source.curves) {
    add_star(curve, bank);
    usual.push_back(bank.log_error[bank.log_error.size() - kErrorNodes + kErrorNodes / 2]);
  }

  const bool all_alike = std::ranges::all_of(source.curves, &RealLightCurve::photon_noise_only);
  const auto set_curve = [&](const std::vector<double>& log_s) {
    for (std::size_t k = 0; k < 3; ++k) bank.noise_curve[k] = std::pow(10.0, log_s[k]);
  };
  set_curve(fit_robustly(
      [&](const std::vector<double>& log_s) {
        set_curve(log_s);
        std::vector<double> residual;
        for (std::size_t i = 0; i < usual.size(); ++i) {
          if (all_alike || !source.curves[i].photon_noise_only)
            residual.push_back(bank.log_noise(bank.magnitude[i]) - usual[i]);
        }
        return residual;
      },
      {-2.0, -2.0, -2.0}));

  std::vector<double> excess, log_factor;
  std::size_t loud = 0;
  for (std::size_t i = 0; i < source.curves.size(); ++i) {
    const Scatter scatter = measure_scatter(source.curves[i]);
    if (!(scatter.neighbours > 0.0)) continue;
    loud += !scatter.quiet();
    if (!scatter.quiet()) continue;
    excess.push_back(usual[i] - bank.log_noise(bank.magnitude[i]));
    log_factor.push_back(std::log10(scatter.neighbours));
  }
  if (excess.size() < kMinimumLightCurves) {
    throw UserError(
        fmt::format("{}: {} of {} light curves are quiet; at least {} are needed to measure how much "
                    "light curves scatter beyond their errors",
                    name, excess.size(), source.curves.size(), kMinimumLightCurves));
  }
  // Between errors that tell the truth (slope 0) and a scatter that does not care what is quoted (-1).
  const auto slope = [](const std::vector<double>& p) { return std::clamp(p[1], -1.0, 0.0); };
  const auto line_residual = [&](const std::vector<double>& p) {
    std::vector<double> residual;
    for (std::size_t i = 0; i < excess.size(); ++i) residual.push_back(p[0] + slope(p) * excess[i] - log_factor[i]);
    return residual;
  };
  const std::vector<double> line = fit_robustly(line_residual, {0.0, -0.5});
  bank.scatter = {line[0], slope(line)};
  // A quiet star far off the line varies faster than its neighbours tell: three robust deviations are the limit.
  const std::vector<double> off = line_residual(line);
  const double deviation = robust_deviation(off);
  std::vector<double> rest;
  for (const double residual : off) {
    if (std::abs(residual) <= 3.0 * deviation) rest.push_back(-residual);
  }
  bank.scatter_rest = quantiles(rest, kTableNodes);

  const std::vector<double> factor = quantiles(log_factor, 11);
  report += fmt::format(
      "{:10} {} stars of {:.1f} to {:.1f} mag ({} too short, {} held out); quoted error {:.4f} {:.4f} {:.4f} at 12, "
      "15, "
      "18 mag\n           scatter over quoted, {} quiet stars ({} are not, {} off the line): {:.2f} {:.2f} {:.2f} at "
      "10%, 50%, 90%; "
      "log10 = {:.3f} {:+.3f} excess +- {:.3f}\n",
      name, source.curves.size(), std::ranges::min(bank.magnitude), std::ranges::max(bank.magnitude), source.too_short,
      source.held_out, std::pow(10.0, bank.log_noise(12.0)), std::pow(10.0, bank.log_noise(15.0)),
      std::pow(10.0, bank.log_noise(18.0)), excess.size(), loud, excess.size() - rest.size(), std::pow(10.0, factor[1]),
      std::pow(10.0, factor[5]), std::pow(10.0, factor[9]), bank.scatter[0], bank.scatter[1], deviation);
  return bank;
}

SpaceBank measure_tess(const LightCurveSource& source, std::string& report) {
  require_enough(source, kMinimumSectors);
  SpaceBank bank;
  for (const RealLightCurve& curve : source.curves) {
    const double centre = median(curve.magnitude);
    std::vector<double> step, error, flux, second;
    for (std::size_t i = 0; i < curve.time_day.size(); ++i) {
      error.push_back(curve.error[i] * kRelativePerMag);
      flux.push_back(std::pow(10.0, -0.4 * (curve.magnitude[i] - centre)));
      if (i >= 1) step.push_back(curve.time_day[i] - curve.time_day[i - 1]);
      if (i >= 2) second.push_back(flux[i] - 2.0 * flux[i - 1] + flux[i - 2]);
    }
    const double exposure_day = median(step), quoted = median(error);
    bank.log_excess.push_back(std::log10(quoted / tess_noise(centre, exposure_day)));
    bank.log_scatter.push_back(std::log10(robust_deviation(second) / std::sqrt(6.0) / quoted));
    bank.coverage.push_back(std::min(1.0, static_cast<double>(curve.time_day.size()) * exposure_day / kSectorDay));
  }
  for (auto* values : {&bank.log_excess, &bank.log_scatter, &bank.coverage}) std::ranges::sort(*values);
  bank.source = fmt::format("measured: {}; {} sectors", source.citation, source.curves.size());
  report += fmt::format(
      "{:10} {} sectors ({} too short, {} held out); quoted error over curve {:.2f}, scatter over quoted {:.2f}, "
      "coverage {:.2f}\n",
      kChannels[source.channel].name, source.curves.size(), source.too_short, source.held_out,
      std::pow(10.0, median(bank.log_excess)), std::pow(10.0, median(bank.log_scatter)), median(bank.coverage));
  return bank;
}

}  // namespace penumbra
