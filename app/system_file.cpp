#include "app/system_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "app/options.h"
#include "base/text_table.h"

namespace penumbra {
namespace {

constexpr const char* kStarName[2] = {"primary", "secondary"};

void read_orbit(const Config& table, SystemFile& out) {
  System& s = out.system;
  s.period_day = table.number("period_day", kPositive);
  s.sma_rsun = table.number("sma_rsun", kPositive);
  s.q = table.number("q", kPositive);
  const double inclination_deg = table.number("inclination_deg", Range{0.0, 180.0});
  s.cos_i = std::cos(inclination_deg * kPi / 180.0);
  s.eccentricity = table.number("eccentricity", 0.0, {0.0});
  if (s.eccentricity >= 1.0) throw table.error("eccentricity", "expected a finite number >= 0 and < 1");
  s.omega_rad = table.number("omega_deg", 0.0) * kPi / 180.0;
  s.distance_pc = table.number("distance_pc", 100.0, kPositive);
  s.feh = table.number("feh", 0.0);
  s.ebv = table.number("ebv", 0.0, {0.0});
  out.extinction.r_v = table.number("r_v", out.extinction.r_v, {2.0, 6.0});
  s.gamma_km_s = table.number("gamma_km_s", 0.0);
  out.epoch_day = table.number("epoch", 0.0);
}

std::optional<LimbDarkening> read_limb_darkening(const Config& table, bool blackbody) {
  const std::vector<std::string> laws{"linear", "logarithmic", "square_root", "claret", "table"};
  const std::string law = blackbody ? table.choice("law", laws) : table.choice("law", "table", laws);
  if (law == "table") {
    if (table.has("coefficients")) throw table.error("coefficients", "not used by law = \"table\"; leave it out");
    return std::nullopt;
  }
  const std::vector<double> c = table.numbers("coefficients");
  const std::size_t count = law == "linear" ? 1 : law == "claret" ? 4 : 2;
  if (c.size() != count) {
    throw table.error("coefficients", fmt::format("expected {} for law = \"{}\", found {}", count, law, c.size()));
  }
  const LimbDarkening limb = law == "linear"        ? LimbDarkening::linear(c[0])
                             : law == "logarithmic" ? LimbDarkening::logarithmic(c[0], c[1])
                             : law == "square_root" ? LimbDarkening::square_root(c[0], c[1])
                                                    : LimbDarkening::claret(c[0], c[1], c[2], c[3]);
  for (int i = 0; i <= 100; ++i) {
    const double mu = 0.01 * i;
    if (limb(mu) < -1e-12) {
      throw table.error("coefficients", fmt::format("the intensity at mu = {:.2f} would be {:.3g} of that at the "
                                                    "centre; expected a law that is never negative",
                                                    mu, limb(mu)));
    }
  }
  return limb;
}

void read_star(const Config& table, SystemFile& out, int which) {
  Star& star = out.system.star[which];
  star.radius_rsun = table.number("radius_rsun", kPositive);
  // Far below, a blackbody's light in the blue underflows.
  star.teff_k = table.number("teff_k", Range{1000.0, 1e6});
  star.gravity_darkening = table.number("gravity_darkening", gravity_darkening_exponent(star.teff_k), {0.0, 2.0});
  star.albedo = table.number("albedo", AlbedoLaw{}(star.teff_k), {0.0, 1.0});
  star.bolometric_limb_darkening =
      table.number("bolometric_limb_darkening", star.bolometric_limb_darkening, {0.0, 1.0});
  out.limb_darkening[which] = read_limb_darkening(table.section("limb_darkening"), out.blackbody);
}

// Kepler's third law with the file's period and semi-major axis.
void set_masses(System& s) {
  const double one_msun_day = period_from_sma_day(s.sma_rsun, 1.0);
  const double msum = one_msun_day * one_msun_day / (s.period_day * s.period_day);
  for (int k = 0; k < 2; ++k) {
    s.star[k].mass_msun = msum * (k == 0 ? 1.0 : s.q) / (1.0 + s.q);
    s.star[k].logg = logg_cgs(s.star[k].mass_msun, s.star[k].radius_rsun);
  }
}

Filter read_filter(const std::filesystem::path& file, bool per_photon) {
  const TextTable table = TextTable::read(file, {"wavelength_m", "transmission"});
  Filter filter{table.numbers("wavelength_m"), table.numbers("transmission"), per_photon};
  double most = 0.0;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    double& wavelength = filter.wavelength_um[i];
    if (!(wavelength >= 1e-8 && wavelength <= 1e-3)) {
      throw UserError(fmt::format("{}: wavelength_m = {}: expected metres, 1e-8 to 1e-3", table.where(i), wavelength));
    }
    wavelength *= 1e6;
    if (i > 0 && wavelength <= filter.wavelength_um[i - 1]) {
      throw UserError(fmt::format("{}: wavelength_m = {}: not above the row before; wavelengths must ascend",
                                  table.where(i), 1e-6 * wavelength));
    }
    if (filter.transmission[i] < 0.0) {
      throw UserError(
          fmt::format("{}: transmission = {}: expected a number >= 0", table.where(i), filter.transmission[i]));
    }
    most = std::max(most, filter.transmission[i]);
  }
  if (table.rows() < 2 || most == 0.0) {
    throw UserError(fmt::format("{}: expected at least two rows and a transmission above 0", file.string()));
  }
  return filter;
}

void add_band(std::vector<CurveBand>& bands, CurveBand band, const Config& table, const std::string& key) {
  for (const CurveBand& other : bands) {
    if (other.name == band.name) throw table.error(key, fmt::format("{} is given twice", band.name));
  }
  if (bands.size() == kMaxBands) throw table.error(key, fmt::format("expected at most {} passbands", kMaxBands));
  bands.push_back(std::move(band));
}

void read_bands(const Config& table, bool photon, std::vector<CurveBand>& bands) {
  const bool named = table.has("passband"), given = table.has("passband_file");
  if (named == given) {
    throw table.error(named ? "passband_file" : "passband",
                      named ? "give passband or passband_file, not both"
                            : "missing; expected a passband's name, or passband_file, a transmission curve");
  }
  if (given) {
    for (const std::string& text : table.texts("passband_file")) {
      const std::filesystem::path file = table.file().parent_path() / text;
      add_band(bands, {file.stem().string(), std::nullopt, read_filter(file, photon)}, table, "passband_file");
    }
    return;
  }
  for (const std::string& name : table.texts("passband")) {
    const auto found =
        std::find_if(kPassbands.begin(), kPassbands.end(), [&](const PassbandInfo& info) { return info.name == name; });
    if (found == kPassbands.end()) {
      std::vector<std::string_view> names;
      names.reserve(kPassbands.size());
      for (const PassbandInfo& info : kPassbands) names.push_back(info.name);
      throw table.error("passband", fmt::format("unknown passband {}; allowed: {}", name, fmt::join(names, ", ")));
    }
    add_band(bands, {name, static_cast<Passband>(found - kPassbands.begin()), {}}, table, "passband");
  }
}

// One share for all passbands, or a list.
std::vector<double> read_third_light(const Config& table, std::size_t bands) {
  const char* const expected =
      "expected shares of the light of all, >= 0 and < 1: one, or as many as there are passbands";
  std::vector<double> shares = table.has("third_light") ? table.numbers("third_light") : std::vector<double>{0.0};
  if (shares.size() == 1) shares.resize(bands, shares.front());
  if (shares.size() != bands) throw table.error("third_light", expected);
  for (const double share : shares) {
    if (!(share >= 0.0 && share < 1.0)) throw table.error("third_light", expected);
  }
  return shares;
}

}  // namespace

SystemFile read_system_file(const Config& config) {
  SystemFile out{};
  const Config atmosphere = config.section("atmosphere");
  out.blackbody = atmosphere.choice("model", {"blackbody", "table"}) == "blackbody";
  out.photon = atmosphere.choice("weighting", "energy", {"energy", "photon"}) == "photon";
  read_bands(atmosphere, out.photon, out.bands);

  read_orbit(config.section("system"), out);
  for (int k = 0; k < 2; ++k) read_star(config.section(kStarName[k]), out, k);
  set_masses(out.system);
  for (int k = 0; k < 2; ++k) {
    if (atmosphere.has("passband_file") && (!out.blackbody || !out.limb_darkening[k])) {
      throw atmosphere.error("passband_file",
                             fmt::format("{} needs a passband that the tables know; name it with passband",
                                         out.blackbody ? fmt::format("{}.limb_darkening.law = \"table\"", kStarName[k])
                                                       : "model = \"table\""));
    }
  }

  const Config effects = config.section("effects");
  const std::vector<std::string> schemes(kReflectionNames.begin(), kReflectionNames.end());
  const std::string scheme = effects.choice("reflection", "none", schemes);
  out.effects.reflection = static_cast<Reflection>(std::find(schemes.begin(), schemes.end(), scheme) - schemes.begin());
  out.effects.light_travel_time = effects.flag("light_travel_time", false);
  out.third_light = read_third_light(effects, out.bands.size());
  out.extinction.spectrum_weighted = effects.choice("extinction", "band", {"band", "spectrum"}) == "spectrum";
  out.exposure_s = effects.number("exposure_s", 0.0, {0.0, kDaySeconds * out.system.period_day});

  const Config resolution = config.section("resolution");
  if (resolution.choice("setting", "default", {"default", "precise"}) == "precise") {
    out.resolution = Resolution::precise();
  }
  read_resolution(resolution, out.resolution);
  return out;
}

}  // namespace penumbra
