// Runs an experiment's smoke.toml as `make experiment-<name> CONFIG=.../smoke.toml` does.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/text_table.h"
#include "tests/app/run_program.h"

namespace penumbra {

struct SmokeRun {
  int exit_code;  // 77: the data that it needs are not there
  std::string log;
  std::filesystem::path out;  // tables; figures/

  TextTable table(const std::string& name) const { return TextTable::read(out / name); }
};

// keys: "--key", "text", ... that change smoke.toml
inline SmokeRun run_smoke(const std::string& name, const std::vector<std::string>& keys = {}) {
  const std::filesystem::path root = PENUMBRA_SOURCE_DIR, build = PENUMBRA_BUILD_DIR;
  SmokeRun run{0, "", build / "experiments" / (name + (keys.empty() ? "-smoke" : "-smoke-changed"))};
  std::filesystem::remove_all(run.out);
  std::filesystem::create_directories(run.out);
  const std::string log = (run.out / "log").string();
  std::string changes;
  for (const std::string& key : keys) changes += fmt::format(" '{}'", key);
  run.exit_code = WEXITSTATUS(
      std::system(fmt::format("'{}' {} '{}' '{}'{} >'{}' 2>&1", (root / "tools" / "experiment.sh").string(), name,
                              build.string(), (root / "experiments" / name / "smoke.toml").string(), changes, log)
                      .c_str()));
  run.log = read_text(log);
  return run;
}

// Figures exist in both formats and are not empty; the provenance names the commit.
inline void expect_figures_and_provenance(const SmokeRun& run, const std::vector<std::string>& figures) {
  for (const std::string& figure : figures) {
    for (const char* format : {".png", ".pdf"}) {
      const std::filesystem::path file = run.out / "figures" / (figure + format);
      ASSERT_TRUE(std::filesystem::exists(file)) << file;
      EXPECT_GT(std::filesystem::file_size(file), 1000u) << file;
    }
  }
  EXPECT_NE(read_text(run.out / "provenance.toml").find("commit = \""), std::string::npos);
}

}  // namespace penumbra
