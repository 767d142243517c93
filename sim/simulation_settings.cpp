#include "sim/simulation_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <type_traits>

#include "base/sha256.h"

namespace penumbra {
namespace {

// The keys of a Resolution.
template <class R, class Visit>
void for_each_resolution_key(const char* table, R& resolution, const Visit& visit) {
  visit(table, "azimuths", resolution.azimuths, Range{4.0, kMaxAzimuths});
  visit(table, "polar", resolution.polar, Range{2.0, kMaxGaussPoints});
  visit(table, "lens_radial", resolution.lens_radial, Range{2.0, kMaxGaussPoints});
  visit(table, "lens_arc", resolution.lens_arc, Range{2.0, kMaxGaussPoints});
  visit(table, "out_of_eclipse_phases", resolution.out_of_eclipse_phases, Range{8.0, 0.5 * kMaxSmoothPhases});
  visit(table, "eclipse_phases", resolution.eclipse_phases, Range{8.0, 256.0});
}

// The one list of keys of [prior] that are numbers.
template <class S, class Visit>
void for_each_prior_key(S& s, const Visit& visit) {
  const Range any, not_negative{0.0}, share{0.0, 1.0};
  visit("prior", "msum_k", s.prior.msum_k, kPositive);
  visit("prior", "msum_mu", s.prior.msum_mu, any);
  visit("prior", "msum_sigma", s.prior.msum_sigma, kPositive);
  visit("prior", "q_alpha", s.prior.q_alpha, kPositive);
  visit("prior", "q_beta", s.prior.q_beta, kPositive);
  visit("prior", "age_alpha", s.prior.age_alpha, kPositive);
  visit("prior", "age_beta", s.prior.age_beta, kPositive);
  visit("prior", "log_age_min", s.prior.log_age_min, any);
  visit("prior", "log_age_max", s.prior.log_age_max, any);
  visit("prior", "feh_mean", s.prior.feh_mean, any);
  visit("prior", "feh_sigma", s.prior.feh_sigma, kPositive);
  visit("prior", "feh_weight", s.prior.feh_weight, share);
  visit("prior", "feh_tail_mean", s.prior.feh_tail_mean, any);
  visit("prior", "feh_tail_sigma", s.prior.feh_tail_sigma, kPositive);
  visit("prior", "rsum_alpha", s.prior.rsum_alpha, kPositive);
  visit("prior", "rsum_beta", s.prior.rsum_beta, kPositive);
  visit("prior", "loge_mean", s.prior.loge_mean, any);
  visit("prior", "loge_sigma", s.prior.loge_sigma, kPositive);
  visit("prior", "loge_min", s.prior.loge_min, any);
  visit("prior", "loge_max", s.prior.loge_max, any);
  visit("prior", "cos_i_max", s.prior.cos_i_max, share);
  visit("prior", "track_tolerance", s.prior.track_tolerance, Range{0.0, 1.0, true});
  visit("prior", "barrier_steepness", s.prior.barrier_steepness, not_negative);
}

// And of [simulation].
template <class S, class Visit>
void for_each_simulation_key(S& s, const Visit& visit) {
  const Range any, not_negative{0.0}, share{0.0, 1.0};
  for_each_resolution_key("simulation", s.options.resolution, visit);
  visit("simulation", "reflection", s.options.effects.reflection, any);
  visit("simulation", "light_travel_time", s.options.effects.light_travel_time, any);
  visit("simulation", "albedo_convective", s.options.albedo.convective, share);
  visit("simulation", "albedo_radiative", s.options.albedo.radiative, share);
  visit("simulation", "albedo_radiative_from_k", s.options.albedo.radiative_from_k, not_negative);
  visit("simulation", "r_v", s.options.extinction.r_v, Range{2.0, 6.0});
  visit("simulation", "spectrum_weighted_extinction", s.options.extinction.spectrum_weighted, any);
}

struct Reader {
  const Config& config;
  void operator()(const char* table, const char* key, double& value, const Range& range) const {
    value = config.section(table).number(key, value, range);
  }
  void operator()(const char* table, const char* key, int& value, const Range& range) const {
    value = static_cast<int>(config.section(table).integer(key, value, range));
  }
  void operator()(const char* table, const char* key, bool& value, const Range&) const {
    value = config.section(table).flag(key, value);
  }
  void operator()(const char* table, const char* key, Reflection& value, const Range&) const {
    const Config section = config.section(table);
    if (section.is_flag(key)) {  // checkpoints of version 0.1
      value = section.flag(key, true) ? Reflection::kHorvat : Reflection::kNone;
      return;
    }
    const std::vector<std::string> names(kReflectionNames.begin(), kReflectionNames.end());
    const std::string name = section.choice(key, names[static_cast<std::size_t>(value)], names);
    value = static_cast<Reflection>(std::find(names.begin(), names.end(), name) - names.begin());
  }
};

}  // namespace

std::filesystem::path default_data_folder() {
  if (const char* variable = std::getenv("PENUMBRA_DATA"); variable != nullptr) return variable;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "data";
}

PriorSpec read_prior(const Config& config) {
  SimulationSettings settings;
  settings.prior = named_prior(config.section("prior").choice("name", "field", {"paper", "field"}));
  for_each_prior_key(settings, Reader{config});
  return settings.prior;
}

DustMap read_dust_map(const Config& config) {
  const Config prior = config.section("prior");
  DustMap dust;
  const std::string file = prior.text("dust_map", "analytic");
  if (file == "analytic") return dust;
  if (!std::filesystem::is_regular_file(file)) {
    throw prior.error("dust_map", "no such file; expected analytic or a Bayestar2019 file (HDF5)");
  }
  dust = {file, sha256_of_file(file)};
  if (prior.has("dust_map_sha256") && prior.text("dust_map_sha256") != dust.sha256) {
    throw prior.error("dust_map",
                      fmt::format("another map: SHA-256 {}, expected {}", dust.sha256, prior.text("dust_map_sha256")));
  }
  return dust;
}

std::string describe_prior(const PriorSpec& prior, const DustMap& dust) {
  if (dust.file.empty()) return prior.name;
  return fmt::format("{}, dust of {} (SHA-256 {})", prior.name, dust.file.filename().string(), dust.sha256);
}

SimulationSettings read_simulation_settings(const Config& config) {
  SimulationSettings settings;
  settings.prior = read_prior(config);
  settings.dust = read_dust_map(config);
  for_each_simulation_key(settings, Reader{config});
  return settings;
}

SimulationSettings recorded_simulation_settings(const std::string& recorded, const std::filesystem::path& checkpoint,
                                                const std::string& dust_map) {
  const auto parse = [&] { return Config::parse(recorded, checkpoint.string()); };
  Config config = parse();
  if (const Config prior = parse().section("prior");
      !dust_map.empty() && prior.has("dust_map") && !std::filesystem::exists(prior.text("dust_map"))) {
    config.set_text("prior.dust_map", dust_map);
  }
  return read_simulation_settings(config);
}

void read_resolution(const Config& table, Resolution& resolution) {
  for_each_resolution_key("", resolution, [&](const char*, const char* key, int& value, const Range& range) {
    value = static_cast<int>(table.integer(key, value, range));
  });
}

std::string to_toml(const SimulationSettings& settings) {
  std::string text = fmt::format("prior.name = \"{}\"\n", settings.prior.name);
  if (!settings.dust.file.empty()) {
    text += fmt::format("prior.dust_map = {:?}\nprior.dust_map_sha256 = \"{}\"\n", settings.dust.file.string(),
                        settings.dust.sha256);
  }
  const auto append = [&](const char* table, const char* key, const auto& value, const Range&) {
    if constexpr (std::is_same_v<decltype(value), const Reflection&>) {
      text += fmt::format("{}.{} = \"{}\"\n", table, key, kReflectionNames[static_cast<std::size_t>(value)]);
    } else {
      text += fmt::format("{}.{} = {}\n", table, key, value);
    }
  };
  for_each_prior_key(settings, append);
  for_each_simulation_key(settings, append);
  return text;
}

LoadedSimulator::LoadedSimulator(const std::filesystem::path& data_folder, const SimulationSettings& settings)
    : tables_(Tables::load(data_folder, settings.dust.file)),
      simulator_(tables_, Prior(settings.prior, tables_.tracks.view(), tables_.dust.view()), settings.options) {}

}  // namespace penumbra
