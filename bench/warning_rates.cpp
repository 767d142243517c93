// How often `penumbra infer` warns: on systems of the prior, where it should not, and on objects that the prior does
// not describe. Prints one row a kind. usage: warning_rates CHECKPOINT DATA [SEED [SYSTEMS [OBJECTS A KIND]]]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <stdexcept>

#include "base/parallel.h"
#include "inference/neural_inference.h"
#include "nn/device.h"
#include "sim/roche.h"
#include "sim/simulation_settings.h"
#include "sim/system.h"

namespace penumbra {
namespace {

constexpr std::size_t kPool = 500;       // simulated systems from which odd objects are made
constexpr double kFilling = 0.97;        // of a Roche lobe's radius, where it is called full
constexpr double kSeen = 20.0;           // signal to noise of a light curve that shows something
constexpr std::size_t kNeighbours = 12;  // an odd object borrows from one of so many systems of a similar period

// sqrt(chi^2 of a constant - that of noise).
double signal_to_noise(const LightCurve& curve) {
  if (curve.empty()) return 0.0;
  const std::vector<double> constant(curve.phase.size(), 1.0);
  return std::sqrt(std::max(
      0.0, fit_scale(curve, constant.data()).chi2 / noise_level(curve) - static_cast<double>(curve.phase.size())));
}

double signal_to_noise(const Observation& observation) {
  double best = 0.0;
  for (const LightCurve& curve : observation.light_curves) best = std::max(best, signal_to_noise(curve));
  return best;
}

double fraction(double phase) { return phase - std::floor(phase); }

class OddObjects {
 public:
  OddObjects(const Simulator& simulator, std::uint64_t seed)
      : simulator_(simulator), pool_(kPool), random_(seed, 0, Stage::kTest) {
    parallel_for(kPool, 0, [&](std::uint64_t i) { simulator.simulate(seed, i, pool_[i]); });
    std::erase_if(pool_, [](const Simulation& s) { return signal_to_noise(s.observation) < kSeen; });
  }

  std::vector<std::pair<std::string, std::function<Observation()>>> kinds() {
    const auto contact = [this](double low, double high) { return [=, this] { return contact_curve(low, high); }; };
    const auto saw = [this](double low, double high, double rise) {
      return [=, this] {
        const double magnitude = between(0.2, 0.8);
        return shaped(between(low, high), [=](double phase) {
          const double level = phase < rise ? phase / rise : (1.0 - phase) / (1.0 - rise);
          return std::pow(10.0, 0.4 * magnitude * (level - 0.5));
        });
      };
    };
    const auto sine = [this](double low, double high, double least, double most) {
      return [=, this] {
        const double amplitude = between(least, most);
        return shaped(between(low, high), [=](double phase) { return 1.0 - amplitude * std::cos(kTwoPi * phase); });
      };
    };
    return {
        {"contact, P .25 to .4 d", contact(0.25, 0.4)},
        {"contact, P .4 to .6 d", contact(0.4, 0.6)},
        {"contact, P .6 to 1 d", contact(0.6, 1.0)},
        {"lobes filled, equal temperatures", [this] { return lobe_filling_pair(); }},
        {"semi-detached (Algol)", [this] { return algol(); }},
        {"RR Lyrae, P .4 to .8 d", saw(0.4, 0.8, 0.15)},
        {"Cepheid, P 3 to 10 d", saw(3.0, 10.0, 0.3)},
        {"delta Scuti, 1 to 15%", sine(0.06, 0.2, 0.01, 0.15)},
        {"rotation, 1 to 6%", sine(0.5, 12.0, 0.01, 0.06)},
        {"constant", [this] { return shaped(any().observation.period_day, [](double) { return 1.0; }); }},
        {"folded on twice the period",
         [this] { return folded(2.0, [this](double p) { return 0.5 * (p + random_.below(2)); }); }},
        {"folded on half the period", [this] { return folded(0.5, [](double p) { return fraction(2.0 * p); }); }},
        {"epoch off by .1 to .4",
         [this] {
           const double shift = between(0.1, 0.4);
           return folded(1.0, [shift](double p) { return fraction(p + shift); });
         }},
        {"epoch off by .5", [this] { return folded(1.0, [](double p) { return fraction(p + 0.5); }); }},
        {"a band of another star", [this] { return mixed_bands(); }},
        {"photometry of another star",
         [this] {
           Observation odd = any().observation, other = any().observation;
           odd.sed_flux_jy = other.sed_flux_jy;
           odd.sed_sigma_jy = other.sed_sigma_jy;
           return odd;
         }},
        {"parallax of another star",
         [this] {
           Observation odd = any().observation, other = any().observation;
           odd.parallax_mas = other.parallax_mas;
           odd.parallax_sigma_mas = other.parallax_sigma_mas;
           return odd;
         }},
        {"third light, 40 to 80%", [this] { return third_light(); }},
    };
  }

 private:
  double between(double low, double high) { return low + (high - low) * random_.uniform(); }
  const Simulation& any() { return pool_[static_cast<std::size_t>(random_.below(static_cast<int>(pool_.size())))]; }

  // Epochs, errors, photometry and parallax of a system of about that period; flux(phase) and noise.
  Observation shaped(double period_day, const std::function<double(double)>& flux) {
    std::vector<const Simulation*> order;
    for (const Simulation& s : pool_) order.push_back(&s);
    const auto distance = [&](const Simulation* s) {
      return std::fabs(std::log(s->observation.period_day / period_day));
    };
    std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return distance(a) < distance(b); });
    Observation odd = order[static_cast<std::size_t>(random_.below(kNeighbours))]->observation;
    odd.period_day = period_day;
    for (LightCurve& curve : odd.light_curves) {
      for (std::size_t t = 0; t < curve.phase.size(); ++t)
        curve.flux[t] = flux(curve.phase[t]) + curve.sigma[t] * random_.normal();
    }
    return odd;
  }

  // cos(2 phi) and cos(4 phi) as in Rucinski (1993, PASP 105, 1433), where contact binaries have a4 > a2 (.125 - a2).
  Observation contact_curve(double low, double high) {
    const double a1 = between(-0.015, 0.0), a2 = between(-0.22, -0.08), a4 = a2 * (0.125 - a2) * between(0.4, 1.0);
    return shaped(between(low, high), [=](double phase) {
      const double x = kTwoPi * phase;
      return 1.0 + a1 * std::cos(x) + a2 * std::cos(2.0 * x) + a4 * std::cos(4.0 * x);
    });
  }

  // What the surveys that saw a system of the pool would see of theta, which need not be in the prior.
  Observation observed(const std::function<Theta()>& draw) {
    Observation odd;
    for (int attempt = 0; attempt < 1000; ++attempt) {
      if (observe(draw(), odd)) return odd;
    }
    throw std::runtime_error("warning_rates: no such binary has a light curve");
  }
  bool observe(const Theta& theta, Observation& odd) {
    odd = any().observation;
    odd.period_day = derive_system(theta).period_day;
    Observation clean;
    if (simulator_.predict(theta, odd, clean) != Status::kOk) return false;
    for (std::size_t c = 0; c < kChannelCount; ++c) {
      LightCurve& curve = odd.light_curves[c];
      for (std::size_t t = 0; t < curve.phase.size(); ++t)
        curve.flux[t] = clean.light_curves[c].flux[t] + curve.sigma[t] * random_.normal();
    }
    for (std::size_t k = 0; k < kSedBandCount; ++k) {
      const double error = odd.sed_sigma_jy[k] / odd.sed_flux_jy[k];
      odd.sed_flux_jy[k] = std::isfinite(error) ? clean.sed_flux_jy[k] * (1.0 + error * random_.normal()) : kMissing;
      odd.sed_sigma_jy[k] = error * clean.sed_flux_jy[k];
    }
    odd.parallax_mas = 1e3 / theta[kDistance] + odd.parallax_sigma_mas * random_.normal();
    return signal_to_noise(odd) > kSeen;
  }

  // A circular binary around a secondary that all but fills its Roche lobe.
  Theta close_pair(double msum, double q, double period_day) {
    Theta theta = any().draw.theta;
    theta[kMsum] = msum;
    theta[kQ] = q;
    theta[kEccentricity] = 1e-4;
    const double a = sma_from_period_rsun(period_day, msum);
    theta[kRadius2] = kFilling * a * roche_lobe_radius(1.0 / q);
    theta[kRsumFrac] = a;  // until the radius of the primary is known
    return theta;
  }

  Observation lobe_filling_pair() {
    return observed([this] {
      Theta theta = close_pair(between(1.2, 2.5), between(0.2, 0.7), between(0.28, 0.7));
      const double a = theta[kRsumFrac];
      theta[kRadius1] = kFilling * a * roche_lobe_radius(theta[kQ]);
      theta[kRsumFrac] = (theta[kRadius1] + theta[kRadius2]) / a;
      theta[kCosI] = between(0.0, 0.4);
      theta[kTeff1] = between(5000.0, 7000.0);
      theta[kTeff2] = theta[kTeff1] * between(0.95, 1.05);
      return theta;
    });
  }

  Observation algol() {
    return observed([this] {
      Theta theta = close_pair(between(2.0, 4.0), between(0.15, 0.35), between(1.2, 5.0));
      const double a = theta[kRsumFrac], mass1 = theta[kMsum] / (1.0 + theta[kQ]);
      theta[kRadius1] = 1.5 * std::pow(mass1, 0.6);
      theta[kRsumFrac] = (theta[kRadius1] + theta[kRadius2]) / a;
      theta[kCosI] = between(0.0, 0.6) * theta[kRsumFrac];
      theta[kTeff1] = 6000.0 * std::pow(mass1, 0.55);
      theta[kTeff2] = between(4300.0, 5300.0);
      return theta;
    });
  }

  // move: old phase to new, within [0, 1).
  Observation folded(double period_factor, const std::function<double(double)>& move) {
    Observation odd = any().observation;
    odd.period_day *= period_factor;
    for (LightCurve& curve : odd.light_curves) {
      const LightCurve old = curve;
      std::vector<double> phase(old.phase.size());
      std::transform(old.phase.begin(), old.phase.end(), phase.begin(), move);
      std::vector<std::size_t> order(phase.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return phase[a] < phase[b]; });
      for (std::size_t t = 0; t < order.size(); ++t) {
        curve.phase[t] = phase[order[t]];
        curve.flux[t] = old.flux[order[t]];
        curve.sigma[t] = old.sigma[order[t]];
      }
    }
    return odd;
  }

  // The first light curve of one that has several becomes another star's.
  Observation mixed_bands() {
    while (true) {
      const Simulation &one = any(), &other = any();
      Observation odd = one.observation;
      for (std::size_t c = 0; c < kChannelCount && &one != &other; ++c) {
        if (odd.light_curves[c].empty() || signal_to_noise(other.observation.light_curves[c]) < kSeen) continue;
        odd.light_curves[c].clear();
        if (signal_to_noise(odd) < kSeen) break;
        odd.light_curves[c] = other.observation.light_curves[c];
        return odd;
      }
    }
  }

  Observation third_light() {
    Observation odd = any().observation;
    const double light = between(0.4, 0.8), own = 1.0 - light;
    for (LightCurve& curve : odd.light_curves) {
      for (std::size_t t = 0; t < curve.flux.size(); ++t) {
        curve.flux[t] = own * curve.flux[t] + light + std::sqrt(1.0 - own * own) * curve.sigma[t] * random_.normal();
      }
    }
    return odd;
  }

  const Simulator& simulator_;
  std::vector<Simulation> pool_;
  RandomStream random_;
};

void run(const std::string& checkpoint, const std::string& data, std::uint64_t seed, std::size_t systems,
         std::size_t objects) {
  set_torch_threads(1);
  const NeuralPosterior posterior = NeuralPosterior::load(checkpoint, "cpu");
  const LoadedSimulator simulator(
      data, read_simulation_settings(Config::parse(posterior.info().provenance.simulation, checkpoint)));

  const auto measure = [&](const std::string& kind, const std::vector<Observation>& observations) {
    std::array<int, kCheckCount> passed{};
    int warned = 0;
    std::vector<std::array<double, kCheckCount>> scores(observations.size());
    std::vector<char> constant(observations.size());
    parallel_for(observations.size(), 0, [&](std::uint64_t i) {
      Object object;
      object.name = fmt::format("{} {} {}", kind, seed, i);
      object.observation = observations[i];
      constant[i] = looks_constant(observations[i]);
      InferenceOptions options;
      options.samples = 500;
      options.threads = 1;
      try {
        scores[i] = infer_object(*simulator, posterior, object, options).diagnostics.scores;
      } catch (const UserError&) {
        scores[i].fill(INFINITY);  // nothing of the posterior is inside the prior: infer refuses the object
      }
    });
    int flat = 0;
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const auto& score = scores[i];
      flat += constant[i];
      warned += constant[i] || !within_limits(score);
      for (std::size_t k = 0; k < kCheckCount; ++k) passed[k] += score[k] > kChecks[k].limit;
    }
    fmt::print("{:<34}{:>6}{:>8}", kind, observations.size(), warned);
    for (const int count : passed) fmt::print("{:>12}", count);
    fmt::print("{:>12}", flat);
    for (std::size_t k = 0; k < kCheckCount; ++k) {
      std::vector<double> column;
      for (const auto& score : scores) column.push_back(score[k]);
      std::sort(column.rbegin(), column.rend());
      fmt::print("  ");
      for (std::size_t i = 0; i < std::min<std::size_t>(4, column.size()); ++i) fmt::print(" {:.3g}", column[i]);
    }
    fmt::print("\n");
    std::fflush(stdout);
  };

  fmt::print("{:<34}{:>6}{:>8}", "kind", "of", "warned");
  for (const CheckInfo& check : kChecks) fmt::print("{:>12}", check.name);
  fmt::print("{:>12}   largest scores\n", "constant");
  std::vector<Observation> observations(systems);
  parallel_for(systems, 0, [&](std::uint64_t i) {
    Simulation simulation;
    simulator->simulate(seed, kPool + i, simulation);
    observations[i] = simulation.observation;
  });
  measure("systems of the prior", observations);
  OddObjects odd(*simulator, seed);
  for (const auto& [kind, make] : odd.kinds()) {
    observations.clear();
    for (std::size_t i = 0; i < objects; ++i) observations.push_back(make());
    measure(kind, observations);
  }
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  const auto number = [&](int i, std::uint64_t fallback) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : fallback;
  };
  if (argc < 3) {
    fmt::print(stderr, "usage: warning_rates CHECKPOINT DATA [SEED [SYSTEMS [OBJECTS A KIND]]]\n");
    return 2;
  }
  penumbra::run(argv[1], argv[2], number(3, 9002), number(4, 300), number(5, 20));
}
