#include "experiments/observations/nearest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>

#include "base/parallel.h"
#include "base/progress.h"
#include "sim/orbit.h"
#include "sim/space_mission.h"

namespace penumbra {
namespace {

constexpr int kCurveChannels = kTessChannel + 1;
constexpr std::size_t kFewestPoints = 100;  // of a light curve worth folding
constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// Mean fluxes in bins of phase, one channel after the other. weight: 1 / error^2, 0 where nothing was observed.
struct Binned {
  std::vector<float> flux, weight;  // [kCurveChannels][bins]
};

// Systems of the prior without noise. Each comes twice, with either conjunction at phase 0, as an observer who calls
// the deeper eclipse primary may choose either.
struct Library {
  std::vector<float> flux;  // [systems * 2][kCurveChannels][bins]
  std::vector<Theta> theta;
  std::vector<double> secondary_phase;  // after phase 0 in the first of the two
  std::size_t stride = 0;
  const float* curves(std::size_t variant) const { return flux.data() + variant * stride; }
};

// Flux of one system in every bin, averaged over the bin, for both choices of phase 0: out[2][kCurveChannels][bins].
bool fold_model(const Simulator& simulator, const Theta& theta, int bins, double& secondary, float* out) {
  const System system = derive_system(theta);
  const Orbit orbit = make_orbit(system.eccentricity, system.omega_rad, system.cos_i);
  secondary = fold_phase(orbit.phase(-0.5 * kPi - orbit.omega));
  Observation like, model;
  like.period_day = system.period_day;
  for (int c = 0; c < kCurveChannels; ++c) {
    LightCurve& curve = like.light_curves[static_cast<std::size_t>(c)];
    curve.exposure_day = system.period_day / bins;
    for (const double start : {0.0, secondary}) {
      for (int b = 0; b < bins; ++b) curve.phase.push_back(fold_phase(start + (b + 0.5) / bins));
    }
  }
  if (simulator.predict(theta, like, model) != Status::kOk) return false;
  const auto n = static_cast<std::size_t>(bins);
  for (std::size_t c = 0; c < kCurveChannels; ++c) {
    for (std::size_t v = 0; v < 2; ++v) {
      for (std::size_t b = 0; b < n; ++b)
        out[(v * kCurveChannels + c) * n + b] = static_cast<float>(model.light_curves[c].flux[v * n + b]);
    }
  }
  return true;
}

Library make_library(const Simulator& simulator, std::uint64_t seed, int systems, int bins, int threads) {
  Library library;
  library.stride = static_cast<std::size_t>(kCurveChannels * bins);
  library.flux.resize(2 * static_cast<std::size_t>(systems) * library.stride);
  library.theta.resize(static_cast<std::size_t>(systems));
  library.secondary_phase.resize(library.theta.size());
  Progress progress("light curves", static_cast<std::uint64_t>(systems));
  parallel_for(static_cast<std::uint64_t>(systems), threads, [&](std::uint64_t i) {
    float* out = library.flux.data() + 2 * i * library.stride;
    std::uint64_t attempt = 0;
    do {
      library.theta[i] = simulator.prior().draw(seed, i + (attempt++ << 40)).theta;
    } while (!fold_model(simulator, library.theta[i], bins, library.secondary_phase[i], out));
    progress.advance();
  });
  return library;
}

// Averages one channel of a real star in bins. Points further than 4 robust standard deviations from their bin's
// median are left out; errors are the quoted ones times the scatter that neighbouring points show.
void fold_real(const Curve& curve, double period_day, double epoch_day, double scatter, int bins, std::size_t channel,
               Binned& out) {
  constexpr double kClip = 4.0;
  constexpr std::size_t kFewestToClip = 5;
  std::vector<std::vector<std::size_t>> inside(static_cast<std::size_t>(bins));
  for (std::size_t i = 0; i < curve.flux.size(); ++i)
    inside[static_cast<std::size_t>(fold_phase((curve.time_day[i] - epoch_day) / period_day) * bins)].push_back(i);
  for (std::size_t b = 0; b < inside.size(); ++b) {
    std::vector<double> values, deviations;
    for (const std::size_t i : inside[b]) values.push_back(curve.flux[i]);
    const double middle = quantile_of(values, 0.5);
    for (const double v : values) deviations.push_back(std::abs(v - middle));
    const double reach = values.size() < kFewestToClip ? INFINITY : kClip * 1.4826 * quantile_of(deviations, 0.5);
    double sum = 0.0, weight = 0.0;
    for (const std::size_t i : inside[b]) {
      if (std::abs(curve.flux[i] - middle) > reach) continue;
      const double error = curve.sigma[i] * curve.flux[i], w = 1.0 / (error * error);
      sum += w * curve.flux[i];
      weight += w;
    }
    if (weight == 0.0) continue;
    out.flux[channel * inside.size() + b] = static_cast<float>(sum / weight);
    out.weight[channel * inside.size() + b] = static_cast<float>(weight / (scatter * scatter));
  }
}

// chi^2 of a channel with the model at its best level, <f m> / <m m> with the weights.
double chi_squared(const float* f, const float* w, const float* m, std::size_t n) {
  float fm = 0.0f, mm = 0.0f, sum = 0.0f;
#pragma omp simd reduction(+ : fm, mm)
  for (std::size_t b = 0; b < n; ++b) {
    fm += w[b] * f[b] * m[b];
    mm += w[b] * m[b] * m[b];
  }
  const float level = fm / mm;
#pragma omp simd reduction(+ : sum)
  for (std::size_t b = 0; b < n; ++b) {
    const float difference = f[b] - level * m[b];
    sum += w[b] * difference * difference;
  }
  return static_cast<double>(sum);
}

struct Nearest {
  std::size_t variant = 0;
  double distance = INFINITY;  // chi^2 a bin
};

// Of all systems but `except`.
Nearest nearest_of(const Binned& star, const Library& library, int bins, std::size_t except = kNone) {
  const auto n = static_cast<std::size_t>(bins);
  std::vector<std::size_t> channels;
  double used = 0.0;
  for (std::size_t c = 0; c < kCurveChannels; ++c) {
    const auto filled =
        std::count_if(star.weight.begin() + static_cast<std::ptrdiff_t>(c * n),
                      star.weight.begin() + static_cast<std::ptrdiff_t>((c + 1) * n), [](float w) { return w > 0.0f; });
    if (filled == 0) continue;
    channels.push_back(c);
    used += static_cast<double>(filled);
  }
  Nearest best;
  for (std::size_t v = 0; v < 2 * library.theta.size(); ++v) {
    if (v / 2 == except) continue;
    double chi2 = 0.0;
    for (const std::size_t c : channels) {
      chi2 += chi_squared(star.flux.data() + c * n, star.weight.data() + c * n, library.curves(v) + c * n, n);
      if (chi2 > best.distance * used) break;
    }
    if (chi2 < best.distance * used) best = {v, chi2 / used};
  }
  return best;
}

// log10 of how deep a light curve falls and of how much light is lost altogether, in the first channel observed:
// what a stand-in shares with a real star.
std::array<double, 2> look(const Binned& star, int bins) {
  const auto n = static_cast<std::size_t>(bins);
  std::vector<double> flux;
  for (std::size_t c = 0; c < kCurveChannels && flux.empty(); ++c) {
    for (std::size_t b = 0; b < n; ++b) {
      if (star.weight[c * n + b] > 0.0f) flux.push_back(star.flux[c * n + b]);
    }
  }
  const double level = quantile_of(flux, 0.8);
  double lost = 0.0;
  for (const double f : flux) lost += std::max(0.0, 1.0 - f / level) / static_cast<double>(flux.size());
  return {std::log10(std::max(1e-6, 1.0 - quantile_of(flux, 0.01) / level)), std::log10(std::max(1e-6, lost))};
}

struct RealBinary {
  std::string object, kind, channels;
  double period_day, secondary_phase;
  Binned binned;
};

std::vector<RealBinary> real_binaries(const RealData& real, int bins) {
  std::map<std::string, RealBinary> binaries;
  for (std::size_t c = 0; c < kCurveChannels; ++c) {
    std::map<std::string, Curve> curves;  // all sectors of a star together
    for (const RealStar& star : real.stars[c]) {
      if (!std::isfinite(star.period_day)) continue;
      Curve& all = curves[star.object];
      all.time_day.insert(all.time_day.end(), star.curve.time_day.begin(), star.curve.time_day.end());
      all.flux.insert(all.flux.end(), star.curve.flux.begin(), star.curve.flux.end());
      all.sigma.insert(all.sigma.end(), star.curve.sigma.begin(), star.curve.sigma.end());
    }
    for (const RealStar& star : real.stars[c]) {
      const auto found = curves.find(star.object);
      if (found == curves.end() || found->second.flux.size() < kFewestPoints) continue;
      RealBinary& binary = binaries[star.object];
      binary.object = star.object;
      binary.kind = star.kind;
      binary.period_day = star.period_day;
      binary.secondary_phase = std::isfinite(star.secondary_phase) ? star.secondary_phase : 0.5;
      if (binary.binned.flux.empty()) {
        binary.binned.flux.assign(static_cast<std::size_t>(kCurveChannels * bins), 1.0f);
        binary.binned.weight.assign(static_cast<std::size_t>(kCurveChannels * bins), 0.0f);
      }
      const Folding folding{star.period_day, true, 1.0};
      const double log_scatter = c == kTessChannel ? measure_sector(star.curve, folding)[kScatter]
                                                   : measure_ground(star.curve, folding)[kScatter];
      const double scatter = std::isfinite(log_scatter) ? std::max(1.0, std::pow(10.0, log_scatter)) : 1.0;
      fold_real(found->second, star.period_day, star.epoch_day, scatter, bins, c, binary.binned);
      binary.channels += fmt::format("{}{}", binary.channels.empty() ? "" : " ", kChannels[c].name);
      curves.erase(found);
    }
  }
  std::vector<RealBinary> list;
  for (auto& [object, binary] : binaries) list.push_back(std::move(binary));
  return list;
}

// The variant of a system with the deeper eclipse at phase 0 in the first channel that `like` has.
std::size_t deeper_first(const Library& library, std::size_t system, const Binned& like, int bins) {
  const auto n = static_cast<std::size_t>(bins);
  const auto first = std::ranges::find_if(like.weight, [](float w) { return w > 0.0f; }) - like.weight.begin();
  const std::size_t c = static_cast<std::size_t>(first) / n * n;
  return 2 * system + (library.curves(2 * system)[c] <= library.curves(2 * system + 1)[c] ? 0 : 1);
}

// A simulated system with the bins and the noise of a real star.
Binned stand_in(const float* curves, const Binned& like, RandomStream random) {
  Binned star = like;
  for (std::size_t k = 0; k < star.flux.size(); ++k) {
    if (like.weight[k] > 0.0f)
      star.flux[k] = curves[k] + static_cast<float>(random.normal()) / std::sqrt(like.weight[k]);
  }
  return star;
}

// Systems of the library that look most like a real one.
struct StandIns {
  std::vector<std::size_t> system;
  std::vector<Binned> binned;
  std::vector<double> depth;
};

StandIns choose_stand_ins(const RealBinary& star, const Library& library, std::size_t count, int bins,
                          const std::function<RandomStream(std::size_t)>& random) {
  constexpr double kAlikePhase = 0.03;  // as different as a factor of ten in depth or light
  const std::array<double, 2> own = look(star.binned, bins);
  const std::size_t systems = library.theta.size();
  std::vector<double> unlike(systems), depth(systems);
  std::vector<std::size_t> variant(systems), order(systems);
  for (std::size_t k = 0; k < systems; ++k) {
    variant[k] = deeper_first(library, k, star.binned, bins);
    const std::array<double, 2> other = look(stand_in(library.curves(variant[k]), star.binned, random(k)), bins);
    const double secondary = variant[k] % 2 == 0 ? library.secondary_phase[k] : 1.0 - library.secondary_phase[k];
    unlike[k] = std::hypot(own[0] - other[0], own[1] - other[1], (secondary - star.secondary_phase) / kAlikePhase);
    depth[k] = std::pow(10.0, other[0]);
  }
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t k) { return unlike[k]; });
  order.resize(std::min(count, systems));
  StandIns chosen;
  for (const std::size_t k : order) {
    chosen.system.push_back(k);
    chosen.binned.push_back(stand_in(library.curves(variant[k]), star.binned, random(k)));
    chosen.depth.push_back(depth[k]);
  }
  return chosen;
}

}  // namespace

NearestResult find_nearest(const RealData& real, const Simulator& simulator, const NearestSettings& settings) {
  const int bins = settings.phase_bins;
  const auto n = static_cast<std::size_t>(bins);
  const Library library = make_library(simulator, settings.seed, settings.library, bins, settings.threads);
  const std::vector<RealBinary> binaries = real_binaries(real, bins);

  NearestResult result;
  result.distances =
      "object,kind,channels,period_day,secondary_phase,bins,chi2_a_bin,stand_ins_16,stand_ins_50,stand_ins_84,share_"
      "nearer,depth,"
      "stand_in_depth_16,stand_in_depth_84,msum,q,feh,rsumfrac,e,omega,cos_i,teff1,teff2,radius1,radius2\n";
  result.curves = "object,channel,phase,flux,error,nearest\n";
  result.binaries = static_cast<int>(binaries.size());
  std::vector<std::vector<double>> strata;
  Progress progress("nearest systems", binaries.size());
  for (std::size_t i = 0; i < binaries.size(); ++i) {
    const RealBinary& star = binaries[i];
    const Nearest nearest = nearest_of(star.binned, library, bins);

    const std::array<double, 2> own = look(star.binned, bins);
    const StandIns others =
        choose_stand_ins(star, library, static_cast<std::size_t>(settings.stand_ins), bins, [&](std::size_t k) {
          return RandomStream(settings.seed, (1ull << 36) + (static_cast<std::uint64_t>(i) << 24) + k, Stage::kTest);
        });
    std::vector<double> distances(others.system.size());
    parallel_for(distances.size(), settings.threads, [&](std::uint64_t k) {
      distances[k] = nearest_of(others.binned[k], library, bins, others.system[k]).distance;
    });
    progress.advance();

    std::vector<double> stratum{std::log10(nearest.distance)};
    for (const double d : distances) stratum.push_back(std::log10(d));
    strata.push_back(std::move(stratum));
    const auto nearer = std::ranges::count_if(distances, [&](double d) { return d < nearest.distance; });
    const auto used = std::ranges::count_if(star.binned.weight, [](float w) { return w > 0.0f; });
    const Theta& t = library.theta[nearest.variant / 2];
    result.distances += fmt::format(
        "{},{},{},{:.6g},{:.3f},{},{:.4g},{:.4g},{:.4g},{:.4g},{:.3f},{:.3g},{:.3g},{:.3g},{:.3f},{:.3f},{:.2f},{:.4f},"
        "{:.4f},"
        "{:.3f},{:.4f},{:.0f},{:.0f},{:.3f},{:.3f}\n",
        star.object, star.kind, star.channels, star.period_day, star.secondary_phase, used, nearest.distance,
        quantile_of(distances, 0.16), quantile_of(distances, 0.5), quantile_of(distances, 0.84),
        static_cast<double>(nearer) / static_cast<double>(distances.size()), std::pow(10.0, own[0]),
        quantile_of(others.depth, 0.16), quantile_of(others.depth, 0.84), t[kMsum], t[kQ], t[kFeh], t[kRsumFrac],
        t[kEccentricity], t[kOmega], t[kCosI], t[kTeff1], t[kTeff2], t[kRadius1], t[kRadius2]);
    for (std::size_t c = 0; c < kCurveChannels; ++c) {
      const float *f = star.binned.flux.data() + c * n, *w = star.binned.weight.data() + c * n;
      const float* m = library.curves(nearest.variant) + c * n;
      double fm = 0.0, mm = 0.0;
      for (std::size_t b = 0; b < n; ++b) {
        fm += static_cast<double>(w[b] * f[b] * m[b]);
        mm += static_cast<double>(w[b] * m[b] * m[b]);
      }
      for (std::size_t b = 0; b < n && mm > 0.0; ++b) {
        result.curves += fmt::format(
            "{},{},{:.5f},{},{},{:.6f}\n", star.object, kChannels[c].name, (static_cast<double>(b) + 0.5) / bins,
            w[b] > 0.0f ? fmt::format("{:.6f}", f[b]) : "",
            w[b] > 0.0f ? fmt::format("{:.3g}", 1.0f / std::sqrt(w[b])) : "", fm / mm * static_cast<double>(m[b]));
      }
    }
  }
  RandomStream permutations(settings.seed, 1u << 23, Stage::kTest);
  const auto test = [&](const char* name, const std::function<bool(const RealBinary&)>& belongs) {
    std::vector<std::vector<double>> chosen;
    for (std::size_t i = 0; i < binaries.size(); ++i) {
      if (belongs(binaries[i])) chosen.push_back(strata[i]);
    }
    result.tests.push_back({"eclipsing binaries", name, kolmogorov_smirnov(chosen, settings.permutations, permutations),
                            kMissing, kMissing});
  };
  const auto circular = [](const RealBinary& b) { return std::abs(b.secondary_phase - 0.5) < 0.02; };
  test("nearest_all", [](const RealBinary&) { return true; });
  test("nearest_ea_circular", [&](const RealBinary& b) { return b.kind == "EA" && circular(b); });
  test("nearest_ea_eccentric", [&](const RealBinary& b) { return b.kind == "EA" && !circular(b); });
  test("nearest_other_kinds", [](const RealBinary& b) { return b.kind != "EA"; });
  return result;
}

std::string compare_detections(const RealData& real, const Simulator& simulator, const NearestSettings& settings) {
  constexpr double kBrightest = 9.0, kFaintest = 20.0;  // of Gaia G, in bins of one magnitude
  constexpr std::size_t kFewest = 20;
  constexpr auto kBins = static_cast<std::size_t>(kFaintest - kBrightest);
  struct Count {
    std::size_t all = 0, listed = 0;
  };
  using Counts = std::array<std::array<Count, kSedBandCount>, kBins>;
  Counts simulated{}, observed{};
  const auto add = [&](Counts& counts, double g, std::size_t band, bool listed) {
    if (!(g >= kBrightest && g < kFaintest)) return;
    Count& count = counts[static_cast<std::size_t>(g - kBrightest)][band];
    ++count.all;
    if (listed) ++count.listed;
  };
  std::vector<double> g(static_cast<std::size_t>(settings.detections));
  std::vector<std::array<bool, kSedBandCount>> listed(g.size());
  Progress progress("catalogue entries", g.size());
  parallel_for(g.size(), settings.threads, [&](std::uint64_t i) {
    Simulation simulation;
    Observation nothing, model;
    simulator.simulate(settings.seed, i, simulation);
    nothing.period_day = simulation.system.period_day;
    const Status status = simulator.predict(simulation.draw.theta, nothing, model);
    g[i] = status == Status::kOk
               ? -2.5 * std::log10(model.sed_flux_jy[kGaiaG] / simulator.tables().zero_point_jy[kGaiaG])
               : kMissing;
    for (std::size_t k = 0; k < kSedBandCount; ++k) listed[i][k] = std::isfinite(simulation.observation.sed_flux_jy[k]);
    progress.advance();
  });
  for (std::size_t i = 0; i < g.size(); ++i) {
    for (std::size_t k = 0; k < kSedBandCount; ++k) add(simulated, g[i], k, listed[i][k]);
  }
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    for (std::size_t i = 0; i < real.field.listed[k].size(); ++i)
      add(observed, real.field.g[i], k, real.field.listed[k][i] > 0.5);
  }
  std::string csv = "band,g,real_stars,real_share,simulated_stars,simulated_share\n";
  for (std::size_t k = 0; k < kSedBandCount; ++k) {
    for (std::size_t b = 0; b < kBins; ++b) {
      const Count &r = observed[b][k], &s = simulated[b][k];
      if (r.all < kFewest || s.all < kFewest) continue;
      csv +=
          fmt::format("{},{:.1f},{},{:.3f},{},{:.3f}\n", kPassbands[k].name, kBrightest + static_cast<double>(b) + 0.5,
                      r.all, static_cast<double>(r.listed) / static_cast<double>(r.all), s.all,
                      static_cast<double>(s.listed) / static_cast<double>(s.all));
    }
  }
  return csv;
}

}  // namespace penumbra
