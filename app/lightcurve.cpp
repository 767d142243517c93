// penumbra lightcurve: the forward model of one binary, from a system file to fluxes, SED and radial velocities.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <memory>

#include "app/options.h"
#include "app/system_file.h"
#include "app/verbs.h"
#include "base/atomic_file.h"
#include "base/hdf5_file.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "base/text_table.h"
#include "sim/blackbody.h"
#include "sim/radial_velocity.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

constexpr double kJansky = 1e-26;  // W m^-2 Hz^-1

constexpr const char* kFooter =
    R"(The system file: unit, what is allowed, [default]; keys without a default must be given. --set table.key=VALUE
overrides one, for instance --set primary.teff_k=6400.
  [system]
    period_day         > 0; with sma_rsun it gives the masses by Kepler's third law, and these log g
    sma_rsun           semi-major axis, Rsun, > 0
    q                  mass of the secondary over the primary's, > 0
    inclination_deg    0 to 180
    eccentricity       0 to below 1 [0]; compared with other codes up to 0.9
    omega_deg          argument of periastron of the primary [0]
    epoch              time of phase 0, superior conjunction of the primary (its eclipse), days [0]
    distance_pc        > 0 [100]
    gamma_km_s         radial velocity of the centre of mass, positive: receding [0]
    feh                [Fe/H] of both stars, for tables [0]
    ebv, r_v           reddening by F99's law, mag >= 0 [0], and R_V, 2 to 6 [3.1]
  [primary], [secondary]
    radius_rsun        volume-equivalent, > 0
    teff_k             mean of T^4 over the surface, 1000 to 1000000; tables hold less
    gravity_darkening  beta of T^4 ~ g^beta, 0 to 2 [.32 to 3700 K, a cubic to 7000 K, .9 to 8000 K, 1 above]
    albedo             bolometric, 0 to 1 [.6 below 8000 K, 1 above]
    bolometric_limb_darkening  linear, 0 to 1, of the light that heats the other star [0.5]
  [primary.limb_darkening], [secondary.limb_darkening]
    law                linear, logarithmic, square_root, claret or table [table where model = "table"]
    coefficients       [u]: 1 - u (1 - mu); [x, y]: 1 - x (1 - mu) - y mu ln mu; [x, y]: 1 - x (1 - mu) - y (1 -
                       sqrt mu); [c1, c2, c3, c4]: 1 - sum ck (1 - mu^(k/2)); the same in every passband; none for table
  [atmosphere]
    model              blackbody or table (MIST's bolometric corrections; built-in passbands only)
    passband           a name or a list of names: GALEX:FUV, NUV; Johnson:U, B, V; PanSTARRS:g, r, i, z, y, w;
                       SDSS:u, g, r, i, z; Gaia:G, BP, RP; 2MASS:J, H, Ks; WISE:W1; ZTF:g, r; TESS:T; Kepler:Kp
    passband_file      instead: a CSV file or a list, columns wavelength_m (ascending) and transmission (>= 0)
    weighting          energy or photon [energy]
  [effects]
    reflection         none, wilson or horvat [none]
    extinction         band: A_lambda averaged over the passband, the same for every star; spectrum: weighted by the
                       star's light [band]
    light_travel_time  true or false [false]
    third_light        share of the light of all out of eclipse, 0 to below 1, one or a passband each [0]
    exposure_s         each flux is the mean over this long, s, 0 to a period [0]
  [resolution]
    setting            default: interpolated light curves within 5e-5, or precise: within 1e-5 [default]
    azimuths, polar, lens_radial, lens_arc, out_of_eclipse_phases, eclipse_phases
                       over the setting's numbers of points and phases, which the output's header tells

The light curve: columns time (with --times), phase, and flux, or flux_<passband> for each of several. weighting =
"energy": int T f_lambda dlambda in W m^-2; "photon": int T f_lambda lambda dlambda / (h c) in photons s^-1 m^-2; T the
transmission as it is given: PHOEBE's absolute fluxes. From tables, f_lambda is the tables' mean in the passband.
With --rv: rv1_km_s and rv2_km_s, positive where a star recedes, means over its visible surface weighted by its light;
nan while it is hidden altogether.
The SED, mean over phases .125, .375, .625 and .875, both stars without third light: passband, pivot_um, flux_jy,
magnitude, magnitude_system (AB or Vega), flux_w_m2 (mean f_lambda times int T dlambda).
Lines that begin with # say where a file comes from. Every number reads back as the same double.)";

struct Arguments {
  Settings settings;
  std::string phases, times, out = "curve.csv", sed;
  bool rv = false, exact = false;
};

// "FROM:TO:COUNT", both ends included, or the column of a CSV file: the one of that name, or the only one.
std::vector<double> read_epochs(const std::string& source, const std::string& column) {
  double from, to;
  std::int64_t count;
  const char *at = source.data(), *end = at + source.size();
  const auto parse = [&](auto& value, bool last) {
    const auto [next, error] = std::from_chars(at, end, value);
    const bool good = error == std::errc() && (last ? next == end : next != end && *next == ':');
    at = last ? next : next + 1;
    return good;
  };
  if (!(parse(from, false) && parse(to, false) && parse(count, true))) {
    const TextTable table = TextTable::read(source, {column});
    return table.numbers(table.names().size() == 1 ? table.names().front() : column);
  }
  if (!std::isfinite(from) || !std::isfinite(to) || count < 2 || count > 10000000) {
    throw UserError(fmt::format("--{}s {}: expected FROM:TO:COUNT with finite ends and a count from 2 to 10000000",
                                column, source));
  }
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(from + (to - from) * static_cast<double>(i) / static_cast<double>(count - 1));
  }
  return values;
}

// What the tables know of a built-in passband.
struct PassbandFacts {
  Filter filter;
  double pivot_um;  // mean f_nu = mean f_lambda pivot^2 / c, both over that response
};

PassbandFacts load_passband_facts(const fs::path& passbands_file, Passband passband) {
  const Hdf5Reader file(passbands_file);
  const std::string group(kPassbands[passband].name);
  return {load_filter(passbands_file, passband), file.number_attribute(group, "pivot_um")};
}

// f_lambda (W m^-2 m^-1) -> f_nu (Jy) at the pivot wavelength.
double jansky_per_f_lambda(const PassbandFacts& facts) {
  const double pivot_m = 1e-6 * facts.pivot_um;
  return pivot_m * pivot_m / (kLightSpeed * kJansky);
}

Filter per_photon(Filter filter) {
  for (std::size_t i = 0; i < filter.transmission.size(); ++i) filter.transmission[i] *= filter.wavelength_um[i];
  return filter;
}

// Integral of the transmission over wavelength in metres.
double area_m(const Filter& filter) {
  double area = 0.0;
  for (std::size_t i = 1; i < filter.wavelength_um.size(); ++i) {
    area += 0.5e-6 * (filter.transmission[i] + filter.transmission[i - 1]) *
            (filter.wavelength_um[i] - filter.wavelength_um[i - 1]);
  }
  return area;
}

// What a mean flux density f_lambda in the filter is multiplied with: PHOEBE's ptfarea. W m^-2 for energy weighting,
// photons m^-2 s^-1 for photon weighting.
double flux_per_f_lambda(const Filter& filter, bool photon) {
  return photon ? 1e-6 * area_m(per_photon(filter)) / (kPlanck * kLightSpeed) : area_m(filter);
}

// ln of how much of a blackbody's light in the filter the dust lets through. Points where the law does not hold are
// left out.
double blackbody_log_attenuation(const Filter& response, double teff_k, double ebv, double r_v) {
  Filter clear = response, dimmed = response;
  for (std::size_t i = 0; i < response.wavelength_um.size(); ++i) {
    const double curve = f99_extinction(response.wavelength_um[i], r_v);
    const bool holds = std::isfinite(curve);
    if (!holds) clear.transmission[i] = 0.0;
    dimmed.transmission[i] = holds ? response.transmission[i] * std::pow(10.0, -0.4 * curve * ebv) : 0.0;
  }
  const auto log_light = [&](const Filter& filter) {
    return blackbody_star_band(filter, teff_k, {}).log_intensity + std::log(area_m(filter));
  };
  return log_light(dimmed) - log_light(clear);
}

// Both stars in each of some bands, as the light-curve stage reads them. [star][band]
struct StarBands {
  std::vector<StarBand> star[2];
  int count() const { return static_cast<int>(star[0].size()); }
};

// The stages of the verb, from a checked system file. log_intensity carries every factor that a band's fluxes have, so
// that they come out in their final unit.
class Renderer {
 public:
  Renderer(const Config& config, const SystemFile& file, const Settings& settings)
      : config_(config), file_(file), settings_(settings) {
    bool tabulated = !file.blackbody;
    for (const auto& limb : file.limb_darkening) tabulated = tabulated || !limb;
    if (tabulated) atmosphere_.emplace(Atmosphere::load(tables() / "atmospheres.h5"));
  }

  // In W m^-2 or photons m^-2 s^-1, reddened.
  StarBands curve_bands() const {
    StarBands bands;
    for (const CurveBand& band : file_.bands) {
      Filter filter = band.filter;
      double log_scale = 0.0;
      if (band.passband) {
        const PassbandFacts facts = load_passband_facts(passbands_file(), *band.passband);
        filter = facts.filter;
        if (!file_.blackbody) log_scale = -std::log(jansky_per_f_lambda(facts));
      }
      log_scale += std::log(flux_per_f_lambda(filter, file_.photon));
      add(bands, band.passband, filter, file_.photon, log_scale);
    }
    return bands;
  }

  // The 23 bands of the SED in Jy, reddened.
  StarBands sed_bands(std::vector<PassbandFacts>& facts) const {
    StarBands bands;
    for (int k = 0; k < kSedBandCount; ++k) {
      const auto passband = static_cast<Passband>(k);
      facts.push_back(load_passband_facts(passbands_file(), passband));
      const PassbandFacts& own = facts.back();
      add(bands, passband, own.filter, own.filter.per_photon,
          file_.blackbody ? std::log(jansky_per_f_lambda(own)) : 0.0);
    }
    return bands;
  }

  std::vector<double> zero_points_jy() const { return load_zero_points_jy(passbands_file()); }

  // A stage's status as an error about the file.
  void check(Status status) const {
    if (status == Status::kOk) return;
    const System& s = file_.system;
    const std::string name(kStatusNames[static_cast<std::size_t>(status)]);
    const Config system = config_.section("system");
    if (status != Status::kBadGeometry) throw system.error("period_day", name + ": a parameter is outside its domain");
    const double periastron = s.sma_rsun * (1.0 - s.eccentricity);
    double filling[2];
    for (int k = 0; k < 2; ++k) {
      filling[k] = s.star[k].radius_rsun / (periastron * roche_lobe_radius(k == 0 ? s.q : 1.0 / s.q));
    }
    throw system.error("sma_rsun",
                       fmt::format("{}: at periastron the centres are {:.6g} Rsun apart, the primary fills {:.4g} and "
                                   "the secondary {:.4g} of their Roche lobes' radii; expected stars that neither "
                                   "touch nor overflow",
                                   name, periastron, filling[0], filling[1]));
  }

 private:
  fs::path tables() const { return settings_.data_folder() / "tables"; }
  fs::path passbands_file() const { return tables() / "passbands.h5"; }

  // One band of both stars. `photon`: the mean over the filter counts photons.
  void add(StarBands& bands, std::optional<Passband> passband, const Filter& filter, bool photon,
           double log_scale) const {
    const Filter response = photon ? per_photon(filter) : filter;
    for (int k = 0; k < 2; ++k) {
      const Star& star = file_.system.star[k];
      StarBand tabulated{};
      if (!file_.blackbody || !file_.limb_darkening[k]) tabulated = expand_from_tables(k, *passband);
      const LimbDarkening limb = file_.limb_darkening[k].value_or(tabulated.limb);
      StarBand band = file_.blackbody ? blackbody_star_band(response, star.teff_k, limb) : tabulated;
      band.limb = limb;
      band.log_intensity += log_scale + star_log_attenuation(star, passband, filter, response);
      bands.star[k].push_back(band);
    }
  }

  double star_log_attenuation(const Star& star, std::optional<Passband> passband, const Filter& filter,
                              const Filter& response) const {
    const double ebv = file_.system.ebv, r_v = file_.extinction.r_v;
    if (ebv == 0.0) return 0.0;
    double value = NAN;
    if (!file_.extinction.spectrum_weighted) {
      value = log_attenuation(filter, ebv, r_v);
    } else if (file_.blackbody) {
      value = blackbody_log_attenuation(response, star.teff_k, ebv, r_v);
    } else {
      const AtmosphereView view = atmosphere_->view();
      const SpectralSlopeNode node = spectral_slope_node(view, star, file_.system.feh);
      value = log_attenuation(band_points(filter, r_v), ebv,
                              spectral_slope(view, node, *passband) + (filter.per_photon ? 1.0 : 0.0));
    }
    if (!std::isfinite(value)) {
      throw config_.section("system").error(
          "ebv", "a passband lies where the extinction law does not hold; it does from 0.091 to 6 um");
    }
    return value;
  }

  StarBand expand_from_tables(int which, Passband passband) const {
    const AtmosphereView view = atmosphere_->view();
    const Star& star = file_.system.star[which];
    StarBand band{};
    const Status status = expand_star(view, star, file_.system.feh, &passband, 1, &band);
    if (status == Status::kOk) return band;
    const auto ends = [](const double* axis, int count) { return std::pair{axis[0], axis[count - 1]}; };
    const auto [t0, t1] = ends(view.log_teff_axis, view.teff_count);
    const auto [g0, g1] = ends(view.logg_axis, view.logg_count);
    const auto [f0, f1] = ends(view.feh_axis, view.feh_count);
    throw config_.section(which == 0 ? "primary" : "secondary")
        .error("teff_k",
               fmt::format("{}: the atmosphere tables do not hold log g = {:.3f} (of {:.4g} Msun, {:.4g} Rsun) with "
                           "[Fe/H] = {} at this Teff; they reach from {:.0f} to {:.0f} K, log g {} to {}, [Fe/H] {} to "
                           "{}, less at the corners",
                           kStatusNames[static_cast<std::size_t>(status)], star.logg, star.mass_msun, star.radius_rsun,
                           file_.system.feh, std::pow(10.0, t0), std::pow(10.0, t1), g0, g1, f0, f1));
  }

  const Config& config_;
  const SystemFile& file_;
  const Settings& settings_;
  std::optional<Atmosphere> atmosphere_;
};

// Columns of the output, all of one length.
struct Column {
  std::string name;
  std::vector<double> values;
  bool may_be_missing = false;  // NaN, written as nan
};

// Any other NaN stops here: every way to fail has a status before this.
std::string csv_text(const std::string& header, const std::vector<Column>& columns) {
  std::string text = header;
  for (std::size_t c = 0; c < columns.size(); ++c) text += (c == 0 ? "" : ",") + columns[c].name;
  text += '\n';
  for (std::size_t row = 0; row < columns.front().values.size(); ++row) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const double value = columns[c].values[row];
      if (!std::isfinite(value) && !(std::isnan(value) && columns[c].may_be_missing)) {
        throw std::runtime_error(fmt::format("lightcurve: {} is {} in row {}", columns[c].name, value, row + 1));
      }
      text += fmt::format("{}{}", c == 0 ? "" : ",", value);  // the shortest text that reads back as the same double
    }
    text += '\n';
  }
  return text;
}

// Comment lines that say where the numbers come from, and every setting in force.
std::string provenance_header(const Config& config, const Settings& settings) {
  std::string text = fmt::format("# penumbra {} lightcurve, commit {}\n# {}, sha256 {}\n", program_version(),
                                 program_commit(), settings.file(), sha256_of_file(settings.file()));
  const std::string resolved = config.resolved();
  for (std::size_t begin = 0; begin < resolved.size();) {
    const std::size_t end = resolved.find('\n', begin);
    text += "#   " + resolved.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return text;
}

double exposure_phase(const SystemFile& file) { return file.exposure_s / (kDaySeconds * file.system.period_day); }

void add_fluxes(const Renderer& renderer, const SystemFile& file, const StarBands& bands,
                const std::vector<double>& phase, bool exact, std::vector<Column>& columns) {
  const std::size_t first = columns.size();
  for (const CurveBand& band : file.bands) {
    columns.push_back({file.bands.size() == 1 ? "flux" : "flux_" + band.name, std::vector<double>(phase.size())});
  }
  if (exact) {
    std::vector<double> flux(bands.star[0].size());
    for (std::size_t t = 0; t < phase.size(); ++t) {
      renderer.check(render_flux(file.system, bands.star[0].data(), bands.star[1].data(), bands.count(), phase[t],
                                 file.resolution, file.effects, flux.data(), file.third_light.data()));
      for (std::size_t k = 0; k < flux.size(); ++k) columns[first + k].values[t] = flux[k];
    }
    return;
  }
  PhaseCurve curve;
  renderer.check(render_phase_curve(file.system, bands.star[0].data(), bands.star[1].data(), bands.count(),
                                    file.resolution, file.effects, curve, file.third_light.data()));
  for (int k = 0; k < bands.count(); ++k) {
    std::vector<double>& values = columns[first + static_cast<std::size_t>(k)].values;
    for (std::size_t t = 0; t < phase.size(); ++t)
      values[t] = phase_curve_flux(curve, k, phase[t], exposure_phase(file));
  }
}

// Weighted by the light in the first passband.
void add_velocities(const Renderer& renderer, const SystemFile& file, const StarBands& bands,
                    const std::vector<double>& phase, std::vector<Column>& columns) {
  std::vector<double> velocity(2 * phase.size());
  renderer.check(render_radial_velocity(file.system, bands.star[0].front(), bands.star[1].front(), phase.data(),
                                        static_cast<int>(phase.size()), exposure_phase(file), file.resolution,
                                        file.effects, velocity.data()));
  const auto middle = velocity.begin() + static_cast<std::ptrdiff_t>(phase.size());
  columns.push_back({"rv1_km_s", {velocity.begin(), middle}, true});
  columns.push_back({"rv2_km_s", {middle, velocity.end()}, true});
}

std::string sed_text(const std::string& header, const Renderer& renderer, const SystemFile& file) {
  std::vector<PassbandFacts> facts;
  const StarBands bands = renderer.sed_bands(facts);
  const std::vector<double> zero_point_jy = renderer.zero_points_jy();
  std::vector<double> flux_jy(kSedBandCount);
  renderer.check(render_sed(file.system, bands.star[0].data(), bands.star[1].data(), kSedBandCount, file.resolution,
                            file.effects, flux_jy.data()));
  std::string text = header + "passband,pivot_um,flux_jy,magnitude,magnitude_system,flux_w_m2\n";
  for (int k = 0; k < kSedBandCount; ++k) {
    const auto band = static_cast<std::size_t>(k);
    const double magnitude = -2.5 * std::log10(flux_jy[band] / zero_point_jy[band]);
    if (!std::isfinite(magnitude)) {
      throw std::runtime_error(fmt::format("lightcurve: the SED's {} is {} Jy", kPassbands[band].name, flux_jy[band]));
    }
    text += fmt::format("{},{},{},{},{},{}\n", kPassbands[band].name, facts[band].pivot_um, flux_jy[band], magnitude,
                        kPassbands[band].system == MagnitudeSystem::kAb ? "AB" : "Vega",
                        flux_jy[band] / jansky_per_f_lambda(facts[band]) * area_m(facts[band].filter));
  }
  return text;
}

void run_lightcurve(const Arguments& arguments) {
  const Config config = arguments.settings.read();
  const SystemFile file = read_system_file(config);
  config.finish();
  if (arguments.exact && file.exposure_s > 0.0) {
    throw config.section("effects").error("exposure_s", "not with --exact, which gives the flux of an instant");
  }
  if (!arguments.sed.empty() && arguments.sed == arguments.out) {
    throw UserError(fmt::format("--sed {}: asked for twice; --out and --sed need different files", arguments.sed));
  }
  if (arguments.rv && arguments.times.empty() && arguments.phases.empty()) {
    throw UserError("--rv: needs --phases or --times");
  }
  std::vector<Column> columns;
  std::vector<double> phase;
  if (!arguments.times.empty()) {
    columns.push_back({"time", read_epochs(arguments.times, "time")});
    for (const double time : columns.back().values) {
      phase.push_back((time - file.epoch_day) / file.system.period_day);
    }
  } else if (!arguments.phases.empty()) {
    phase = read_epochs(arguments.phases, "phase");
  } else if (arguments.sed.empty()) {
    throw UserError("lightcurve: nothing asked for; expected --phases, --times or --sed");
  }

  const std::string header = provenance_header(config, arguments.settings);
  const Renderer renderer(config, file, arguments.settings);
  std::vector<std::pair<fs::path, std::string>> outputs;
  if (!phase.empty()) {
    columns.push_back({"phase", phase});
    const StarBands bands = renderer.curve_bands();
    add_fluxes(renderer, file, bands, phase, arguments.exact, columns);
    if (arguments.rv) add_velocities(renderer, file, bands, phase, columns);
    outputs.emplace_back(arguments.out, csv_text(header, columns));
  }
  if (!arguments.sed.empty()) outputs.emplace_back(arguments.sed, sed_text(header, renderer, file));
  write_text_files(outputs);
}

}  // namespace

void add_lightcurve(CLI::App& program) {
  CLI::App* verb =
      program.add_subcommand("lightcurve", "light curve, SED and radial velocities of one binary from its parameters");
  const auto arguments = std::make_shared<Arguments>();
  arguments->settings.attach_file(*verb, "system", "the binary and how its light is computed");
  CLI::Option* phases =
      verb->add_option("--phases", arguments->phases,
                       "orbital phases: the column `phase` of a CSV file (or its only one), or FROM:TO:COUNT")
          ->type_name("FILE.csv");
  verb->add_option("--times", arguments->times, "the same with times in days, column `time`")
      ->type_name("FILE.csv")
      ->excludes(phases);
  verb->add_option("--out", arguments->out, "the light curve [curve.csv]")->type_name("FILE.csv");
  verb->add_option("--sed", arguments->sed, "mean fluxes in the 23 SED bands, as a second file")->type_name("FILE.csv");
  verb->add_flag("--rv", arguments->rv, "radial velocities of both stars too, in the light of the first passband");
  verb->add_flag("--exact", arguments->exact, "integrate at each phase instead of interpolating a phase curve");
  verb->footer(kFooter);
  verb->callback([arguments] { run_lightcurve(*arguments); });
}

}  // namespace penumbra
