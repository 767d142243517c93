// Two processes of the program, started by the launchers that are here, train as one does.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/app/run_program.h"

namespace penumbra {
namespace {

struct Launcher {
  std::string name;
  std::vector<std::string> command;  // comes before a program's own
};

void PrintTo(const Launcher& launcher, std::ostream* out) { *out << launcher.name; }

class Launchers : public ::testing::TestWithParam<Launcher> {
 protected:
  void SetUp() override {
    if (!tables_exist()) GTEST_SKIP() << "data/tables is made by tools/setup.sh";
    // Open MPI wants to be asked twice before it works for root, and told to start more processes than there are cores.
    setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
    setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1);
    const ProgramResult probe = launch({"true"});
    if (probe.exit_code == 0) return;
    const std::string reason = probe.err.substr(probe.err.find_last_of('\n', probe.err.size() - 2) + 1);
    GTEST_SKIP() << GetParam().name << " starts no two processes here: exit code " << probe.exit_code << ". " << reason;
  }

  ProgramResult launch(std::vector<std::string> command) const {
    command.insert(command.begin(), GetParam().command.begin(), GetParam().command.end());
    return run_command(command, folder_.path());
  }

  static std::vector<std::string> training(const std::string& out, const std::string& batch) {
    return {PENUMBRA_PROGRAM, "train",
            "--preset",       "tiny.toml",
            "--device",       "cpu",
            "--out",          out,
            "--set",          "train.batch=" + batch,
            "--set",          "train.systems=256",
            "--set",          "train.validate_every=64"};
  }

  // The loss, its norm and the validation losses of each row of train.csv.
  std::vector<std::vector<double>> losses(const std::string& out) const {
    std::istringstream log(read_text(folder_.path() / out / "train.csv"));
    std::vector<std::vector<double>> rows;
    std::string line, cell;
    std::getline(log, line);
    while (std::getline(log, line)) {
      std::istringstream cells(line);
      std::vector<double>& row = rows.emplace_back();
      for (int column = 0; std::getline(cells, cell, ','); ++column) {
        if (column >= 4 && column <= 7) row.push_back(std::stod(cell));
      }
    }
    return rows;
  }

  ScratchFolder folder_{"launchers"};
};

// Tolerance: the order in which floats are added.
TEST_P(Launchers, TwoProcessesTrainAsOne) {
  write_text(folder_.path() / "tiny.toml", kTinyPreset);
  const ProgramResult one = run_command(training("one", "32"), folder_.path()), two = launch(training("two", "32"));
  ASSERT_EQ(one.exit_code, 0) << one.err;
  ASSERT_EQ(two.exit_code, 0) << two.err;
  EXPECT_NE(two.out.find("256 systems, 8 steps"), std::string::npos) << two.out;
  const auto expected = losses("one"), found = losses("two");
  ASSERT_EQ(expected.size(), 4u);
  ASSERT_EQ(found.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ(found[i].size(), 4u);
    for (std::size_t j = 0; j < 4; ++j) EXPECT_NEAR(found[i][j], expected[i][j], 1e-3) << i << " " << j;
  }
  // That they were two: no batch of one system can be shared.
  const ProgramResult refused = launch(training("none", "1"));
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("2 processes: expected at most one for each system"), std::string::npos) << refused.err;
}

INSTANTIATE_TEST_SUITE_P(All, Launchers,
                         ::testing::Values(Launcher{"torchrun",
                                                    {PENUMBRA_PYTHON, "-m", "torch.distributed.run", "--standalone",
                                                     "--no-python", "--nproc-per-node", "2"}},
                                           Launcher{"mpirun", {"mpirun", "-np", "2"}},
                                           Launcher{"hydra", {"mpiexec.hydra", "-np", "2"}},
                                           Launcher{"srun", {"srun", "--immediate=20", "--ntasks=2"}}),
                         [](const ::testing::TestParamInfo<Launcher>& launcher) { return launcher.param.name; });

}  // namespace
}  // namespace penumbra
