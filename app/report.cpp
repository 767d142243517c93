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
#include "app/verbs.h"
#include "base/interrupt.h"

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

void run_report(const Arguments& arguments) {
  const Config config = arguments.settings.read();
  read_run_settings(config);
  const std::string out = config.text("out", "report");
  const std::string format = config.choice("format", "png", {"png", "pdf", "svg"});
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
  std::vector<std::string> command{find_python(root), script.string(), "--out", out, "--format", format};
  command.insert(command.end(), arguments.posteriors.begin(), arguments.posteriors.end());
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
  verb->footer(
      "Keys of --config and --set: out, format; seed, device and threads are accepted and not used.\n"
      "Needs Python with matplotlib, corner and arviz: $PENUMBRA_PYTHON, the project's .venv, or python3 on PATH.");
  verb->callback([arguments] { run_report(*arguments); });
}

}  // namespace penumbra
