// The light curve's error over the prior against plain sums over elements (reference_mesh.h), interpolation to the
// epochs included. PENUMBRA_ACCURACY_DRAWS=500 (`make accuracy`) takes that many draws with heating and writes every
// one's errors to PENUMBRA_ACCURACY_FILE, which tools/accuracy.py reads. Needs the data tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/random.h"
#include "sim/light_curve.h"
#include "sim/prior.h"
#include "sim/simulate.h"
#include "tests/sim/reference_mesh.h"

namespace penumbra {
namespace {

const std::filesystem::path kData = PENUMBRA_SOURCE_DIR "/data";
const Effects kNoReflection{.reflection = Reflection::kNone};

const Resolution kPrecise = Resolution::precise();

// Required of the largest difference over the phases, as a share of the flux out of eclipse.
struct Setting {
  const char* name;
  Resolution resolution;
  double tolerance;
};
const Setting kSettings[] = {{"default", {}, 5e-5}, {"precise", kPrecise, 1e-5}};
constexpr int kRings = 160;  // 33,000 elements a star, and a quarter of that: 1e-6 to 5e-6 off their limit, mostly
constexpr int kFineRings = 240;

// Rings of the meshes that heating is summed over: more where the stars come close.
int heating_rings(const System& system) {
  const double sum = (system.star[0].radius_rsun + system.star[1].radius_rsun) / system.sma_rsun;
  const double gap = 1.0 - sum / (1.0 - system.eccentricity);
  return 2 * static_cast<int>(std::lround(std::min(24.0, 6.0 / gap)));
}

struct Target {
  System system;
  StarBand band[2];
};

std::array<Prior, 2> make_priors(const Tables& from) {
  const auto prior = [&](const char* name) { return Prior(named_prior(name), from.tracks.view(), from.dust.view()); };
  return {prior("field"), prior("paper")};
}

const Tables& tables() {
  static const Tables tables = Tables::load(kData);
  return tables;
}

// Draw `index` of the two priors in turn.
System draw_system(std::uint64_t index) {
  static const std::array<Prior, 2> priors = make_priors(tables());
  return derive_system(priors[index % 2].draw(77, index).theta);
}

// The same through one of four passbands: false where the tables do not hold the stars.
bool draw(std::uint64_t index, Target& target) {
  constexpr Passband kBands[4] = {kSdssG, kTess, kJohnsonV, kZtfR};
  target.system = draw_system(index);
  for (int k = 0; k < 2; ++k) {
    if (expand_star(tables().atmosphere.view(), target.system.star[k], target.system.feh, &kBands[index / 2 % 4], 1,
                    &target.band[k]) != Status::kOk)
      return false;
  }
  return true;
}

// Eight phases round the orbit and, for each side of each eclipse, two in its middle and six from the inner to the
// outer contact, dense at both.
std::vector<double> phases_that_matter(const System& system, std::uint64_t index) {
  RandomStream random(23, index, Stage::kTest);
  std::vector<double> phases;
  phases.reserve(40);
  for (int i = 0; i < 8; ++i) phases.push_back((i + random.uniform()) / 8.0);
  const ReferenceMesh mesh(system, {}, 1);
  const double r0 = system.star[0].radius_rsun / system.sma_rsun, r1 = system.star[1].radius_rsun / system.sma_rsun;
  constexpr int kScan = 20000;
  for (const bool primary : {true, false}) {
    std::vector<double> distance;
    for (int i = 0; i < kScan; ++i) {
      const ReferenceMesh::Sky sky = mesh.sky(static_cast<double>(i) / kScan);
      distance.push_back(sky.primary_behind == primary ? sky.distance : 9.0);
    }
    const int deepest = static_cast<int>(std::min_element(distance.begin(), distance.end()) - distance.begin());
    for (const int step : {-1, 1}) {
      // Steps from mid-eclipse until the projected distance exceeds a limit.
      const auto steps_to = [&](double limit) {
        int i = 0;
        while (i < kScan / 2 && distance[static_cast<std::size_t>((deepest + step * i + kScan) % kScan)] < limit) ++i;
        return i;
      };
      const int inner = steps_to(std::abs(r0 - r1)), outer = steps_to(r0 + r1);
      const auto add = [&](double steps) { phases.push_back((deepest + step * steps) / kScan); };
      if (outer == 0) continue;
      for (int i = 0; i < 2; ++i) add(inner * random.uniform());
      for (int i = 0; i < 6; ++i) {
        const double s = std::sin(0.5 * kPi * (i + random.uniform()) / 6.0);
        add(inner + (outer - inner) * s * s);
      }
    }
  }
  return phases;
}

struct Error {
  std::uint64_t index;
  double largest, phase;
};

// Errors of the settings, in their order, against meshes of `rings` rings; none where the system has no closed
// geometry.
std::vector<Error> measure(const Target& target, std::uint64_t index, Reflection reflection, int rings) {
  std::vector<Error> errors;
  PhaseCurve curve[std::size(kSettings)];
  for (std::size_t s = 0; s < std::size(kSettings); ++s) {
    if (render_phase_curve(target.system, &target.band[0], &target.band[1], 1, kSettings[s].resolution,
                           {.reflection = reflection}, curve[s]) != Status::kOk)
      return errors;
  }
  ReferenceFlux reference(target.system, {reference_band(target.band[0]), reference_band(target.band[1])}, rings);
  if (reflection != Reflection::kNone) reference.heat(reflection, heating_rings(target.system));
  double level = 0.0;
  errors.assign(std::size(kSettings), {index, 0.0, 0.0});
  for (const double phase : phases_that_matter(target.system, index)) {
    const double expected = reference(phase);
    level = std::max(level, expected);
    for (std::size_t s = 0; s < errors.size(); ++s) {
      const double error = std::abs(phase_curve_flux(curve[s], 0, phase, 0.0) - expected);
      if (!(error <= errors[s].largest)) errors[s] = {index, error, phase};
    }
  }
  for (Error& error : errors) error.largest /= level;
  return errors;
}

// The same; what comes near the tolerance may be the mesh's own error, so a finer one decides.
std::vector<Error> measure(const Target& target, std::uint64_t index, Reflection reflection) {
  const std::vector<Error> errors = measure(target, index, reflection, kRings);
  for (std::size_t s = 0; s < errors.size(); ++s)
    if (!(errors[s].largest < 0.7 * kSettings[s].tolerance)) return measure(target, index, reflection, kFineRings);
  return errors;
}

// A new file of this name in PENUMBRA_ACCURACY_FOLDER; null where that is not asked for.
std::FILE* open_report(const char* name, const char* header) {
  const char* folder = std::getenv("PENUMBRA_ACCURACY_FOLDER");
  if (folder == nullptr) return nullptr;
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) {
    ADD_FAILURE() << path << ": cannot be written";
    return nullptr;
  }
  std::fprintf(file, "%s\n", header);
  return file;
}

// Horvat's and Wilson's scheme in turn.
Reflection scheme_of(std::uint64_t index) { return index / 8 % 2 == 0 ? Reflection::kHorvat : Reflection::kWilson; }

void check_draws(const std::vector<std::uint64_t>& indices, bool heated, std::FILE* file) {
  std::vector<Error> errors[std::size(kSettings)];
  for (const std::uint64_t index : indices) {
    Target target;
    if (!draw(index, target)) continue;
    const Reflection scheme = heated ? scheme_of(index) : Reflection::kNone;
    const std::vector<Error> found = measure(target, index, scheme);
    for (std::size_t s = 0; s < found.size(); ++s) errors[s].push_back(found[s]);
    if (file != nullptr && !found.empty()) {
      std::fprintf(file, "%llu,%s,%.2e,%.2e\n", static_cast<unsigned long long>(index),
                   kReflectionNames[static_cast<std::size_t>(scheme)].data(), found[0].largest, found[1].largest);
      std::fflush(file);
    }
  }
  EXPECT_GT(errors[0].size(), indices.size() * 9 / 10);
  for (std::size_t s = 0; s < std::size(kSettings); ++s) {
    std::sort(errors[s].begin(), errors[s].end(),
              [](const Error& a, const Error& b) { return !(a.largest > b.largest); });
    const auto quantile = [&](double p) {
      return errors[s][static_cast<std::size_t>(p * static_cast<double>(errors[s].size() - 1))].largest;
    };
    std::printf("%s resolution, largest error of a curve, %zu draws: median %.1e, 90%% %.1e, 99%% %.1e, all %.1e\n",
                kSettings[s].name, errors[s].size(), quantile(0.5), quantile(0.9), quantile(0.99), quantile(1.0));
    for (std::size_t i = 0; i < std::min<std::size_t>(errors[s].size(), 5); ++i) {
      const Error& e = errors[s][errors[s].size() - 1 - i];
      std::printf("  draw %llu: %.1e at phase %.5f\n", static_cast<unsigned long long>(e.index), e.largest, e.phase);
    }
    for (const Error& e : errors[s])
      EXPECT_LT(e.largest, kSettings[s].tolerance)
          << kSettings[s].name << ", draw " << e.index << ", phase " << e.phase;
  }
}

#define NEED_TABLES()                                            \
  if (!std::filesystem::exists(kData / "tables/atmospheres.h5")) \
  GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables"

TEST(Accuracy, OverThePrior) {
  NEED_TABLES();
  // The hardest draws found, stars that fill .96 to .998 of their Roche lobes (9, 64, 104, 108), and a few more.
  check_draws({7, 9, 12, 19, 30, 34, 35, 48, 64, 77, 104, 108, 200, 201, 286}, false, nullptr);
}

TEST(Accuracy, OverThePriorWithHeating) {
  NEED_TABLES();
  const char* asked = std::getenv("PENUMBRA_ACCURACY_DRAWS");
  if (asked == nullptr) return check_draws({9, 62, 104, 286, 339, 421}, true, nullptr);
  std::vector<std::uint64_t> indices;
  for (int i = 0; i < std::atoi(asked); ++i) indices.push_back(static_cast<std::uint64_t>(i));
  std::FILE* file = open_report("accuracy_draws.csv", "draw,reflection,default,precise");
  check_draws(indices, true, file);
  if (file != nullptr) std::fclose(file);
}

// What the default number of points costs in every passband, heating included: against `precise`, which is much closer
// to the limit of many points and knows what heating's polynomial leaves out. Steep spectra make a star's heated side
// and its tip count for more; nothing simulates light curves short of Johnson B.
TEST(Accuracy, EveryPassband) {
  NEED_TABLES();
  constexpr int kDraws = 200;
  Passband bands[kPassbandCount];
  for (int k = 0; k < kPassbandCount; ++k) bands[k] = static_cast<Passband>(k);
  std::vector<double> largest[kPassbandCount];
  for (std::uint64_t index = 0; index < kDraws; ++index) {
    const System system = draw_system(index);
    StarBand expanded[2][kPassbandCount];
    PhaseCurve curve[2];
    bool good = true;
    for (int k = 0; k < 2; ++k)
      good = good && expand_star(tables().atmosphere.view(), system.star[k], system.feh, bands, kPassbandCount,
                                 expanded[k]) == Status::kOk;
    for (int s = 0; s < 2; ++s)
      good = good && render_phase_curve(system, expanded[0], expanded[1], kPassbandCount, kSettings[s].resolution, {},
                                        curve[s]) == Status::kOk;
    if (!good) continue;
    const std::vector<double> phases = phases_that_matter(system, index);
    for (int k = 0; k < kPassbandCount; ++k) {
      double level = 0.0, difference = 0.0;
      for (const double phase : phases) {
        const double exact = phase_curve_flux(curve[1], k, phase, 0.0);
        level = std::max(level, exact);
        difference = std::max(difference, std::abs(phase_curve_flux(curve[0], k, phase, 0.0) - exact));
      }
      largest[k].push_back(difference / level);
    }
  }
  std::FILE* file = open_report("accuracy_bands.csv", "passband,median,99%,largest");
  for (int k = 0; k < kPassbandCount; ++k) {
    std::sort(largest[k].begin(), largest[k].end());
    const std::size_t count = largest[k].size();
    ASSERT_GT(count, kDraws * 9 / 10);
    const std::string name(kPassbands[static_cast<std::size_t>(k)].name);
    std::printf("%-12s median %.1e, 99%% %.1e, largest %.1e\n", name.c_str(), largest[k][count / 2],
                largest[k][count * 99 / 100], largest[k].back());
    if (file != nullptr)
      std::fprintf(file, "%s,%.1e,%.1e,%.1e\n", name.c_str(), largest[k][count / 2], largest[k][count * 99 / 100],
                   largest[k].back());
    const bool near_ultraviolet = k == kJohnsonU || k == kSdssU;
    EXPECT_LT(largest[k].back(), k <= kGalexNuv ? 1.5e-4 : near_ultraviolet ? 6e-5 : 5e-5) << name;
  }
  if (file != nullptr) std::fclose(file);
}

// Every kind of eclipse and of orbit.
TEST(Accuracy, AnyOrientation) {
  struct Case {
    const char* name;
    double r1, r2, q, e, omega_deg, cos_i;
  };
  const Case cases[] = {
      {"central, total and annular", 0.15, 0.08, 0.7, 0.0, 0.0, 0.0},
      {"equal stars, central", 0.12, 0.12, 1.0, 0.0, 0.0, 0.0},
      {"partial", 0.20, 0.15, 0.8, 0.0, 0.0, 0.15},
      {"grazing", 0.18, 0.16, 0.9, 0.0, 0.0, 0.31},
      {"inner contact at mid-eclipse", 0.20, 0.10, 0.6, 0.0, 0.0, 0.095},
      {"seen from the pole", 0.30, 0.25, 0.8, 0.0, 0.0, 1.0},
      {"eccentric, periastron in eclipse", 0.06, 0.05, 0.8, 0.5, 90.0, 0.02},
      {"eccentric, apsides in the sky", 0.06, 0.05, 0.8, 0.5, 180.0, 0.03},
      {"eccentric, one eclipse", 0.05, 0.04, 0.5, 0.6, 250.0, 0.11},
      {"e = .9", 0.012, 0.02, 0.9, 0.9, 300.0, 0.004},
  };
  for (const Case& c : cases) {
    Target target{};
    System& s = target.system;
    s.sma_rsun = 10.0;
    s.q = c.q;
    s.eccentricity = c.e;
    s.omega_rad = c.omega_deg * kPi / 180.0;
    s.cos_i = c.cos_i;
    s.distance_pc = 100.0;
    s.star[0] = {1.0, c.r1 * s.sma_rsun, 6500.0, 4.3, 0.32};
    s.star[1] = {c.q, c.r2 * s.sma_rsun, 5500.0, 4.4, 0.32};
    target.band[0] = {1.0, 4.5, -3.0, 0.02, {{0.5, 0.2, 0.3, -0.2}}};
    target.band[1] = {0.5, 5.5, -4.0, 0.02, {{0.6, -0.1, 0.5, -0.2}}};
    const std::vector<Error> errors = measure(target, 0, Reflection::kNone);
    ASSERT_EQ(errors.size(), std::size(kSettings)) << c.name;
    for (std::size_t i = 0; i < errors.size(); ++i) {
      std::printf("%s%s %.1e", i == 0 ? c.name : "", i == 0 ? ":" : ",", errors[i].largest);
      EXPECT_LT(errors[i].largest, kSettings[i].tolerance)
          << c.name << ", " << kSettings[i].name << " at phase " << errors[i].phase;
    }
    std::printf("\n");
  }
}

// The mesh against the fine quadrature: its error falls as 1 / elements, and the limit of two meshes much faster.
TEST(Accuracy, MeshErrorFallsWithTheNumberOfElements) {
  NEED_TABLES();
  Target target;
  ASSERT_TRUE(draw(3, target));
  const ReferenceBands bands{reference_band(target.band[0]), reference_band(target.band[1])};
  const std::vector<double> phases = phases_that_matter(target.system, 3);
  std::vector<double> exact;
  for (const double phase : phases) {
    double flux;
    ASSERT_EQ(render_flux(target.system, &target.band[0], &target.band[1], 1, phase, kPrecise, kNoReflection, &flux),
              Status::kOk);
    exact.push_back(flux);
  }
  const double level = *std::max_element(exact.begin(), exact.end());
  double previous_error = 0.0, last_limit_error = 1.0;
  std::vector<double> previous;
  std::printf("elements a star   largest error   of the limit with the mesh before\n");
  for (const int rings : {25, 50, 100, 200}) {
    ReferenceMesh mesh(target.system, bands, rings);
    std::vector<double> flux;
    double error = 0.0, limit_error = 0.0;
    for (std::size_t i = 0; i < phases.size(); ++i) {
      flux.push_back(mesh.flux(phases[i]));
      error = std::max(error, std::abs(flux[i] - exact[i]) / level);
      if (!previous.empty())
        limit_error = std::max(limit_error, std::abs(flux[i] + (flux[i] - previous[i]) / 3.0 - exact[i]) / level);
    }
    std::printf("%10.0f        %.1e         %.1e\n", 4.0 / kPi * rings * rings, error, limit_error);
    if (!previous.empty()) {
      EXPECT_NEAR(std::log2(previous_error / error), 2.0, 0.3) << rings;
    }
    last_limit_error = limit_error;
    previous_error = error;
    previous = flux;
  }
  EXPECT_LT(last_limit_error, 3e-6);
}

// Two small, distant spheres: the heat of each falls as the cosine of the companion's zenith distance, and of what it
// sends back the companion gets int cos^2 law(cos) over the facing side, divided by pi: 2/3 by Lambert's law,
// 2 ((1 - u) / 3 + u / 4) / (1 - u / 3) by the linear one, for each unit in the middle. Temperatures so far apart that
// this counts as much as the star's own light.
TEST(Accuracy, MeshOfDistantSpheresSendsBackTheKnownShare) {
  System s{};
  s.sma_rsun = 1000.0;
  s.q = 1.0;
  s.distance_pc = 100.0;
  s.star[0] = {1.0, 1.0, 1e5, 4.4, 0.0, 0.7, 0.3};
  s.star[1] = {1.0, 1.0, 3e3, 4.4, 0.0, 0.9, 0.6};
  const double ratio = std::pow(0.03, 4), dilution = 1e-6;
  for (const Reflection scheme : {Reflection::kHorvat, Reflection::kWilson}) {
    const auto back = [&](int star) {
      const double u = scheme == Reflection::kWilson ? s.star[star].bolometric_limb_darkening : 0.0;
      return 2.0 * ((1.0 - u) / 3.0 + u / 4.0) / (1.0 - u / 3.0);
    };
    // Heat in the middle of the facing sides: H_k = A_k ratio_k dilution (1 + back H_other).
    const double a0 = 0.7 * ratio * dilution, a1 = 0.9 / ratio * dilution;
    const double h0 = a0 * (1.0 + back(1) * a1) / (1.0 - a0 * a1 * back(0) * back(1));
    const double h1 = a1 * (1.0 + back(0) * h0);
    EXPECT_GT(back(1) * a1, 0.5);
    ReferenceMesh mesh(s, {}, 1);
    mesh.heat(scheme, 40);
    for (const double angle : {0.0, 0.5, 1.2}) {
      const Vector3 direction{std::cos(angle), std::sin(angle), 0.0};
      EXPECT_NEAR(mesh.heat_at(0, 1.0, direction) / h0, std::cos(angle), 4e-3);
      EXPECT_NEAR(mesh.heat_at(1, 1.0, direction) / h1, std::cos(angle), 4e-3);
    }
  }
}

}  // namespace
}  // namespace penumbra
