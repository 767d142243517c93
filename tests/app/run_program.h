// Runs the penumbra program as a user does, in a folder of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace penumbra {

struct ProgramResult {
  int exit_code;  // 128 + the signal when one ended it
  std::string out, err;
};

inline std::string read_text(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

inline void write_text(const std::filesystem::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
}

// A folder that is removed at the end.
class ScratchFolder {
 public:
  explicit ScratchFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("penumbra_" + name + "_" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Any program, looked for on PATH; exit code 127 where there is none. file_limit: bytes that a file may have (0: no
// limit); writing more fails as on a full disk. interrupt_after_s: sends SIGINT after this long (0: never).
inline ProgramResult run_command(std::vector<std::string> command, const std::filesystem::path& folder,
                                 rlim_t file_limit = 0, double interrupt_after_s = 0.0) {
  const std::filesystem::path out = folder / ".stdout", err = folder / ".stderr";
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    const int out_file = ::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int err_file = ::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (::chdir(folder.c_str()) != 0 || ::dup2(out_file, 1) < 0 || ::dup2(err_file, 2) < 0) ::_exit(126);
    if (file_limit > 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{file_limit, file_limit};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ::execvp(argv.front(), argv.data());
    ::_exit(127);
  }
  if (interrupt_after_s > 0.0) {
    ::usleep(static_cast<useconds_t>(1e6 * interrupt_after_s));
    ::kill(child, SIGINT);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(out), read_text(err)};
}

// The penumbra program.
inline ProgramResult run_program(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                                 rlim_t file_limit = 0, double interrupt_after_s = 0.0) {
  std::vector<std::string> command{PENUMBRA_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_command(command, folder, file_limit, interrupt_after_s);
}

// The tables that tools/setup.sh makes; without them the program can do nothing.
inline bool tables_exist() {
  const std::filesystem::path data = std::filesystem::path(PENUMBRA_SOURCE_DIR) / "data";
  for (const char* file : {"tables/tracks.h5", "tables/atmospheres.h5", "tables/passbands.h5", "banks/surveys.h5"}) {
    if (!std::filesystem::exists(data / file)) return false;
  }
  return true;
}

// A network so small that it trains in seconds: what it says is worthless, how the program handles it is not.
inline const char* const kTinyPreset = R"([network]
phase_bins = 64
curve_widths = [8, 8]
curve_blocks = 1
curve_embedding = 16
sed_hidden = 16
sed_embedding = 8
scalar_hidden = 8
scalar_embedding = 8
context = 32
[flow]
blocks = 2
hidden = 32
mixture_components = 2
[train]
systems = 96
batch = 32
warmup_steps = 1
validation_systems = 32
validate_every = 96
[prior]
name = "field"
)";

}  // namespace penumbra
