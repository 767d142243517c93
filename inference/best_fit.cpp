#include "inference/best_fit.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"

namespace penumbra {
namespace {

constexpr std::size_t kBinsPerCurve = 100, kPointsPerBin = 5;  // at most, at least
constexpr double kMedianVariance = 1.5707963267948966;  // of the median of many normal numbers, over their mean's
constexpr std::size_t kDescents = 2;                    // from the best draws
constexpr int kMaxSteps = 10, kMaxDampings = 6;
constexpr double kStep = 0.01;       // of z, for derivatives: larger than the model's own noise asks for
constexpr double kWorthwhile = 0.5;  // smallest decrease of the sum of squares that is worth another step

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

// Consecutive epochs [first, last) of a light curve.
struct PhaseBin {
  std::size_t first, last;
  double sigma;  // error of the median residual, floor included
};

std::vector<PhaseBin> phase_bins(const LightCurve& data, const ErrorFloor& floor) {
  const std::size_t points = data.phase.size(), count = std::min(kBinsPerCurve, points / kPointsPerBin);
  std::vector<PhaseBin> bins;
  const double noise = noise_level(data);
  double low = INFINITY, high = -INFINITY;
  std::vector<double> flux;
  for (std::size_t b = 0; b < count; ++b) {
    PhaseBin bin{b * points / count, (b + 1) * points / count, 0.0};
    flux.assign(data.flux.begin() + static_cast<std::ptrdiff_t>(bin.first),
                data.flux.begin() + static_cast<std::ptrdiff_t>(bin.last));
    const double level = median_of(flux), size = static_cast<double>(flux.size());
    low = std::min(low, level);
    high = std::max(high, level);
    double variance = 0.0;  // of a point
    for (std::size_t t = bin.first; t < bin.last; ++t) variance += data.sigma[t] * data.sigma[t] * noise / size;
    bin.sigma = std::sqrt(kMedianVariance * variance / size);
    bins.push_back(bin);
  }
  const double least = std::hypot(floor.flux, floor.amplitude * (high - low));
  for (PhaseBin& bin : bins) bin.sigma = std::hypot(bin.sigma, least);
  return bins;
}

// A prediction: light curves at the epochs of the data, on any scale, and fluxes in the SED's bands.
struct Model {
  std::array<const double*, kChannelCount> flux;
  const double* sed_jy;
};

class Problem {
 public:
  Problem(const Simulator& simulator, const Observation& observation, const ErrorFloor& floor)
      : simulator_(simulator), observation_(observation), floor_(floor) {
    for (std::size_t c = 0; c < kChannelCount; ++c) bins_[c] = phase_bins(observation.light_curves[c], floor);
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      if (observation.sed_flux_jy[k] > 0.0 && observation.sed_sigma_jy[k] > 0.0) bands_.push_back(k);
    }
  }

  // False: theta is outside the prior's support, or its flux is no number.
  bool evaluate(const Theta& theta, const Model& model, BestFit& out) const {
    out.theta = theta;
    if (simulator_.prior().latent_from_theta(theta, out.z) != Status::kOk) return false;
    out.barrier = -2.0 * simulator_.prior().log_barrier(theta);
    for (std::size_t c = 0; c < kChannelCount; ++c) compare_curve(c, model.flux[c], out);
    out.photometry.clear();
    for (const std::size_t k : bands_) {
      const double per_flux = 2.5 / std::log(10.0) / observation_.sed_flux_jy[k];
      out.photometry.push_back(2.5 * std::log10(model.sed_jy[k] / observation_.sed_flux_jy[k]) /
                               std::hypot(per_flux * observation_.sed_sigma_jy[k], floor_.magnitude));
    }
    if (observation_.has_parallax()) {
      out.photometry.push_back((observation_.parallax_mas - 1e3 / theta[kDistance]) / observation_.parallax_sigma_mas);
    }
    out.sum = residuals(out).squaredNorm();
    return std::isfinite(out.sum);
  }

  bool evaluate(const Latent& z, BestFit& out) const {
    Theta theta;
    if (simulator_.prior().theta_from_latent(z, observation_.period_day, theta) != Status::kOk) return false;
    Observation clean;
    if (simulator_.predict(theta, observation_, clean) != Status::kOk) return false;
    Model model{{}, clean.sed_flux_jy.data()};
    for (std::size_t c = 0; c < kChannelCount; ++c) model.flux[c] = clean.light_curves[c].flux.data();
    return evaluate(theta, model, out);
  }

  // Everything whose squares are summed, in one vector.
  static Eigen::VectorXd residuals(const BestFit& fit) {
    std::vector<double> all(fit.z.begin(), fit.z.end());
    all.push_back(std::sqrt(std::max(0.0, fit.barrier)));
    all.insert(all.end(), fit.photometry.begin(), fit.photometry.end());
    for (const std::vector<double>& curve : fit.light_curves) all.insert(all.end(), curve.begin(), curve.end());
    return Eigen::Map<const Eigen::VectorXd>(all.data(), std::ssize(all));
  }

 private:
  void compare_curve(std::size_t channel, const double* flux, BestFit& out) const {
    const LightCurve& data = observation_.light_curves[channel];
    std::vector<double>& residual = out.light_curves[channel];
    residual.clear();
    out.rms[channel] = 0.0;
    if (bins_[channel].empty()) return;
    const double scale = fit_scale(data, flux).scale;
    std::vector<double> differences;
    double sum = 0.0;
    for (const PhaseBin& bin : bins_[channel]) {
      differences.clear();
      for (std::size_t t = bin.first; t < bin.last; ++t) differences.push_back(data.flux[t] - scale * flux[t]);
      const double median = median_of(differences);
      residual.push_back(median / bin.sigma);
      sum += median * median;
    }
    out.rms[channel] = std::sqrt(sum / static_cast<double>(residual.size()));
  }

  const Simulator& simulator_;
  const Observation& observation_;
  ErrorFloor floor_;
  std::array<std::vector<PhaseBin>, kChannelCount> bins_;
  std::vector<std::size_t> bands_;
};

// d residuals / d z [R][16]. Where neither side of z is in the prior's support, a derivative is zero.
Eigen::MatrixXd jacobian(const Problem& problem, const Latent& z, const Eigen::VectorXd& at, int threads) {
  Eigen::MatrixXd out = Eigen::MatrixXd::Zero(at.size(), kParameterCount);
  parallel_for(kParameterCount, threads, [&](std::uint64_t p) {
    for (const double step : {kStep, -kStep}) {
      Latent moved = z;
      moved[p] += step;
      BestFit there;
      if (!problem.evaluate(moved, there)) continue;
      out.col(static_cast<Eigen::Index>(p)) = (Problem::residuals(there) - at) / step;
      return;
    }
  });
  return out;
}

// Downhill from z. The damping is Marquardt's (1963): relative to the diagonal. fit.sum stays infinite where z itself
// cannot be computed.
BestFit descend(const Problem& problem, Latent z, int threads) {
  BestFit fit{};
  if (!problem.evaluate(z, fit)) fit.sum = INFINITY;
  double damping = 1.0, gain = fit.sum;
  for (int step = 0; step < kMaxSteps && std::isfinite(fit.sum) && gain > kWorthwhile; ++step) {
    const Eigen::VectorXd residual = Problem::residuals(fit);
    const Eigen::MatrixXd derivative = jacobian(problem, z, residual, threads);
    const Eigen::MatrixXd curvature = derivative.transpose() * derivative;
    const Eigen::VectorXd downhill = -derivative.transpose() * residual;
    gain = 0.0;
    for (int attempt = 0; attempt < kMaxDampings && gain <= 0.0; ++attempt) {
      Eigen::MatrixXd damped = curvature;
      damped.diagonal().array() += 1e-6;  // the free coordinate of a known period has no curvature
      damped.diagonal() *= 1.0 + damping;
      const Eigen::VectorXd move = damped.ldlt().solve(downhill);
      Latent moved = z;
      for (std::size_t p = 0; p < moved.size(); ++p) moved[p] += move[static_cast<Eigen::Index>(p)];
      BestFit there;
      if (problem.evaluate(moved, there) && there.sum < fit.sum) {
        gain = fit.sum - there.sum;
        fit = there;
        z = moved;
        damping *= 0.1;
      } else {
        damping *= 10.0;
      }
    }
  }
  return fit;
}

}  // namespace

double noise_level(const LightCurve& data) {
  std::vector<double> squares;
  for (std::size_t i = 1; i < data.phase.size(); ++i) {
    const double difference = data.flux[i] - data.flux[i - 1];
    squares.push_back(difference * difference /
                      (data.sigma[i] * data.sigma[i] + data.sigma[i - 1] * data.sigma[i - 1]));
  }
  constexpr double kMedianChiSquared = 0.4549364231195724;  // of one degree of freedom
  return squares.empty() ? 1.0 : std::max(1.0, median_of(squares) / kMedianChiSquared);
}

ScaledFit fit_scale(const LightCurve& data, const double* model) {
  return fit_scale(HostLanes{}, static_cast<int>(data.phase.size()), data.flux.data(), data.sigma.data(), model);
}

BinnedCurve bin_about_mean(const LightCurve& data) {
  BinnedCurve out;
  const std::vector<double> constant(data.phase.size(), 1.0);
  const std::vector<PhaseBin> bins = phase_bins(data, {0.0, 0.0, 0.0});
  if (bins.empty()) return out;
  const double mean = fit_scale(data, constant.data()).scale;
  std::vector<double> flux;
  double sum = 0.0;
  for (const PhaseBin& bin : bins) {
    flux.assign(data.flux.begin() + static_cast<std::ptrdiff_t>(bin.first),
                data.flux.begin() + static_cast<std::ptrdiff_t>(bin.last));
    out.deviation.push_back((median_of(flux) - mean) / bin.sigma);
    sum += bin.sigma * bin.sigma;
  }
  out.error = std::sqrt(sum / static_cast<double>(bins.size()));
  return out;
}

BestFit find_best_fit(const Simulator& simulator, const Observation& observation, const PosteriorSamples& samples,
                      const Predictions& predictions, const std::function<bool(const BestFit&)>& enough, int threads,
                      const ErrorFloor& floor) {
  const Problem problem(simulator, observation, floor);
  std::vector<double> sum(predictions.draws, INFINITY);
  BestFit best{}, fit{};
  best.sum = INFINITY;
  for (std::size_t d = 0; d < predictions.draws; ++d) {
    Model model{{}, predictions.sed_jy.data() + d * kSedBandCount};
    for (std::size_t c = 0; c < kChannelCount; ++c)
      model.flux[c] = predictions.flux[c].data() + d * observation.light_curves[c].phase.size();
    if (!problem.evaluate(samples.theta[d], model, fit)) continue;
    sum[d] = fit.sum;
    if (fit.sum < best.sum) best = fit;
  }
  std::vector<std::size_t> order(predictions.draws);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sum[a] < sum[b]; });
  for (std::size_t s = 0; s < std::min(order.size(), kDescents) && !enough(best); ++s) {
    fit = descend(problem, samples.z[order[s]], threads);
    if (fit.sum < best.sum) best = fit;
  }
  return best;
}

}  // namespace penumbra
