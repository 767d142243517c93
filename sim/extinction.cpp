#include "sim/extinction.h"

#include <fmt/format.h>

#include <array>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

constexpr double kShortestUm = 0.0910, kLongestUm = 6.0;
constexpr double kUltravioletUm = 0.27;  // the spline's last but one anchor: shortward the ultraviolet formula holds

// Of ln lambda. GALEX's curves have 15 and 25 points: on these alone the trapezoid rule misses by up to .26%.
constexpr double kLargestLogStep = 0.0025;

constexpr double kEbvStep = 0.05;  // mag
constexpr int kEbvCount = 401;
constexpr double kSlopeFirst = -6.0, kSlopeStep = 1.0;  // the range of the recipe make_atmospheres.py
constexpr int kSlopeCount = 47;

// k(lambda - V) + R_V of Fitzpatrick & Massa (1990) with F99's R_V-dependent linear part; x in 1 / um.
double ultraviolet(double x, double r_v) {
  const double c2 = -0.824 + 4.717 / r_v;
  const double c1 = 2.030 - 3.007 * c2;
  constexpr double c3 = 3.23, c4 = 0.41, x0 = 4.596, gamma = 0.99;
  const double offset = x * x - x0 * x0;
  const double bump = x * x / (offset * offset + gamma * gamma * x * x);
  const double y = x > 5.9 ? x - 5.9 : 0.0;
  return r_v + c1 + c2 * x + c3 * bump + c4 * y * y * (0.5392 + 0.05644 * y);
}

constexpr std::size_t kAnchors = 9;

// Natural cubic spline through nine anchors at x.
double natural_spline(const std::array<double, kAnchors>& t, const std::array<double, kAnchors>& y, double x) {
  std::array<double, kAnchors> second{}, upper{};  // second derivatives, zero at both ends
  for (std::size_t i = 1; i + 1 < kAnchors; ++i) {
    const double left = t[i] - t[i - 1], right = t[i + 1] - t[i];
    const double pivot = 2.0 * (left + right) - left * upper[i - 1];
    upper[i] = right / pivot;
    second[i] = (6.0 * ((y[i + 1] - y[i]) / right - (y[i] - y[i - 1]) / left) - left * second[i - 1]) / pivot;
  }
  for (std::size_t i = kAnchors - 2; i > 0; --i) second[i] -= upper[i] * second[i + 1];
  std::size_t i = 0;
  while (i + 2 < kAnchors && x > t[i + 1]) ++i;
  const double h = t[i + 1] - t[i], a = (t[i + 1] - x) / h, b = (x - t[i]) / h;
  return a * y[i] + b * y[i + 1] + ((a * a * a - a) * second[i] + (b * b * b - b) * second[i + 1]) * h * h / 6.0;
}

std::string group_of(Passband passband) {
  return "/" + std::string(kPassbands[static_cast<std::size_t>(passband)].name);
}

}  // namespace

double f99_extinction(double wavelength_um, double r_v) {
  if (!(wavelength_um >= kShortestUm && wavelength_um <= kLongestUm)) return NAN;
  const double x = 1.0 / wavelength_um;
  if (wavelength_um <= kUltravioletUm) return ultraviolet(x, r_v);
  const double r = r_v, r2 = r * r;
  static constexpr std::array<double, kAnchors> anchors{0.0,         1.0 / 2.65,  1.0 / 1.22, 1.0 / 0.6, 1.0 / 0.547,
                                                        1.0 / 0.467, 1.0 / 0.411, 1.0 / 0.27, 1.0 / 0.26};
  const std::array<double, kAnchors> values{
      0.0,
      0.26469 * r / 3.1,
      0.82925 * r / 3.1,
      -0.422809 + 1.00270 * r + 2.13572e-4 * r2,
      -5.13540e-2 + 1.00216 * r - 7.35778e-5 * r2,
      7.00127e-1 + 1.00184 * r - 3.32598e-5 * r2,
      1.19456 + 1.01707 * r - 5.46959e-3 * r2 + 7.97809e-4 * r2 * r - 4.45636e-5 * r2 * r2,
      ultraviolet(anchors[7], r),
      ultraviolet(anchors[8], r),
  };
  return natural_spline(anchors, values, x);
}

BandPoints band_points(const Filter& filter, double r_v) {
  const auto& wavelength = filter.wavelength_um;
  const auto& transmission = filter.transmission;
  const auto covered = [](double um) { return um >= kShortestUm && um <= kLongestUm; };
  BandPoints points;
  bool joined = false;  // the last point is this interval's first
  for (std::size_t i = 1; i < wavelength.size(); ++i) {
    const double from = wavelength[i - 1], width = wavelength[i] - from;
    if (!covered(from) || !covered(wavelength[i])) {
      joined = false;
      continue;
    }
    const int steps = static_cast<int>(std::ceil(std::log(wavelength[i] / from) / kLargestLogStep));
    for (int k = 0; k <= steps; ++k) {
      const double share = static_cast<double>(k) / steps;
      const double t = transmission[i - 1] + share * (transmission[i] - transmission[i - 1]);
      const double weight = (k == 0 || k == steps ? 0.5 : 1.0) * width / steps * t;
      if (k == 0 && joined) {
        points.weight.back() += weight;
        continue;
      }
      points.weight.push_back(weight);
      points.log_wavelength.push_back(std::log(from + share * width));
      points.curve.push_back(f99_extinction(k == steps ? wavelength[i] : from + share * width, r_v));
    }
    joined = true;
  }
  return points;
}

double log_attenuation(const BandPoints& points, double ebv, double exponent) {
  AttenuationSums sums;
  for (std::size_t i = 0; i < points.weight.size(); ++i)
    sums.add(points.weight[i], points.log_wavelength[i], points.curve[i], ebv, exponent);
  return std::log(sums.attenuation());
}

double log_attenuation(const Filter& filter, double ebv, double r_v) {
  return log_attenuation(band_points(filter, r_v), ebv);
}

Filter load_filter(const std::filesystem::path& passbands_file, Passband passband) {
  const Hdf5Reader file(passbands_file);
  const std::string group = group_of(passband);
  Filter filter;
  filter.wavelength_um = file.doubles(group + "/wavelength_um");
  filter.transmission = file.doubles(group + "/transmission", {filter.wavelength_um.size()});
  const std::string detector = file.text_attribute(group, "detector");
  if (detector != "photon" && detector != "energy") {
    throw UserError(
        fmt::format("{}: {}: detector must be photon or energy, but is {}", passbands_file.string(), group, detector));
  }
  filter.per_photon = detector == "photon";
  for (std::size_t i = 0; i < filter.wavelength_um.size(); ++i) {
    const bool ascends = i == 0 || filter.wavelength_um[i] > filter.wavelength_um[i - 1];
    if (!ascends || !(filter.transmission[i] >= 0.0)) {
      throw UserError(
          fmt::format("{}: {}: wavelengths must ascend and transmissions be 0 or more, but point {} is {} um, {}",
                      passbands_file.string(), group, i, filter.wavelength_um[i], filter.transmission[i]));
    }
  }
  return filter;
}

std::vector<Filter> load_filters(const std::filesystem::path& passbands_file) {
  std::vector<Filter> filters(kPassbandCount);
  for (int band = 0; band < kPassbandCount; ++band)
    filters[static_cast<std::size_t>(band)] = load_filter(passbands_file, static_cast<Passband>(band));
  return filters;
}

Extinction::Extinction(const std::vector<Filter>& filters, const ExtinctionOptions& options)
    : slope_count_(options.spectrum_weighted ? kSlopeCount : 1) {
  std::vector<BandPoints> bands(filters.size());
  for (std::size_t band = 0; band < filters.size(); ++band) bands[band] = band_points(filters[band], options.r_v);
  log_attenuation_.reserve(static_cast<std::size_t>(slope_count_) * bands.size() * kEbvCount);
  for (int slope = 0; slope < slope_count_; ++slope) {
    for (std::size_t band = 0; band < bands.size(); ++band) {
      std::vector<double> weight = bands[band].weight;
      // From one node of E(B-V) to the next each point is dimmed by the same factor.
      std::vector<double> factor(weight.size());
      for (std::size_t i = 0; i < weight.size(); ++i) {
        factor[i] = std::pow(10.0, -0.4 * bands[band].curve[i] * kEbvStep);
        if (options.spectrum_weighted) {
          const double exponent = kSlopeFirst + slope * kSlopeStep + (filters[band].per_photon ? 1.0 : 0.0);
          weight[i] *= std::exp(exponent * bands[band].log_wavelength[i]);
        }
      }
      const double area = std::accumulate(weight.begin(), weight.end(), 0.0);
      if (!(area > 0.0)) {
        throw UserError(fmt::format("{}: no transmission between {} and {} um, where the extinction law holds",
                                    kPassbands[band].name, kShortestUm, kLongestUm));
      }
      for (int i = 0; i < kEbvCount; ++i) {
        double dimmed = 0.0;
        for (std::size_t n = 0; n < weight.size(); ++n) {
          dimmed += weight[n];
          weight[n] *= factor[n];
        }
        log_attenuation_.push_back(std::log(dimmed / area));
      }
    }
  }
}

ExtinctionView Extinction::view() const {
  return {log_attenuation_.data(), kEbvStep, kSlopeFirst, kSlopeStep, kEbvCount, slope_count_};
}

std::vector<double> load_zero_points_jy(const std::filesystem::path& passbands_file) {
  const Hdf5Reader file(passbands_file);
  std::vector<double> zero_points;
  for (int band = 0; band < kPassbandCount; ++band) {
    const std::string group = group_of(static_cast<Passband>(band));
    zero_points.push_back(file.number_attribute(group, "zero_point_jy"));
    if (!(zero_points.back() > 0.0)) {
      throw UserError(fmt::format("{}: {}: zero_point_jy must be positive, but is {}", passbands_file.string(), group,
                                  zero_points.back()));
    }
  }
  return zero_points;
}

}  // namespace penumbra
