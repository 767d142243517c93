// penumbra prior: draws of the prior with their densities, and how often it rejects and why.
#include "kernels/prior.h"

#include <fmt/format.h>

#include <memory>

#include "app/options.h"
#include "app/verbs.h"
#include "base/hdf5_file.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "inference/quantities.h"
#include "kernels/device.h"

namespace penumbra {
namespace {

constexpr std::size_t kBatch = 1 << 18;  // draws in memory as the device makes them
constexpr std::size_t kChunk = 1 << 12;  // draws that a thread makes at a time

struct Arguments {
  Settings settings;
};

struct Draws {
  explicit Draws(std::size_t count)
      : theta(count * kParameterCount),
        z(count * kParameterCount),
        log_density(count),
        derived(count * static_cast<std::size_t>(kDerivedCount)) {}

  std::vector<double> theta, z;     // [B][P]
  std::vector<double> log_density;  // [B]
  std::vector<double> derived;      // [B][kDerivedCount]
  std::array<std::int64_t, static_cast<std::size_t>(Status::kStatusCount)> rejected{};

  std::int64_t attempts() const {
    auto sum = static_cast<std::int64_t>(log_density.size());
    for (const std::int64_t count : rejected) sum += count;
    return sum;
  }
  double acceptance() const { return static_cast<double>(log_density.size()) / static_cast<double>(attempts()); }
};

void store(const Prior& prior, const PriorDraw& draw, std::size_t row, Draws& out) {
  const Quantities quantities = derive_quantities(draw.theta);
  const auto place = [row](std::vector<double>& rows, const double* values, std::size_t width) {
    std::copy(values, values + width, rows.begin() + static_cast<std::ptrdiff_t>(row * width));
  };
  place(out.theta, draw.theta.data(), kParameterCount);
  place(out.z, draw.z.data(), kParameterCount);
  place(out.derived, quantities.data() + kParameterCount, static_cast<std::size_t>(kDerivedCount));
  out.log_density[row] = prior.log_density(draw.theta);
}

// On the GPU if there is one to be used; null: on the CPU.
std::unique_ptr<DevicePrior> device_prior(const Prior& prior, const std::string& device) {
  std::string why;
  if (device != "cpu" && cuda_device_available(&why)) return std::make_unique<DevicePrior>(prior.view());
  if (device == "cuda") throw UserError("device = \"cuda\": no CUDA device: " + why + "; expected auto or cpu");
  return nullptr;
}

Draws draw_prior(const Prior& prior, const DevicePrior* device, const RunSettings& run, std::uint64_t first,
                 std::size_t count) {
  Draws out(count);
  Progress progress("prior", count);
  std::vector<PriorDraw> batch;
  for (std::size_t from = 0; from < count; from += kBatch) {
    batch.resize(std::min(kBatch, count - from));
    if (device != nullptr) device->draw(run.seed, first + from, batch);
    parallel_for((batch.size() + kChunk - 1) / kChunk, run.threads, [&](std::uint64_t chunk) {
      const std::size_t begin = chunk * kChunk, end = std::min(batch.size(), begin + kChunk);
      for (std::size_t i = begin; i < end; ++i) {
        if (device == nullptr) batch[i] = prior.draw(run.seed, first + from + i);
        store(prior, batch[i], from + i, out);
      }
      progress.advance(end - begin);
    });
    for (const PriorDraw& draw : batch) {
      for (std::size_t r = 0; r < out.rejected.size(); ++r) out.rejected[r] += draw.rejected[r];
    }
  }
  return out;
}

// Names, units and TeX of the columns, so that a figure can be drawn from the file alone.
template <typename Table>
void write_columns(Hdf5Writer& file, const std::string& group, const Table& table) {
  std::vector<std::string> name, unit, tex;
  for (const ParameterInfo& info : table) {
    name.emplace_back(info.name);
    unit.emplace_back(info.unit);
    tex.emplace_back(info.tex);
  }
  file.strings(group + "/name", name);
  file.strings(group + "/unit", unit);
  file.strings(group + "/tex", tex);
}

void write_draws(const std::filesystem::path& path, const Draws& draws, const Config& config, std::uint64_t seed,
                 const std::string& device, const std::string& prior) {
  const std::size_t count = draws.log_density.size();
  Hdf5Writer file(path);
  write_provenance(file, "penumbra prior draws", config, seed, device);
  file.text_attribute("/", "prior", prior);
  file.number_attribute("/", "attempts", static_cast<double>(draws.attempts()));
  file.number_attribute("/", "acceptance", draws.acceptance());
  write_columns(file, "/parameters", kParameters);
  write_columns(file, "/derived_quantities", kDerived);
  file.doubles("/theta", draws.theta, {count, kParameterCount});
  file.doubles("/z", draws.z, {count, kParameterCount});
  file.doubles("/log_density", draws.log_density, {count});
  file.doubles("/derived", draws.derived, {count, static_cast<std::size_t>(kDerivedCount)});
  file.strings("/rejections/reason", {kStatusNames.begin() + 1, kStatusNames.end()});
  file.strings("/rejections/meaning", {kStatusMeanings.begin() + 1, kStatusMeanings.end()});
  file.integers("/rejections/count", {draws.rejected.begin() + 1, draws.rejected.end()}, {draws.rejected.size() - 1});
  file.commit();
}

void print_rejections(const Draws& draws) {
  fmt::print("{:<20} {:>12} {:>8}\n", "rejected", "attempts", "share");
  for (std::size_t r = 1; r < draws.rejected.size(); ++r) {
    const Status status = static_cast<Status>(r);
    // What only the forward model and bad input can say.
    if (draws.rejected[r] == 0 && status > Status::kSoftBarrier) continue;
    fmt::print("{:<20} {:>12} {:>7.3f}%  {}\n", kStatusNames[r], draws.rejected[r],
               100.0 * static_cast<double>(draws.rejected[r]) / static_cast<double>(draws.attempts()),
               kStatusMeanings[r]);
  }
  fmt::print("Section 2.4's last reason, a forward model that fails, is asked and counted by `penumbra simulate`.\n");
}

void run_prior(const Arguments& arguments) {
  const std::filesystem::path data = arguments.settings.data_folder();
  const Config config = arguments.settings.read();
  const RunSettings run = read_run_settings(config);
  const SimulationSettings settings = read_simulation_settings(config);
  const std::filesystem::path out = config.text("out", "draws.h5");
  const auto count = static_cast<std::size_t>(config.integer("draws", 100'000, {1.0, 1e8}));
  const auto first = static_cast<std::uint64_t>(config.integer("first", 0, {0.0, 1e12}));
  config.finish();

  const LoadedSimulator simulator(data, settings);
  const std::unique_ptr<DevicePrior> device = device_prior(simulator->prior(), run.device);
  const Draws draws = draw_prior(simulator->prior(), device.get(), run, first, count);
  write_draws(out, draws, config, run.seed, device ? "cuda" : "cpu", describe_prior(settings.prior, settings.dust));
  fmt::print("{}: {} draws of the prior '{}', {:.2f}% of {} attempts accepted\n", out.string(), count,
             settings.prior.name, 100.0 * draws.acceptance(), draws.attempts());
  print_rejections(draws);
}

}  // namespace

void add_prior(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("prior", "draws binaries from the prior, without observing them");
  const auto arguments = std::make_shared<Arguments>();
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--draws", "draws", "how many [100000]", false);
  arguments->settings.shortcut(*verb, "--first", "first", "index of the first one in the seed's stream [0]", false);
  arguments->settings.shortcut(*verb, "--out", "out", "HDF5 file [draws.h5]", true);
  arguments->settings.shortcut(*verb, "--prior", "prior.name",
                               "paper (its Table 1) or field (the solar neighbourhood) [field]", true);
  arguments->settings.shortcut(*verb, "--dust-map", "prior.dust_map", kDustMapHelp, true);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, draws, first, out, prior.name, prior.dust_map and the "
      "prior's numbers\n"
      "(prior.msum_k, ...); a [simulation] table is read but not used. Draw i of a seed is the same whatever the\n"
      "number of draws and threads, and is what `simulate` starts from; a GPU's differs in the last digits.\n"
      "The file: theta and z [draws][16]; derived [draws][9]; parameters and derived_quantities {name, unit, tex} of\n"
      "their columns; log_density [draws] of theta, whose integral is the attribute acceptance (so that\n"
      "log_density - ln(acceptance) is normalised); rejections {reason, meaning, count}.");
  verb->callback([arguments] { run_prior(*arguments); });
}

}  // namespace penumbra
