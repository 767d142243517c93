#include "sim/light_curve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "sim/blackbody.h"
#include "sim/phase_curve.h"
#include "sim/prior.h"

namespace penumbra {
namespace {

const Resolution kFine{
    .azimuths = 40, .polar = 20, .lens_radial = 30, .lens_arc = 24, .out_of_eclipse_phases = 64, .eclipse_phases = 100};
const Effects kNoReflection{.reflection = Reflection::kNone};

System make_system(double r1, double r2, double q, double e, double omega, double cos_i) {
  System s{};
  s.sma_rsun = 10.0;
  s.q = q;
  s.eccentricity = e;
  s.omega_rad = omega;
  s.cos_i = cos_i;
  s.distance_pc = 100.0;
  s.star[0] = {1.0, r1 * s.sma_rsun, 6000.0, 4.4, 0.32};
  s.star[1] = {q, r2 * s.sma_rsun, 5000.0, 4.5, 0.32};
  return s;
}

StarBand grey(double log_intensity, const LimbDarkening& limb) { return {log_intensity, 4.0, -3.0, 0.1, limb}; }

// A tabulated passband much like Johnson V: enough for a blackbody.
Filter square_filter() { return {{0.48, 0.50, 0.52, 0.54, 0.56, 0.58, 0.60}, {0.0, 0.6, 1.0, 1.0, 0.9, 0.5, 0.0}}; }

struct Drawn {
  System system;
  StarBand primary, secondary;
};

// A random eclipsing system with tabulated-like limb darkening; eccentric in 60 % of draws.
Drawn draw_system(std::uint64_t index, double largest_radius_sum = 0.6) {
  RandomStream random(20, index, Stage::kTest);
  const double q = 0.3 + 0.7 * random.uniform();
  const double e = random.uniform() < 0.4 ? 0.0 : 0.85 * random.uniform();
  const double radius_sum =
      (1.0 - e) * std::exp(std::log(0.03) + std::log(largest_radius_sum / 0.03) * random.uniform());
  const double omega = kTwoPi * random.uniform();
  const double share = 0.2 + 0.6 * random.uniform();
  Drawn drawn{
      make_system(share * radius_sum, (1.0 - share) * radius_sum, q, e, omega, radius_sum * random.uniform()), {}, {}};
  const double teff1 = 3500.0 * std::exp(std::log(3.0) * random.uniform());
  const double teff2 = std::max(3000.0, teff1 * (0.5 + 0.6 * random.uniform()));
  Star* star = drawn.system.star;
  star[0].teff_k = teff1;
  star[1].teff_k = teff2;
  for (int k = 0; k < 2; ++k) star[k].gravity_darkening = gravity_darkening_exponent(star[k].teff_k);
  drawn.primary = blackbody_star_band(square_filter(), teff1, {{0.4, 0.3, 0.2, -0.2}});
  drawn.secondary = blackbody_star_band(square_filter(), teff2, {{0.6, -0.2, 0.4, -0.2}});
  return drawn;
}

double flux_at(const System& system, const StarBand& primary, const StarBand& secondary, double phase,
               const Resolution& resolution, const Effects& effects) {
  double flux = 0.0;
  EXPECT_EQ(render_flux(system, &primary, &secondary, 1, phase, resolution, effects, &flux), Status::kOk);
  return flux;
}

// --- Spheres: the hidden flux by a one-dimensional integral over rings of the eclipsed disc
// ---------------------------------

// Fraction of the circle of radius r about the eclipsed centre that lies within p of a point at distance d.
double hidden_fraction(double r, double d, double p) {
  if (d + r <= p) return 1.0;
  if (std::abs(d - r) >= p || r == 0.0) return 0.0;
  return std::acos(std::clamp((d * d + r * r - p * p) / (2.0 * d * r), -1.0, 1.0)) / kPi;
}

// Hidden flux of a disc of radius R with unit mean intensity, in units of pi R^2. r runs over pieces on which the
// fraction is smooth; sin^2 spacing removes the square roots at their ends.
double hidden_flux_of_spheres(double radius, double other, double d, const LimbDarkening& limb) {
  std::vector<double> breaks{0.0, radius};
  for (const double b : {std::abs(d - other), d + other})
    if (b > 0.0 && b < radius) breaks.push_back(b);
  std::sort(breaks.begin(), breaks.end());
  const int n = 4000;
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < breaks.size(); ++i) {
    for (int j = 0; j < n; ++j) {
      const double t = (j + 0.5) / n, s = std::sin(0.5 * kPi * t);
      const double r = breaks[i] + (breaks[i + 1] - breaks[i]) * s * s;
      const double dr = (breaks[i + 1] - breaks[i]) * kPi * s * std::cos(0.5 * kPi * t) / n;
      const double mu = std::sqrt(std::max(0.0, 1.0 - r * r / (radius * radius)));
      sum += hidden_fraction(r, d, other) * limb(mu) * 2.0 * r * dr;
    }
  }
  return sum / (radius * radius * limb.disc_integral());
}

// The same for the law 1 - u (1 - mu), in closed form: Mandel & Agol (2002, ApJ 580, L171), eqs. 1, 7 and 8 and table
// 1. `z` and `p`: distance and the other's radius in units of this star's; z != p.
double mandel_agol_hidden_flux(double p, double z, double u) {
  if (z >= 1.0 + p) return 0.0;
  if (z <= p - 1.0) return 1.0;
  const bool inside = z < 1.0 - p;
  double uniform = p * p;
  if (!inside) {
    const double kappa_0 = std::acos(std::clamp((p * p + z * z - 1.0) / (2.0 * p * z), -1.0, 1.0));
    const double kappa_1 = std::acos(std::clamp((1.0 - p * p + z * z) / (2.0 * z), -1.0, 1.0));
    const double square = 1.0 + z * z - p * p;
    uniform = (p * p * kappa_0 + kappa_1 - 0.5 * std::sqrt(std::max(0.0, 4.0 * z * z - square * square))) / kPi;
  }
  // lambda_d: the part that limb darkening adds. Their Pi(n, k) is comp_ellint_3(k, n).
  const double a = (z - p) * (z - p), b = (z + p) * (z + p), q = p * p - z * z;
  const double k = std::sqrt((1.0 - a) / (4.0 * z * p));
  double linear;
  if (z == 0.0) {
    linear = -2.0 / 3.0 * std::pow(1.0 - p * p, 1.5);
  } else if (inside) {
    linear = 2.0 / (9.0 * kPi * std::sqrt(1.0 - a)) *
             ((1.0 - 5.0 * z * z + p * p + q * q) * std::comp_ellint_1(1.0 / k) +
              (1.0 - a) * (z * z + 7.0 * p * p - 4.0) * std::comp_ellint_2(1.0 / k) -
              3.0 * q / a * std::comp_ellint_3(1.0 / k, (a - b) / a));
  } else {
    linear = 1.0 / (9.0 * kPi * std::sqrt(p * z)) *
             (((1.0 - b) * (2.0 * b + a - 3.0) - 3.0 * q * (b - 2.0)) * std::comp_ellint_1(k) +
              4.0 * p * z * (z * z + 7.0 * p * p - 4.0) * std::comp_ellint_2(k) -
              3.0 * q / a * std::comp_ellint_3(k, (a - 1.0) / a));
  }
  return ((1.0 - u) * uniform + u * (linear + (p > z ? 2.0 / 3.0 : 0.0))) / (1.0 - u / 3.0);
}

TEST(LightCurve, TheOccultationIntegralMatchesTheClosedForm) {
  for (const double u : {0.0, 0.6, 1.0}) {
    const LimbDarkening limb = LimbDarkening::linear(u);
    for (const double p : {0.1, 0.5, 0.8, 1.0, 1.6})
      for (double z = 0.0123; z < 1.0 + p; z += 0.0371)
        ASSERT_NEAR(hidden_flux_of_spheres(1.0, p, z, limb), mandel_agol_hidden_flux(p, z, u), 2e-7)
            << "u " << u << " p " << p << " z " << z;
    EXPECT_NEAR(hidden_flux_of_spheres(1.0, 0.5, 0.0, limb), mandel_agol_hidden_flux(0.5, 0.0, u), 2e-7);
  }
}

TEST(LightCurve, SpheresMatchTheOccultationIntegral) {
  // R / a below 5e-3: tides distort by less than 2e-7.
  for (const LimbDarkening& limb :
       {LimbDarkening{{0, 0, 0, 0}}, LimbDarkening::linear(0.6), LimbDarkening::claret(0.5, 0.3, -0.2, 0.1),
        LimbDarkening::logarithmic(0.7, 0.25)}) {
    for (const double ratio : {0.3, 0.8, 1.0, 1.6}) {
      for (const double impact : {0.0, 0.4, 0.9, 1.2}) {
        const double r1 = 0.003, r2 = ratio * r1;
        const System system = make_system(r1, r2, 1.0, 0.0, 0.0, impact * r1);
        const StarBand primary = grey(1.0, limb), secondary = grey(0.4, limb);
        const double scale = kPi * std::pow(system.sma_rsun * kRsun / (100.0 * kParsec), 2);
        const double own = scale * r1 * r1 * std::exp(1.0), companion = scale * r2 * r2 * std::exp(0.4);
        double worst_fine = 0.0, worst = 0.0;
        for (int i = 0; i <= 60; ++i) {
          const double phase = 1.1 * (r1 + r2) / kTwoPi * i / 60.0;
          const double u = kTwoPi * phase;
          const double d = std::sqrt(std::pow(std::sin(u), 2) + std::pow(std::cos(u) * impact * r1, 2));
          const double expected = own * (1.0 - hidden_flux_of_spheres(r1, r2, d, limb)) + companion;
          const double total = own + companion;
          worst_fine =
              std::max(worst_fine,
                       std::abs(flux_at(system, primary, secondary, phase, kFine, kNoReflection) - expected) / total);
          worst = std::max(worst,
                           std::abs(flux_at(system, primary, secondary, phase, {}, kNoReflection) - expected) / total);
        }
        EXPECT_LT(worst_fine, 1e-6) << "ratio " << ratio << " impact " << impact << " c1 " << limb.c[0] << " log "
                                    << limb.log;
        EXPECT_LT(worst, 1e-4) << "ratio " << ratio << " impact " << impact << " c1 " << limb.c[0] << " log "
                               << limb.log;
      }
    }
  }
}

// --- PHOEBE's curves
// ---------------------------------------------------------------------------------------------------------

std::filesystem::path phoebe_folder() {
  const char* shared = std::getenv("PENUMBRA_SHARED");
  return (shared != nullptr ? std::filesystem::path(shared)
                            : std::filesystem::path(PENUMBRA_SOURCE_DIR) / ".." / "shared") /
         "peers" / "phoebe";
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::stringstream stream(line);
  for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
  return cells;
}

struct Columns {
  std::vector<std::string> names;
  std::vector<std::vector<double>> values;
  bool has(const std::string& name) const { return std::find(names.begin(), names.end(), name) != names.end(); }
  const std::vector<double>& operator[](const std::string& name) const {
    return values.at(static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin()));
  }
};

Columns read_columns(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  Columns columns{split(line), {}};
  columns.values.resize(columns.names.size());
  while (std::getline(in, line)) {
    const auto cells = split(line);
    for (std::size_t i = 0; i < cells.size(); ++i) columns.values[i].push_back(std::atof(cells[i].c_str()));
  }
  return columns;
}

// The value of "key": in a JSON object without nested repeats of the key before it.
double json_number(const std::string& object, const std::string& key, int element = -1) {
  std::size_t at = object.find('"' + key + '"');
  if (at == std::string::npos) throw std::runtime_error("no key " + key);
  at = object.find(':', at) + 1;
  if (element >= 0) at = object.find('[', at) + 1;
  for (int i = 0; i < element; ++i) at = object.find(',', at) + 1;
  return std::strtod(object.c_str() + at, nullptr);
}

struct PhoebeCase {
  std::string id;
  System system;
  std::string json;
};

std::vector<PhoebeCase> phoebe_cases() {
  std::ifstream in(phoebe_folder() / "params.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::vector<PhoebeCase> cases;
  for (std::size_t at = text.find("\"id\""); at != std::string::npos;) {
    const std::size_t next = text.find("\"id\"", at + 1);
    PhoebeCase c;
    c.json = text.substr(at, next == std::string::npos ? next : next - at);
    const std::size_t quote = c.json.find('"', c.json.find(':')) + 1;
    c.id = c.json.substr(quote, c.json.find('"', quote) - quote);
    const auto number = [&](const char* key) { return json_number(c.json, key); };
    c.system = make_system(number("r1"), number("r2"), number("q"), number("ecc"), number("per0_deg") * kPi / 180.0,
                           std::cos(number("incl_deg") * kPi / 180.0));
    c.system.star[0].teff_k = number("teff1");
    c.system.star[1].teff_k = number("teff2");
    c.system.star[0].gravity_darkening = number("gravb1");
    c.system.star[1].gravity_darkening = number("gravb2");
    const double scale = number("sma_Rsun") / c.system.sma_rsun;
    c.system.sma_rsun *= scale;
    for (Star& star : c.system.star) star.radius_rsun *= scale;
    cases.push_back(c);
    at = next;
  }
  return cases;
}

Filter johnson_v() {
  const std::filesystem::path file = phoebe_folder() / "ptf_johnsonV.csv";
  std::ifstream in(file);
  std::string line;
  Filter filter;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    const auto cells = split(line);
    filter.wavelength_um.push_back(std::atof(cells[0].c_str()) * 1e6);
    filter.transmission.push_back(std::atof(cells[1].c_str()));
  }
  return filter;
}

class Phoebe : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(phoebe_folder() / "params.json"))
      GTEST_SKIP() << "PHOEBE's reference curves are not at " << phoebe_folder()
                   << " (PENUMBRA_SHARED names the folder that holds peers/)";
  }
};

// Largest difference after dividing both by their mean out of eclipse, and the ratio of those means.
struct Comparison {
  double difference, ratio;
};

Comparison compare(const PhoebeCase& c, const std::vector<double>& phase, const std::vector<double>& ours,
                   const std::vector<double>& theirs) {
  const Orbit orbit = make_orbit(c.system.eccentricity, c.system.omega_rad, c.system.cos_i);
  const double reach = 1.06 * (c.system.star[0].radius_rsun + c.system.star[1].radius_rsun) / c.system.sma_rsun;
  double mean_ours = 0.0, mean_theirs = 0.0;
  for (std::size_t i = 0; i < phase.size(); ++i) {
    if (orbit.aspect(orbit.true_anomaly(phase[i])).sky_distance < reach) continue;
    mean_ours += ours[i];
    mean_theirs += theirs[i];
  }
  Comparison result{0.0, mean_ours / mean_theirs};
  for (std::size_t i = 0; i < phase.size(); ++i)
    result.difference = std::max(result.difference, std::abs(ours[i] - theirs[i] * result.ratio) / mean_ours);
  result.difference *= static_cast<double>(std::count_if(
      phase.begin(), phase.end(), [&](double p) { return orbit.aspect(orbit.true_anomaly(p)).sky_distance >= reach; }));
  return result;
}

// PHOEBE's error falls as 1 / triangles: the limit of its two meshes is the reference. What remains of it is a few
// 1e-5.
TEST_F(Phoebe, BlackbodyCurvesAgree) {
  const Filter filter = johnson_v();
  double width = 0.0;  // PHOEBE's fluxes are per filter width; blackbody_star_band divides by it too, in metres
  for (std::size_t i = 0; i + 1 < filter.wavelength_um.size(); ++i)
    width += 0.5 * (filter.transmission[i] + filter.transmission[i + 1]) *
             (filter.wavelength_um[i + 1] - filter.wavelength_um[i]) * 1e-6;
  const auto cases = phoebe_cases();
  ASSERT_EQ(cases.size(), 20u);
  std::printf("system    e   linear law: difference  flux ratio - 1   logarithmic law: difference  flux ratio - 1\n");
  for (const PhoebeCase& c : cases) {
    const Columns table = read_columns(phoebe_folder() / (c.id + ".csv"));
    const auto& phase = table["phase"];
    std::printf("%s     %.2f", c.id.c_str(), c.system.eccentricity);
    for (const std::string law : {"lin", "log"}) {
      StarBand band[2];
      for (int k = 0; k < 2; ++k) {
        const std::string suffix = std::to_string(k + 1);
        const LimbDarkening limb = law == "lin" ? LimbDarkening::linear(json_number(c.json, "ld_lin" + suffix))
                                                : LimbDarkening::logarithmic(json_number(c.json, "ld_log" + suffix, 0),
                                                                             json_number(c.json, "ld_log" + suffix, 1));
        band[k] = blackbody_star_band(filter, c.system.star[k].teff_k, limb);
      }
      const auto& coarse = table["phoebe_bb_" + law + "_1500"];
      const auto& fine = table["phoebe_bb_" + law + "_10000"];
      std::vector<double> ours(phase.size()), theirs(phase.size());
      for (std::size_t i = 0; i < phase.size(); ++i) {
        ours[i] = width * flux_at(c.system, band[0], band[1], phase[i], {}, kNoReflection);
        theirs[i] = fine[i] + (fine[i] - coarse[i]) * 1500.0 / (10000.0 - 1500.0);
      }
      const Comparison result = compare(c, phase, ours, theirs);
      std::printf("      %.2e          %+.2e  ", result.difference, result.ratio - 1.0);
      EXPECT_LT(result.difference, 1.0e-4) << c.id << " " << law;
    }
    std::printf("\n");
  }
}

// The ratio of the curves with and without reflection, both at 1500 triangles.
TEST_F(Phoebe, ReflectionAgrees) {
  const Filter filter = johnson_v();
  std::printf("system   scheme   largest effect of reflection   largest difference of the ratio from PHOEBE's\n");
  int compared = 0;
  for (PhoebeCase& c : phoebe_cases()) {
    const Columns table = read_columns(phoebe_folder() / (c.id + ".csv"));
    StarBand band[2];
    for (int k = 0; k < 2; ++k) {
      const std::string star = std::to_string(k + 1);
      c.system.star[k].albedo = json_number(c.json, "irrad_frac_refl" + star);
      band[k] =
          blackbody_star_band(filter, c.system.star[k].teff_k, {{0.0, json_number(c.json, "ld_lin" + star), 0.0, 0.0}});
    }
    for (const Reflection scheme : {Reflection::kHorvat, Reflection::kWilson}) {
      const std::string name(kReflectionNames[static_cast<std::size_t>(scheme)]);
      if (!table.has("phoebe_bb_lin_" + name + "_1500")) continue;
      const auto &phase = table["phase"], &with = table["phoebe_bb_lin_" + name + "_1500"],
                 &without = table["phoebe_bb_lin_1500"];
      double largest = 0.0, difference = 0.0;
      for (std::size_t i = 0; i < phase.size(); ++i) {
        const double theirs = with[i] / without[i];
        const double ours = flux_at(c.system, band[0], band[1], phase[i], {}, {.reflection = scheme}) /
                            flux_at(c.system, band[0], band[1], phase[i], {}, kNoReflection);
        largest = std::max(largest, theirs - 1.0);
        difference = std::max(difference, std::abs(ours - theirs));
      }
      std::printf("%s      %s   %.2e                       %.2e\n", c.id.c_str(), name.c_str(), largest, difference);
      EXPECT_LT(difference, 3e-4) << c.id << " " << name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 7);
}

// --- Interpolation
// -----------------------------------------------------------------------------------------------------------

std::string contacts(const PhaseCurve& curve) {
  std::string list;
  for (const int n : curve.segment_start) list += std::to_string(curve.node_phase[n]) + " ";
  return list;
}

TEST(LightCurve, PhaseCurveInterpolatesWithin5e5) {
  PhaseCurve curve;
  double worst = 0.0;
  int rendered = 0;
  for (std::uint64_t index = 0; index < 400; ++index) {
    const Drawn d = draw_system(index);
    const Status status = render_phase_curve(d.system, &d.primary, &d.secondary, 1, {}, {}, curve);
    if (status == Status::kBadGeometry) continue;  // overflows its lobe
    ASSERT_EQ(status, Status::kOk) << index;
    ++rendered;
    const double level = *std::max_element(curve.flux.begin(), curve.flux.end());
    const auto check = [&](double phase) {
      const double exact = flux_at(d.system, d.primary, d.secondary, phase, {}, {});
      const double error = std::abs(phase_curve_flux(curve, 0, phase, 0.0) - exact) / level;
      EXPECT_LT(error, 5e-5) << "system " << index << " phase " << phase << " e " << d.system.eccentricity
                             << " contacts " << contacts(curve);
      worst = std::max(worst, error);
    };
    RandomStream random(21, index, Stage::kTest);
    for (int i = 0; i < 20; ++i) check(random.uniform());
    // Between nodes, where they are dense: in the eclipses.
    for (int i = 0; i < 60; ++i) {
      const int n = random.below(static_cast<int>(curve.node_phase.size()) - 1);
      const double share = random.uniform();
      check((1.0 - share) * curve.node_phase[n] + share * curve.node_phase[n + 1]);
    }
  }
  std::printf("largest interpolation error of %d systems: %.2e\n", rendered, worst);
  EXPECT_GT(rendered, 300);
}

TEST(LightCurve, DefaultResolutionIsWithin1e4OfAFineOne) {
  double worst = 0.0;
  for (std::uint64_t index = 1000; index < 1060; ++index) {
    const Drawn d = draw_system(index);
    PhaseCurve curve;
    if (render_phase_curve(d.system, &d.primary, &d.secondary, 1, {}, {}, curve) != Status::kOk) continue;
    const double level = *std::max_element(curve.flux.begin(), curve.flux.end());
    for (std::size_t n = 0; n < curve.node_phase.size(); n += 7) {
      const double fine = flux_at(d.system, d.primary, d.secondary, curve.node_phase[n], kFine, {});
      const double error = std::abs(curve.flux[n] - fine) / level;
      EXPECT_LT(error, 1e-4) << "system " << index << " phase " << curve.node_phase[n];
      worst = std::max(worst, error);
    }
  }
  std::printf("largest error of the default resolution: %.2e\n", worst);
}

// Over draws of the prior, the interpolation to phases between nodes included.
TEST(LightCurve, DefaultResolutionIsWithin5e5OverThePrior) {
  const std::filesystem::path tables = std::filesystem::path(PENUMBRA_SOURCE_DIR) / "data" / "tables";
  if (!std::filesystem::exists(tables / "tracks.h5")) GTEST_SKIP() << "no data/tables: run tools/setup.sh tables";
  const TrackGrid tracks = TrackGrid::load(tables / "tracks.h5");
  const Atmosphere atmosphere = Atmosphere::load(tables / "atmospheres.h5");
  const DustPrior dust = DustPrior::analytic();
  const Prior prior(named_prior("field"), tracks.view(), dust.view());
  std::array<Passband, kChannelCount> passbands;
  for (std::size_t c = 0; c < kChannelCount; ++c) passbands[c] = kChannels[c].passband;
  PhaseCurve curve;
  std::vector<double> errors;
  for (std::uint64_t index = 0; index < 120; ++index) {
    const System system = derive_system(prior.draw(7, index).theta);
    std::array<StarBand, kChannelCount> band[2];
    Status status = Status::kOk;
    for (int k = 0; k < 2 && status == Status::kOk; ++k)
      status =
          expand_star(atmosphere.view(), system.star[k], system.feh, passbands.data(), kChannelCount, band[k].data());
    if (status == Status::kOk)
      status = render_phase_curve(system, band[0].data(), band[1].data(), kChannelCount, {}, {}, curve);
    if (status != Status::kOk) continue;
    double worst = 0.0;
    for (std::size_t n = 2; n + 1 < curve.node_phase.size(); n += 11) {
      const double phase = 0.5 * (curve.node_phase[n] + curve.node_phase[n + 1]);
      std::array<double, kChannelCount> fine;
      ASSERT_EQ(render_flux(system, band[0].data(), band[1].data(), kChannelCount, phase, kFine, {}, fine.data()),
                Status::kOk);
      for (int c = 0; c < kChannelCount; ++c) {
        const double* flux = curve.flux.data() + static_cast<std::size_t>(c) * curve.node_phase.size();
        const double level = *std::max_element(flux, flux + curve.node_phase.size());
        worst = std::max(worst, std::abs(phase_curve_flux(curve, c, phase, 0.0) - fine[c]) / level);
      }
    }
    EXPECT_LT(worst, 5e-5) << "draw " << index;
    errors.push_back(worst);
  }
  ASSERT_GT(errors.size(), 100u);
  std::sort(errors.begin(), errors.end());
  std::printf("largest error of a curve over %zu draws of the prior: median %.1e, 95%% %.1e, at most %.1e\n",
              errors.size(), errors[errors.size() / 2], errors[errors.size() * 95 / 100], errors.back());
}

TEST(LightCurve, ExposureIsTheMeanOfTheCurve) {
  PhaseCurve curve;
  for (const std::uint64_t index : {3u, 5u, 8u, 12u}) {
    const Drawn d = draw_system(index, 0.3);
    ASSERT_EQ(render_phase_curve(d.system, &d.primary, &d.secondary, 1, {}, {}, curve), Status::kOk);
    for (const double phase : {-0.01, 0.0, 0.004, 0.3, 0.5, 0.999, 7.02}) {
      for (const double exposure : {1e-4, 3e-3, 0.05, 1.0}) {
        const int n = 40000;
        double sum = 0.0;
        for (int i = 0; i < n; ++i) sum += phase_curve_flux(curve, 0, phase + exposure * ((i + 0.5) / n - 0.5), 0.0);
        EXPECT_NEAR(phase_curve_flux(curve, 0, phase, exposure) / (sum / n), 1.0, 1e-8);
      }
    }
    EXPECT_DOUBLE_EQ(phase_curve_flux(curve, 0, 0.25, 0.0), phase_curve_flux(curve, 0, 3.25, 0.0));
  }
}

// --- Symmetries and limits
// ---------------------------------------------------------------------------------------------------

TEST(LightCurve, IdenticalStarsHaveEqualEclipses) {
  System s = make_system(0.15, 0.15, 1.0, 0.0, 0.0, 0.05);
  s.star[1] = s.star[0];
  const StarBand band = grey(1.0, {{0.4, 0.3, 0.1, -0.1}});
  for (const double phase : {0.0, 0.01, 0.03, 0.2}) {
    const double first = flux_at(s, band, band, phase, {}, {}), second = flux_at(s, band, band, phase + 0.5, {}, {});
    EXPECT_NEAR(first / second, 1.0, 1e-10);  // as far as outlines cross and samples stand
  }
}

// A distorted star beside a dark point mass, seen from all directions: the mean flux is the surface's, whatever the law
// of limb darkening spreads it over.
TEST(LightCurve, LightOverAllDirectionsDoesNotDependOnLimbDarkening) {
  const StarBand dark = grey(-80.0, {});
  const auto mean_flux = [&](const LimbDarkening& limb) {
    constexpr int kInclinations = 16, kPhases = 32;
    const double *node = gauss_table().nodes(kInclinations), *weight = gauss_table().weights(kInclinations);
    double sum = 0.0;
    for (int i = 0; i < kInclinations; ++i) {
      System s = make_system(0.33, 1e-6, 0.8, 0.0, 0.0, node[i]);
      for (int j = 0; j < kPhases; ++j)
        sum += weight[i] / kPhases * flux_at(s, grey(1.0, limb), dark, (j + 0.5) / kPhases, kFine, kNoReflection);
    }
    return sum;
  };
  const double uniform = mean_flux({});
  EXPECT_NEAR(mean_flux(LimbDarkening::linear(0.7)) / uniform, 1.0, 1e-7);
  EXPECT_NEAR(mean_flux(LimbDarkening::logarithmic(0.65, 0.2)) / uniform, 1.0, 1e-7);
  EXPECT_NEAR(mean_flux({{0.5, 0.3, -0.2, 0.1}}) / uniform, 1.0, 1e-7);
}

TEST(LightCurve, SpheresAreConstantOutOfEclipse) {
  const StarBand a = grey(1.0, {{0.4, 0.3, 0.1, -0.1}}), b = grey(0.2, LimbDarkening::linear(0.6));
  const double scale = kPi * std::pow(10.0 * kRsun / (100.0 * kParsec), 2);  // make_system's
  const double expected = scale * (std::pow(0.003, 2) * std::exp(1.0) + std::pow(0.002, 2) * std::exp(0.2));
  for (const double cos_i : {0.0, 0.3, 0.99})
    for (double phase = 0.02; phase < 0.49; phase += 0.05)
      EXPECT_NEAR(
          flux_at(make_system(0.003, 0.002, 0.8, 0.0, 0.0, cos_i), a, b, phase, kFine, kNoReflection) / expected, 1.0,
          1e-6);
}

TEST(LightCurve, CircularOrbitDoesNotKnowOmega) {
  const StarBand a = grey(1.0, {{0.4, 0.3, 0.1, -0.1}}), b = grey(0.2, {{0.1, 0.3, 0.1, 0.1}});
  for (const double phase : {0.0, 0.013, 0.2, 0.49}) {
    const double reference = flux_at(make_system(0.2, 0.1, 0.8, 0.0, 0.0, 0.1), a, b, phase, {}, {});
    for (const double omega : {1.0, 3.0, 6.0})
      EXPECT_NEAR(flux_at(make_system(0.2, 0.1, 0.8, 0.0, omega, 0.1), a, b, phase, {}, {}) / reference, 1.0, 1e-10);
  }
}

// The eccentric road (tabulated shapes, no mirrored eclipses) meets the circular one.
TEST(LightCurve, NearlyCircularOrbitIsContinuous) {
  const StarBand a = grey(1.0, {{0.4, 0.3, 0.1, -0.1}}), b = grey(0.2, {{0.1, 0.3, 0.1, 0.1}});
  PhaseCurve circular, eccentric;
  ASSERT_EQ(render_phase_curve(make_system(0.19, 0.15, 0.8, 0.0, 1.0, 0.1), &a, &b, 1, {}, {}, circular), Status::kOk);
  ASSERT_EQ(render_phase_curve(make_system(0.19, 0.15, 0.8, 1e-9, 1.0, 0.1), &a, &b, 1, {}, {}, eccentric),
            Status::kOk);
  for (int i = 0; i < 500; ++i) {
    const double phase = i / 500.0;
    EXPECT_NEAR(phase_curve_flux(circular, 0, phase, 0.0) / phase_curve_flux(eccentric, 0, phase, 0.0), 1.0, 1e-5);
  }
}

TEST(LightCurve, TotalEclipseLeavesTheOtherStarAlone) {
  const System s = make_system(0.05, 0.15, 0.8, 0.0, 0.0, 0.01);
  const StarBand a = grey(1.0, {{0.4, 0.3, 0.1, -0.1}}), b = grey(0.2, {{0.1, 0.3, 0.1, 0.1}}),
                 dark = grey(-80.0, {{0, 0, 0, 0}});
  const double eclipsed = flux_at(s, a, b, 0.0, {}, kNoReflection);
  const double alone = flux_at(s, dark, b, 0.0, {}, kNoReflection);
  EXPECT_NEAR(eclipsed / alone, 1.0, 1e-14);
}

TEST(LightCurve, SedIsTheMeanOfFourPhases) {
  const Drawn d = draw_system(17, 0.3);
  std::array<StarBand, 3> a, b;
  for (int k = 0; k < 3; ++k) {
    a[k] = d.primary;
    b[k] = d.secondary;
    a[k].log_intensity += k;
  }
  double sed[3], flux[3], mean[3] = {};
  ASSERT_EQ(render_sed(d.system, a.data(), b.data(), 3, {}, {}, sed), Status::kOk);
  for (const double phase : {0.125, 0.375, 0.625, 0.875}) {
    ASSERT_EQ(render_flux(d.system, a.data(), b.data(), 3, phase, {}, {}, flux), Status::kOk);
    for (int k = 0; k < 3; ++k) mean[k] += 0.25 * flux[k];
  }
  for (int k = 0; k < 3; ++k) EXPECT_NEAR(sed[k] / mean[k], 1.0, 1e-14);
}

TEST(LightCurve, AnotherBinaryOrEffectGetsItsOwnShapes) {
  const Drawn d = draw_system(3);
  System other = d.system;
  other.star[0].radius_rsun *= 0.9;
  Resolution mapped;
  mapped.heat_maps = true;
  const auto sed = [&](const System& system, const Resolution& resolution, const Effects& effects) {
    double out = 0.0;
    EXPECT_EQ(render_sed(system, &d.primary, &d.secondary, 1, resolution, effects, &out), Status::kOk);
    return out;
  };
  const std::array<std::function<double()>, 4> requests{
      [&] { return sed(d.system, {}, {}); }, [&] { return sed(other, {}, {}); },
      [&] { return sed(d.system, {}, kNoReflection); }, [&] { return sed(d.system, mapped, {}); }};
  // A new thread has made no shapes yet.
  std::array<double, 4> alone{};
  for (std::size_t i = 0; i < 4; ++i) std::thread([&] { alone[i] = requests[i](); }).join();
  for (const std::size_t i : {0, 0, 1, 0, 2, 0, 3, 0, 1, 2, 3, 3}) EXPECT_EQ(requests[i](), alone[i]) << i;
  for (std::size_t i = 1; i < 4; ++i) EXPECT_NE(alone[i], alone[0]) << i;
}

TEST(LightCurve, FluxFallsWithDistanceSquared) {
  System s = make_system(0.1, 0.1, 0.8, 0.0, 0.0, 0.05);
  const StarBand band = grey(1.0, {{0, 0.5, 0, 0}});
  const double near = flux_at(s, band, band, 0.2, {}, {});
  s.distance_pc *= 3.0;
  EXPECT_NEAR(near / flux_at(s, band, band, 0.2, {}, {}), 9.0, 1e-12);
}

// --- Third light and light travel time
// ---------------------------------------------------------------------------------------------------------------

TEST(LightCurve, ThirdLightIsAShareOfTheLight) {
  const Drawn d = draw_system(17, 0.3);
  std::array<StarBand, 2> a{d.primary, d.primary}, b{d.secondary, d.secondary};
  const double share[2] = {0.0, 0.3};
  PhaseCurve curve, alone;
  ASSERT_EQ(render_phase_curve(d.system, a.data(), b.data(), 2, {}, {}, curve, share), Status::kOk);
  ASSERT_EQ(render_phase_curve(d.system, a.data(), b.data(), 2, {}, {}, alone), Status::kOk);
  // Out of eclipse the four phases' mean is the stars' SED.
  double sed[2], sed_alone[2], flux[2], flux_alone[2];
  ASSERT_EQ(render_sed(d.system, a.data(), b.data(), 2, {}, {}, sed, share), Status::kOk);
  ASSERT_EQ(render_sed(d.system, a.data(), b.data(), 2, {}, {}, sed_alone), Status::kOk);
  EXPECT_DOUBLE_EQ(sed[0], sed_alone[0]);
  EXPECT_NEAR(1.0 - sed_alone[1] / sed[1], 0.3, 1e-12);
  const double third = 0.3 / 0.7 * sed_alone[1];
  for (int i = 0; i < 40; ++i) {
    const double phase = 0.025 * i;
    EXPECT_DOUBLE_EQ(phase_curve_flux(curve, 0, phase, 0.0), phase_curve_flux(alone, 0, phase, 0.0));
    EXPECT_NEAR((phase_curve_flux(curve, 1, phase, 0.0) - phase_curve_flux(alone, 1, phase, 0.0)) / third, 1.0, 1e-5);
    ASSERT_EQ(render_flux(d.system, a.data(), b.data(), 2, phase, {}, {}, flux, share), Status::kOk);
    ASSERT_EQ(render_flux(d.system, a.data(), b.data(), 2, phase, {}, {}, flux_alone), Status::kOk);
    EXPECT_NEAR((flux[1] - flux_alone[1]) / third, 1.0, 1e-12);
  }
}

// Each star's disc is that of the moment when its light left. {q, e}
TEST(LightCurve, LightTravelTimeShowsEachStarWhenItsLightLeft) {
  const StarBand a = grey(1.0, {{0.4, 0.3, 0.1, -0.1}}), b = grey(0.2, {{0.1, 0.3, 0.1, 0.1}}),
                 dark = grey(-80.0, {{0, 0, 0, 0}});
  const Effects delayed{.light_travel_time = true};
  for (const auto& [q, e] : {std::pair{0.6, 0.0}, {1.0, 0.0}, {0.8, 0.4}}) {
    System s = make_system(0.17, 0.14, q, e, 1.0, 0.5);
    s.period_day = 1.5;
    const double crossing = s.sma_rsun * kRsun / kLightSpeed / (s.period_day * kDaySeconds);
    const Orbit orbit = make_orbit(e, 1.0, 0.5);
    PhaseCurve curve;
    ASSERT_EQ(render_phase_curve(s, &a, &b, 1, {}, delayed, curve), Status::kOk);
    double effect = 0.0;
    for (int i = 0; i < 20; ++i) {
      const double phase = 0.05 * i;
      double expected = 0.0;
      for (int k = 0; k < 2; ++k) {
        const double share = k == 0 ? -q / (1.0 + q) : 1.0 / (1.0 + q);
        double left = phase;
        for (int round = 0; round < 30; ++round)
          left = phase + crossing * share * orbit.nearness(orbit.true_anomaly(left));
        expected += flux_at(s, k == 0 ? a : dark, k == 1 ? b : dark, left, {}, {});
      }
      EXPECT_NEAR(flux_at(s, a, b, phase, {}, delayed) / expected, 1.0, 1e-7);
      EXPECT_NEAR(phase_curve_flux(curve, 0, phase, 0.0) / expected, 1.0, 2e-5);
      effect = std::max(effect, std::abs(flux_at(s, a, b, phase, {}, {}) / expected - 1.0));
    }
    EXPECT_GT(effect, 1e-6);
  }
}

// --- Whatever comes in
// -------------------------------------------------------------------------------------------------------

TEST(LightCurve, StatusTellsWhatIsWrong) {
  const StarBand band = grey(1.0, {{0, 0.5, 0, 0}});
  PhaseCurve curve;
  const auto status = [&](const System& s) { return render_phase_curve(s, &band, &band, 1, {}, {}, curve); };
  const double nan = std::nan("");
  EXPECT_EQ(status(make_system(0.1, 0.1, 1.0, 0.0, 0.0, 0.0)), Status::kOk);
  EXPECT_EQ(status(make_system(0.45, 0.1, 1.0, 0.0, 0.0, 0.0)), Status::kBadGeometry);  // over its Roche lobe
  EXPECT_EQ(status(make_system(0.6, 0.5, 1.0, 0.0, 0.0, 0.0)), Status::kBadGeometry);   // the stars overlap
  EXPECT_EQ(status(make_system(0.1, 0.1, 1.0, 0.85, 0.0, 0.0)), Status::kBadGeometry);  // they touch at periastron
  EXPECT_EQ(status(make_system(0.03, 0.1, 1.0, 1.0, 0.0, 0.0)), Status::kInvalidInput);
  EXPECT_EQ(status(make_system(0.1, 0.1, nan, 0.0, 0.0, 0.0)), Status::kInvalidInput);
  EXPECT_EQ(status(make_system(0.1, 0.1, 1.0, nan, 0.0, 0.0)), Status::kInvalidInput);
  EXPECT_EQ(status(make_system(0.1, 0.1, 1.0, 0.0, nan, 0.0)), Status::kInvalidInput);
  EXPECT_EQ(status(make_system(0.1, 0.1, 1.0, 0.0, 0.0, 1.5)), Status::kInvalidInput);
  EXPECT_EQ(status(make_system(nan, 0.1, 1.0, 0.0, 0.0, 0.0)), Status::kInvalidInput);
  EXPECT_EQ(status(make_system(0.1, 0.0, 1.0, 0.0, 0.0, 0.0)), Status::kInvalidInput);
  const auto changed = [&](auto&& change, const Effects& effects = {}) {
    System s = make_system(0.1, 0.1, 1.0, 0.0, 0.0, 0.0);
    change(s);
    return render_phase_curve(s, &band, &band, 1, {}, effects, curve);
  };
  for (const double albedo : {-0.1, 1.1, nan})
    EXPECT_EQ(changed([&](System& s) { s.star[1].albedo = albedo; }), Status::kInvalidInput);
  for (const double u : {-0.1, 1.1, nan})
    EXPECT_EQ(changed([&](System& s) { s.star[0].bolometric_limb_darkening = u; }), Status::kInvalidInput);
  for (const double value : {0.0, -1.0, nan, HUGE_VAL}) {
    EXPECT_EQ(changed([&](System& s) { s.distance_pc = value; }), Status::kInvalidInput);
    EXPECT_EQ(changed([&](System& s) { s.sma_rsun = value; }), Status::kInvalidInput);
    EXPECT_EQ(changed([&](System& s) { s.star[0].teff_k = value; }), Status::kInvalidInput);
    EXPECT_EQ(changed([&](System& s) { s.period_day = value; }, {.light_travel_time = true}), Status::kInvalidInput);
  }
  EXPECT_EQ(changed([&](System& s) { s.period_day = nan; }), Status::kOk);  // nobody asks for it
  EXPECT_EQ(changed([&](System& s) { s.period_day = 3.0; }, {.light_travel_time = true}), Status::kOk);
  EXPECT_EQ(changed([&](System& s) { s.period_day = 1e-3; }, {.light_travel_time = true}), Status::kInvalidInput);
  EXPECT_EQ(changed([&](System& s) { s.star[0].gravity_darkening = nan; }), Status::kInvalidInput);
  double flux;
  const System good = make_system(0.1, 0.1, 1.0, 0.0, 0.0, 0.0);
  for (const double third : {-0.1, 1.0, nan}) {
    EXPECT_EQ(render_phase_curve(good, &band, &band, 1, {}, {}, curve, &third), Status::kInvalidInput);
    EXPECT_EQ(render_flux(good, &band, &band, 1, 0.0, {}, {}, &flux, &third), Status::kInvalidInput);
    EXPECT_EQ(render_sed(good, &band, &band, 1, {}, {}, &flux, &third), Status::kInvalidInput);
  }
  for (const StarBand& bad : {grey(nan, {{0, 0.5, 0, 0}}), grey(1.0, {{nan, 0.5, 0, 0}}), grey(1.0, {{0, 3.5, 0, 0}})})
    EXPECT_EQ(render_phase_curve(good, &bad, &band, 1, {}, {}, curve), Status::kInvalidInput);
  EXPECT_EQ(render_flux(make_system(0.45, 0.1, 1.0, 0.0, 0.0, 0.0), &band, &band, 1, 0.0, {}, {}, &flux),
            Status::kBadGeometry);
  EXPECT_EQ(render_sed(make_system(0.45, 0.1, 1.0, 0.0, 0.0, 0.0), &band, &band, 1, {}, {}, &flux),
            Status::kBadGeometry);
  EXPECT_EQ(render_flux(make_system(0.1, 0.1, 1.0, 0.0, 0.0, 0.0), &band, &band, 1, nan, {}, {}, &flux),
            Status::kInvalidInput);
}

// Any mixture of radii, up to and past the Roche lobes: a finite, positive, continuous curve or a status.
TEST(LightCurve, NeverReturnsNonsense) {
  PhaseCurve curve;
  int good = 0, bad = 0;
  for (std::uint64_t index = 0; index < 3000; ++index) {
    RandomStream random(22, index, Stage::kTest);
    const double e = random.uniform() < 0.2 ? 0.0 : 0.95 * random.uniform();
    const double sum = (1.0 - e) * std::exp(std::log(2e-3) * random.uniform());
    const double share = 0.03 + 0.94 * random.uniform();
    const System s = make_system(share * sum, (1.0 - share) * sum, std::exp(3.0 * (random.uniform() - 0.5)), e,
                                 kTwoPi * random.uniform(),
                                 random.uniform() < 0.1 ? 0.0 : std::min(1.0, 1.5 * sum * random.uniform()));
    const StarBand a = grey(1.0, {{0.4, 0.3, 0.1, -0.1}}),
                   b = grey(-1.0 + 2.0 * random.uniform(), {{0.1, 0.3, 0.1, 0.1}});
    if (render_phase_curve(s, &a, &b, 1, {}, {}, curve) != Status::kOk) {
      ++bad;
      continue;
    }
    ++good;
    const double level = *std::max_element(curve.flux.begin(), curve.flux.end());
    for (std::size_t n = 0; n < curve.flux.size(); ++n) {
      ASSERT_TRUE(std::isfinite(curve.flux[n]) && std::isfinite(curve.slope[n])) << index;
      ASSERT_GT(curve.flux[n], 0.0) << index;
      if (n > 0) {
        ASSERT_GE(curve.node_phase[n], curve.node_phase[n - 1]) << index;
        ASSERT_LT(std::abs(curve.flux[n] - curve.flux[n - 1]), 0.25 * level)
            << index << " at " << curve.node_phase[n] << " contacts " << contacts(curve) << " radii " << share * sum
            << " " << (1 - share) * sum << " e " << e << " cosi " << s.cos_i << " w " << s.omega_rad << " q " << s.q;
      }
    }
    // Segments meet, and the curve closes.
    for (std::size_t i = 1; i < curve.segment_start.size(); ++i) {
      const int n = curve.segment_start[i];
      ASSERT_NEAR(curve.node_phase[n], curve.node_phase[n - 1], 1e-9) << index;
      ASSERT_NEAR(curve.flux[n] / level, curve.flux[n - 1] / level, 1e-4) << index;
    }
    ASSERT_NEAR(curve.node_phase.back() - curve.node_phase.front(), 1.0, 1e-9) << index;
    ASSERT_NEAR(curve.flux.back() / level, curve.flux.front() / level, 1e-4) << index;
  }
  std::printf("%d curves, %d without a closed geometry\n", good, bad);
  EXPECT_GT(good, 2000);
}

}  // namespace
}  // namespace penumbra
