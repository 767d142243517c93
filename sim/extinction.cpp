#include "sim/extinction.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

constexpr double kShortestUm = 0.0910, kLongestUm = 6.0;
constexpr double kUltravioletUm = 0.27;  // the spline's last but one anchor: shortward the ultraviolet formula holds
constexpr double kGridStep = 0.05;       // mag of E(B-V)
constexpr int kGridCount = 401;

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

// f99_extinction at each of the filter's points.
std::vector<double> curve_at(const Filter& filter, double r_v) {
  std::vector<double> curve;
  for (const double wavelength : filter.wavelength_um) curve.push_back(f99_extinction(wavelength, r_v));
  return curve;
}

double log_attenuation(const Filter& filter, const std::vector<double>& curve, double ebv) {
  double dimmed = 0.0, area = 0.0;
  double before_dimmed = 0.0, before = 0.0;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const double t = filter.transmission[i];
    const double t_dimmed = t * std::pow(10.0, -0.4 * curve[i] * ebv);
    if (i > 0 && std::isfinite(curve[i]) && std::isfinite(curve[i - 1])) {
      const double half = 0.5 * (filter.wavelength_um[i] - filter.wavelength_um[i - 1]);
      area += half * (before + t);
      dimmed += half * (before_dimmed + t_dimmed);
    }
    before = t;
    before_dimmed = t_dimmed;
  }
  return std::log(dimmed / area);
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

double log_attenuation(const Filter& filter, double ebv, double r_v) {
  return log_attenuation(filter, curve_at(filter, r_v), ebv);
}

Filter load_filter(const std::filesystem::path& passbands_file, Passband passband) {
  const Hdf5Reader file(passbands_file);
  const std::string group = group_of(passband);
  Filter filter;
  filter.wavelength_um = file.doubles(group + "/wavelength_um");
  filter.transmission = file.doubles(group + "/transmission", {filter.wavelength_um.size()});
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

Extinction Extinction::load(const std::filesystem::path& passbands_file, double r_v) {
  Extinction e;
  e.ebv_step_ = kGridStep;
  e.count_ = kGridCount;
  for (int band = 0; band < kPassbandCount; ++band) {
    const Filter filter = load_filter(passbands_file, static_cast<Passband>(band));
    const std::vector<double> curve = curve_at(filter, r_v);
    for (int i = 0; i < kGridCount; ++i) e.log_attenuation_.push_back(log_attenuation(filter, curve, i * kGridStep));
    if (!std::isfinite(e.log_attenuation_.back())) {
      throw UserError(fmt::format("{}: {}: no transmission between {} and {} um, where the extinction law holds",
                                  passbands_file.string(), group_of(static_cast<Passband>(band)), kShortestUm,
                                  kLongestUm));
    }
  }
  return e;
}

ExtinctionView Extinction::view() const { return {log_attenuation_.data(), ebv_step_, count_}; }

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
