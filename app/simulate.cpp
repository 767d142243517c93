// penumbra simulate: systems of the prior and what surveys see of them, as one HDF5 file.
#include <fmt/format.h>

#include <memory>

#include "app/options.h"
#include "app/verbs.h"
#include "base/parallel.h"
#include "base/progress.h"

namespace penumbra {
namespace {

struct Arguments {
  Settings settings;
};

// One float a field an epoch: catalogues are no more precise, and a file of many systems is large.
void append(std::vector<float>& out, const std::vector<double>& values) {
  for (const double value : values) out.push_back(static_cast<float>(value));
}

// /light_curves/<channel>: epochs of system b are rows offset[b] .. offset[b + 1].
void write_channel(Hdf5Writer& file, const std::vector<Simulation>& systems, std::size_t channel) {
  std::vector<std::int64_t> offset{0};
  std::vector<float> phase, flux, sigma;
  std::vector<double> exposure;
  for (const Simulation& system : systems) {
    const LightCurve& curve = system.observation.light_curves[channel];
    append(phase, curve.phase);
    append(flux, curve.flux);
    append(sigma, curve.sigma);
    offset.push_back(static_cast<std::int64_t>(phase.size()));
    exposure.push_back(curve.empty() ? kMissing : curve.exposure_day);
  }
  const std::string group = fmt::format("/light_curves/{}/", kChannels[channel].name);
  file.integers(group + "offset", offset, {offset.size()});
  file.floats(group + "phase", phase, {phase.size()});
  file.floats(group + "flux", flux, {flux.size()});
  file.floats(group + "sigma", sigma, {sigma.size()});
  file.doubles(group + "exposure_day", exposure, {exposure.size()});
}

template <typename Value>
void write_column(Hdf5Writer& file, const std::string& path, const std::vector<Simulation>& systems, Value value) {
  std::vector<double> column;
  column.reserve(systems.size());
  for (const Simulation& system : systems) column.push_back(value(system));
  file.doubles(path, column, {column.size()});
}

template <typename Row>
void write_rows(Hdf5Writer& file, const std::string& path, const std::vector<Simulation>& systems, Row row) {
  std::vector<double> values;
  for (const Simulation& system : systems) values.insert(values.end(), row(system).begin(), row(system).end());
  file.doubles(path, values, {systems.size(), values.size() / systems.size()});
}

template <typename Table>
std::vector<std::string> names(const Table& table, std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t k = 0; k < count; ++k) out.emplace_back(table[k].name);
  return out;
}

void write_simulations(const std::filesystem::path& path, const std::vector<Simulation>& systems,
                       const std::string& prior, const Config& config, std::uint64_t seed) {
  Hdf5Writer file(path);
  write_provenance(file, "penumbra simulations", config, seed, "cpu");
  file.strings("/parameters", names(kParameters, kParameterCount));
  file.strings("/sed_bands", names(kPassbands, kSedBandCount));
  file.text_attribute("/", "prior", prior);
  write_rows(file, "/theta", systems, [](const Simulation& s) -> const Theta& { return s.draw.theta; });
  write_rows(file, "/z", systems, [](const Simulation& s) -> const Latent& { return s.draw.z; });
  write_rows(
      file, "/sed/flux_jy", systems, [](const Simulation& s) -> const auto& { return s.observation.sed_flux_jy; });
  write_rows(
      file, "/sed/sigma_jy", systems, [](const Simulation& s) -> const auto& { return s.observation.sed_sigma_jy; });
  write_column(file, "/period_day", systems, [](const Simulation& s) { return s.observation.period_day; });
  write_column(file, "/parallax_mas", systems, [](const Simulation& s) { return s.observation.parallax_mas; });
  write_column(file, "/parallax_sigma_mas", systems,
               [](const Simulation& s) { return s.observation.parallax_sigma_mas; });
  for (std::size_t c = 0; c < kChannelCount; ++c) write_channel(file, systems, c);
  file.commit();
}

void run_simulate(const Arguments& arguments) {
  const std::filesystem::path data = arguments.settings.data_folder();
  const Config config = arguments.settings.read();
  const RunSettings run = read_run_settings(config);
  const SimulationSettings settings = read_simulation_settings(config);
  const std::filesystem::path out = config.text("out", "simulations.h5");
  const auto count = static_cast<std::size_t>(config.integer("systems", 1000, {1.0, 1e9}));
  const auto first = static_cast<std::uint64_t>(config.integer("first", 0, {0.0, 1e12}));
  config.finish();
  if (run.device == "cuda") throw UserError("device = \"cuda\": simulate runs on the CPU; expected auto or cpu");

  const LoadedSimulator simulator(data, settings);
  std::vector<Simulation> systems(count);
  {
    Progress progress("simulation", count);
    parallel_for(count, run.threads, [&](std::uint64_t i) {
      simulator->simulate(run.seed, first + i, systems[i]);
      progress.advance();
    });
  }
  write_simulations(out, systems, describe_prior(settings.prior, settings.dust), config, run.seed);

  std::array<std::int64_t, static_cast<std::size_t>(Status::kStatusCount)> rejected{};
  for (const Simulation& system : systems) {
    for (std::size_t r = 0; r < rejected.size(); ++r) rejected[r] += system.draw.rejected[r];
  }
  fmt::print("{}: {} systems; rejected on the way:", out.string(), count);
  for (std::size_t r = 0; r < rejected.size(); ++r) {
    if (rejected[r] > 0) fmt::print(" {} {}", kStatusNames[r], rejected[r]);
  }
  fmt::print("\n");
}

}  // namespace

void add_simulate(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("simulate", "draws binaries from the prior and observes them");
  const auto arguments = std::make_shared<Arguments>();
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--systems", "systems", "how many [1000]", false);
  arguments->settings.shortcut(*verb, "--first", "first", "index of the first one in the seed's stream [0]", false);
  arguments->settings.shortcut(*verb, "--out", "out", "HDF5 file [simulations.h5]", true);
  arguments->settings.shortcut(*verb, "--prior", "prior.name",
                               "paper (its Table 1) or field (the solar neighbourhood) [field]", true);
  arguments->settings.shortcut(*verb, "--dust-map", "prior.dust_map", kDustMapHelp, true);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, systems, first, out, prior.name, prior.dust_map and the "
      "prior's\n"
      "numbers (prior.msum_k, ...), simulation.azimuths, polar, lens_radial, lens_arc, out_of_eclipse_phases, "
      "eclipse_phases,\n"
      "reflection (none, wilson or horvat), light_travel_time, albedo_convective, albedo_radiative,\n"
      "albedo_radiative_from_k. System i of a seed is the same whatever the number of systems and threads.\n"
      "The file: theta and z [systems][16], sed/flux_jy and sigma_jy [systems][23], period_day, parallax_mas,\n"
      "parallax_sigma_mas, light_curves/<channel>/{offset, phase, flux, sigma, exposure_day}. NaN: not observed.");
  verb->callback([arguments] { run_simulate(*arguments); });
}

}  // namespace penumbra
