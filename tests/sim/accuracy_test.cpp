// The light curve's error over the prior against plain sums over elements (reference_mesh.h), interpolation to the
// epochs included. PENUMBRA_ACCURACY_DRAWS=500 (`make accuracy`) takes that many draws and lists the worst. Needs the
// data tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
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
constexpr int kRings = 200;  // 51,000 elements a star, and a quarter of that: 1e-6 to 4e-6 off their limit

struct Target {
  System system;
  StarBand band[2];
};

std::array<Prior, 2> make_priors(const Tables& tables) {
  const auto prior = [&](const char* name) {
    return Prior(named_prior(name), tables.tracks.view(), tables.dust.view());
  };
  return {prior("field"), prior("paper")};
}

// Draw `index` of the two priors in turn, through one of four passbands: false where the tables do not hold the stars.
bool draw(std::uint64_t index, Target& target) {
  static const Tables tables = Tables::load(kData);
  static const std::array<Prior, 2> priors = make_priors(tables);
  constexpr Passband kBands[4] = {kSdssG, kTess, kJohnsonV, kZtfR};
  target.system = derive_system(priors[index % 2].draw(77, index).theta);
  for (int k = 0; k < 2; ++k) {
    if (expand_star(tables.atmosphere.view(), target.system.star[k], target.system.feh, &kBands[index / 2 % 4], 1,
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

// Errors of the settings, in their order; none where the system has no closed geometry.
std::vector<Error> measure(const Target& target, std::uint64_t index) {
  std::vector<Error> errors;
  PhaseCurve curve[std::size(kSettings)];
  for (std::size_t s = 0; s < std::size(kSettings); ++s) {
    if (render_phase_curve(target.system, &target.band[0], &target.band[1], 1, kSettings[s].resolution, kNoReflection,
                           curve[s]) != Status::kOk)
      return errors;
  }
  ReferenceFlux reference(target.system, {reference_band(target.band[0]), reference_band(target.band[1])}, kRings);
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

TEST(Accuracy, OverThePrior) {
  if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
    GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
  std::vector<std::uint64_t> indices;
  const char* asked = std::getenv("PENUMBRA_ACCURACY_DRAWS");
  if (asked != nullptr) {
    for (int i = 0; i < std::atoi(asked); ++i) indices.push_back(static_cast<std::uint64_t>(i));
  } else {
    // The hardest draws found, stars that fill .96 to .998 of their Roche lobes (9, 64, 104, 108), and a few more.
    indices = {7, 9, 12, 19, 30, 34, 35, 48, 64, 77, 104, 108, 200, 201, 286};
  }
  std::vector<Error> errors[std::size(kSettings)];
  for (const std::uint64_t index : indices) {
    Target target;
    if (!draw(index, target)) continue;
    const std::vector<Error> found = measure(target, index);
    for (std::size_t s = 0; s < found.size(); ++s) errors[s].push_back(found[s]);
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
    const std::size_t listed = std::min<std::size_t>(errors[s].size(), asked != nullptr ? 20 : 3);
    for (std::size_t i = 0; i < listed; ++i) {
      const Error& e = errors[s][errors[s].size() - 1 - i];
      std::printf("  draw %llu: %.1e at phase %.5f\n", static_cast<unsigned long long>(e.index), e.largest, e.phase);
    }
    for (const Error& e : errors[s])
      EXPECT_LT(e.largest, kSettings[s].tolerance)
          << kSettings[s].name << ", draw " << e.index << ", phase " << e.phase;
  }
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
    const std::vector<Error> errors = measure(target, 0);
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
  if (!std::filesystem::exists(kData / "tables" / "atmospheres.h5"))
    GTEST_SKIP() << "data/tables is absent: run tools/setup.sh tables";
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

// What heating adds, against irradiance summed over the companion's elements, each with its own temperature. The mesh
// leaves out the light that goes to and fro more than once.
TEST(Accuracy, HeatingAgreesWithTheMesh) {
  Target target{};
  System& s = target.system;
  s.sma_rsun = 10.0;
  s.q = 0.8;
  s.cos_i = 0.25;
  s.distance_pc = 100.0;
  s.star[0] = {1.0, 2.5, 9000.0, 4.3, 1.0};
  s.star[1] = {0.8, 2.0, 6000.0, 4.4, 0.32};
  for (Star& star : s.star) {
    star.albedo = 0.6;
    star.bolometric_limb_darkening = 0.0;
  }
  target.band[0] = {1.0, 3.5, -3.0, 0.02, LimbDarkening::linear(0.5)};
  target.band[1] = {0.0, 5.5, -4.0, 0.02, LimbDarkening::linear(0.6)};
  const ReferenceBands bands{reference_band(target.band[0]), reference_band(target.band[1])};
  ReferenceMesh dark(s, bands, 100), lit(s, bands, 100);
  lit.heat({0.6, 0.6}, 40);
  double largest = 0.0, difference = 0.0, level = 0.0;
  for (double phase = 0.0; phase < 0.51; phase += 0.05) {
    double model[2];
    const Effects effects[2] = {kNoReflection, {.reflection = Reflection::kHorvat}};
    for (int k = 0; k < 2; ++k)
      ASSERT_EQ(render_flux(s, &target.band[0], &target.band[1], 1, phase, kPrecise, effects[k], &model[k]),
                Status::kOk);
    level = std::max(level, model[0]);
    const double effect = lit.flux(phase) - dark.flux(phase);
    largest = std::max(largest, effect);
    difference = std::max(difference, std::abs(model[1] - model[0] - effect));
  }
  std::printf("heating adds up to %.1e of the flux; largest difference from the mesh %.1e\n", largest / level,
              difference / level);
  EXPECT_GT(largest / level, 1e-2);
  EXPECT_LT(difference, 0.05 * largest);
}

}  // namespace
}  // namespace penumbra
