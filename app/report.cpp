// penumbra report: figures of posterior files, drawn by tools/report.py from the files alone.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "app/options.h"
#include "app/other_prior.h"
#include "app/posterior_output.h"
#include "app/verbs.h"
#include "base/interrupt.h"
#include "base/provenance.h"
#include "base/sha256.h"
#include "inference/posterior_file.h"
#include "inference/predictions.h"
#include "inference/refine.h"
#include "inference/summary.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  Settings settings;
  std::vector<std::string> posteriors;
};

// $PENUMBRA_PYTHON, the project's own environment, or the python3 on PATH.
std::string find_python(const fs::path& root) {
  if (const char* variable = std::getenv("PENUMBRA_PYTHON"); variable != nullptr) return variable;
  const fs::path own = root / ".venv" / "bin" / "python3";
  return fs::exists(own) ? own.string() : "python3";
}

// Runs a program with these arguments and waits. Returns its exit status; 128 + the signal when one ended it.
int run_program(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw EnvironmentError(fmt::format("cannot start {}: {}", command.front(), std::strerror(errno)));
  if (child == 0) {
    ::execvp(argv.front(), argv.data());
    fmt::print(stderr, "penumbra: cannot start {}: {}\n", command.front(), std::strerror(errno));
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// The value of an attribute that infer writes into every posterior.
std::string& attribute(PosteriorRecord& record, const std::string& name) {
  for (auto& [key, value] : record.attributes) {
    if (key == name) return value;
  }
  throw UserError(fmt::format("{}: no attribute '{}', which infer writes", record.object.file.string(), name));
}

PosteriorRecord read_to_read_again(const fs::path& file, const fs::path& target) {
  PosteriorRecord record = read_posterior(file);
  if (record.reweighting) {
    throw UserError(
        fmt::format("{}: was read under prior {} already; name the posterior that infer wrote without "
                    "--prior and --dust-map",
                    file.string(), record.reweighting->read_under));
  }
  if (fs::exists(target) && fs::equivalent(file, target)) {
    throw UserError(fmt::format("{}: would be overwritten; choose another --out", file.string()));
  }
  return record;
}

// Writes the posterior as it is under another prior. False: that is the prior that it was made under.
bool read_again(PosteriorRecord& record, OtherPriorChoice& other, const fs::path& data, const Config& config,
                std::uint64_t seed, const fs::path& target) {
  const fs::path& file = record.object.file;
  const SimulationSettings settings =
      recorded_simulation_settings(attribute(record, "simulation"), file, other.dust_file());
  const LoadedSimulator simulator(data, settings);
  std::string& prior = attribute(record, "prior");
  const std::optional<OtherPrior> read = other.make(settings, simulator.tables(), prior);
  if (!read) return false;
  read_under(*read, simulator->prior(), seed, record);
  record.predictions = predict(*simulator, record.object.observation, record.samples, record.predictions.draws);
  if (record.samples.theta.empty()) throw OutsidePrior(fmt::format("{}: no sample can be rendered", file.string()));
  prior = read->name;
  record.attributes.insert(
      record.attributes.end(),
      {{"read_by", fmt::format("penumbra {} (commit {})", program_version(), program_commit())},
       {"read_config", config.resolved()},
       {"read_from", fmt::format("{} (SHA-256 {})", file.filename().string(), sha256_of_file(file))}});
  write_posterior(target, record);
  fmt::print("{}\nposterior: {}\n", summary_table(record), target.string());
  std::fflush(stdout);
  return true;
}

// The posteriors to draw, read again where another prior is given. A mistake in the last one costs no waiting.
std::vector<std::string> read_all_again(const std::vector<std::string>& files, OtherPriorChoice& other,
                                        const fs::path& data, const Config& config, std::uint64_t seed,
                                        const fs::path& out) {
  const std::vector<fs::path> targets = output_files(files, out);
  std::vector<PosteriorRecord> records;
  for (std::size_t i = 0; i < files.size(); ++i) records.push_back(read_to_read_again(files[i], targets[i]));
  create_output_folder(out);
  std::vector<std::string> drawn = files;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (read_again(records[i], other, data, config, seed, targets[i])) drawn[i] = targets[i].string();
    throw_if_interrupted();
  }
  return drawn;
}

void run_report(const Arguments& arguments) {
  const Config config = arguments.settings.read();
  const RunSettings run = read_run_settings(config);
  const std::string out = config.text("out", "report");
  const std::string format = config.choice("format", "png", {"png", "pdf", "svg"});
  OtherPriorChoice other(config);
  config.finish();
  for (const std::string& file : arguments.posteriors) {
    if (!fs::exists(file)) throw UserError(fmt::format("{}: no such file", file));
  }
  const fs::path root = fs::weakly_canonical(arguments.settings.data_folder()).parent_path();
  const fs::path script = root / "tools" / "report.py";
  if (!fs::exists(script)) {
    throw EnvironmentError(
        fmt::format("{}: not found; the report needs the project's tools folder beside its data", script.string()));
  }
  const std::vector<std::string> posteriors =
      other.given()
          ? read_all_again(arguments.posteriors, other, arguments.settings.data_folder(), config, run.seed, out)
          : arguments.posteriors;
  std::vector<std::string> command{find_python(root), script.string(), "--out", out, "--format", format};
  command.insert(command.end(), posteriors.begin(), posteriors.end());
  const int status = run_program(command);
  throw_if_interrupted();
  if (status == 2)
    throw UserError(fmt::format("report: {} cannot be drawn (see above)", fmt::join(arguments.posteriors, ", ")));
  if (status != 0)
    throw EnvironmentError(fmt::format("report: {} {} failed with status {}", command[0], command[1], status));
}

}  // namespace

void add_report(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("report", "figures and a page for posterior files");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("posteriors", arguments->posteriors, "posterior files (netCDF) that infer wrote")
      ->required()
      ->type_name("POSTERIOR.nc");
  arguments->settings.attach(*verb);
  arguments->settings.shortcut(*verb, "--out", "out", "folder for the figures and <object>.html [report]", true);
  arguments->settings.shortcut(*verb, "--format", "format", "png, pdf or svg [png]", true);
  OtherPriorChoice::add_options(*verb, arguments->settings);
  verb->footer(
      "Keys of --config and --set: out, format, prior.name, prior.dust_map; with prior.name, the prior's numbers\n"
      "(prior.feh_mean, ...); seed; device and threads are accepted and not used. Under another prior than the\n"
      "network's, samples are drawn again by the ratio of the priors' densities, as infer does it, the number of\n"
      "effective ones is told, and <out>/<name of the file> is the posterior that is drawn.\n"
      "Needs Python with matplotlib, corner and arviz: $PENUMBRA_PYTHON, the project's .venv, or python3 on PATH.");
  verb->callback([arguments] { run_report(*arguments); });
}

}  // namespace penumbra
