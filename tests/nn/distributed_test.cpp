#include "nn/distributed.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "nn/checkpoint.h"
#include "tests/nn/linear_gaussian.h"

namespace penumbra {
namespace {

using Environment = std::map<std::string, std::string>;

// Only these of all launchers' variables.
void set_environment(const Environment& environment) {
  for (const char* name : {"RANK",
                           "WORLD_SIZE",
                           "LOCAL_RANK",
                           "LOCAL_WORLD_SIZE",
                           "MASTER_ADDR",
                           "MASTER_PORT",
                           "OMPI_COMM_WORLD_RANK",
                           "OMPI_COMM_WORLD_SIZE",
                           "OMPI_COMM_WORLD_LOCAL_RANK",
                           "OMPI_COMM_WORLD_LOCAL_SIZE",
                           "PMI_RANK",
                           "PMI_SIZE",
                           "MPI_LOCALRANKID",
                           "MPI_LOCALNRANKS",
                           "SLURM_PROCID",
                           "SLURM_STEP_NUM_TASKS",
                           "SLURM_LOCALID",
                           "SLURM_STEP_TASKS_PER_NODE",
                           "SLURM_STEP_NODELIST",
                           "SLURM_NTASKS",
                           "SLURM_JOB_ID",
                           "PMIX_NAMESPACE",
                           "CUDA_VISIBLE_DEVICES",
                           "TORCHELASTIC_USE_AGENT_STORE"}) {
    unsetenv(name);
  }
  for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
}

WorkerPlace place_of(const Environment& environment) {
  set_environment(environment);
  return worker_place();
}

std::string refusal_of(const Environment& environment) {
  try {
    place_of(environment);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(WorkerPlace, FromWhatEachLauncherSets) {
  EXPECT_EQ(place_of({}).size, 1);
  EXPECT_EQ(place_of({{"RANK", "0"}, {"WORLD_SIZE", "1"}}).size, 1);
  // A batch script that srun did not start is alone, whatever was allocated for it.
  EXPECT_EQ(place_of({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).size, 1);

  const WorkerPlace torchrun = place_of({{"RANK", "5"},
                                         {"WORLD_SIZE", "8"},
                                         {"LOCAL_RANK", "1"},
                                         {"LOCAL_WORLD_SIZE", "4"},
                                         {"MASTER_ADDR", "10.0.0.7"},
                                         {"MASTER_PORT", "1234"},
                                         {"TORCHELASTIC_USE_AGENT_STORE", "True"}});
  EXPECT_EQ(torchrun.rank, 5);
  EXPECT_EQ(torchrun.size, 8);
  EXPECT_EQ(torchrun.local_rank, 1);
  EXPECT_EQ(torchrun.local_size, 4);
  EXPECT_EQ(torchrun.address, "10.0.0.7");
  EXPECT_EQ(torchrun.port, 1234);
  EXPECT_TRUE(torchrun.served);

  const WorkerPlace open_mpi = place_of({{"OMPI_COMM_WORLD_RANK", "1"},
                                         {"OMPI_COMM_WORLD_SIZE", "2"},
                                         {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                         {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"},
                                         {"PMIX_NAMESPACE", "prterun-host-12345@1"}});
  EXPECT_EQ(open_mpi.rank, 1);
  EXPECT_EQ(open_mpi.address, "127.0.0.1");
  EXPECT_EQ(open_mpi.port, 29951);
  EXPECT_FALSE(open_mpi.served);
  const WorkerPlace mpich = place_of({{"PMI_RANK", "1"}, {"PMI_SIZE", "3"}});
  EXPECT_EQ(mpich.size, 3);
  EXPECT_EQ(mpich.port, 29500);

  Environment step{{"SLURM_PROCID", "3"},
                   {"SLURM_STEP_NUM_TASKS", "6"},
                   {"SLURM_LOCALID", "1"},
                   {"SLURM_STEP_TASKS_PER_NODE", "2(x3)"},
                   {"SLURM_STEP_NODELIST", "gpu[003-004,010]"},
                   {"SLURM_JOB_ID", "4217"}};
  for (const Environment& plugin : {Environment{}, Environment{{"PMI_RANK", "3"}, {"PMI_SIZE", "6"}}}) {  // --mpi=pmi2
    step.insert(plugin.begin(), plugin.end());
    const WorkerPlace srun = place_of(step);
    EXPECT_EQ(srun.rank, 3);
    EXPECT_EQ(srun.size, 6);
    EXPECT_EQ(srun.local_rank, 1);
    EXPECT_EQ(srun.local_size, 2);
    EXPECT_EQ(srun.address, "gpu003");
    EXPECT_EQ(srun.port, 29717);
  }
  // MPICH's mpirun in a job of Slurm starts one helper a machine by srun.
  step.insert({{"MPI_LOCALRANKID", "0"}, {"MPI_LOCALNRANKS", "3"}});
  EXPECT_EQ(place_of(step).local_size, 3);
}

TEST(WorkerPlace, RefusesContradictions) {
  EXPECT_NE(refusal_of({{"WORLD_SIZE", "2"}}).find("RANK"), std::string::npos);
  EXPECT_NE(refusal_of({{"WORLD_SIZE", "2"}, {"RANK", "2"}}).find("from 0 to 1"), std::string::npos);
  EXPECT_NE(refusal_of({{"WORLD_SIZE", "two"}, {"RANK", "0"}}).find("WORLD_SIZE = two"), std::string::npos);
  EXPECT_NE(refusal_of({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_PORT", "0"}}).find("MASTER_PORT = 0"),
            std::string::npos);
  EXPECT_NE(refusal_of({{"RANK", "0"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "0"}, {"LOCAL_WORLD_SIZE", "2"}})
                .find("MASTER_ADDR"),
            std::string::npos);
}

TEST(WorkerPlace, EachProcessTakesOneOfTheVisibleGpus) {
  const auto visible = [](const Environment& environment, int local_rank, int local_size) {
    set_environment(environment);
    WorkerPlace place;
    place.local_rank = local_rank;
    place.local_size = local_size;
    take_own_gpu(place);
    const char* value = std::getenv("CUDA_VISIBLE_DEVICES");
    return std::string(value == nullptr ? "all" : value);
  };
  EXPECT_EQ(visible({}, 0, 1), "all");
  EXPECT_EQ(visible({}, 1, 2), "1");
  EXPECT_EQ(visible({{"CUDA_VISIBLE_DEVICES", "4,7"}}, 1, 2), "7");
  EXPECT_EQ(visible({{"CUDA_VISIBLE_DEVICES", "GPU-a"}}, 1, 2), "GPU-a");  // srun has chosen
  set_environment({});
}

int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof address;
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(listener);
  return ntohs(address.sin_port);
}

// What a process that trained has left behind.
struct Ended {
  int status = 0;       // as waitpid gives it
  std::string message;  // of the error that ended it
};

// Trains in `size` processes of this machine, as torchrun would start them; they hand `source` their rank.
template <class Source>
std::vector<Ended> train_together(int size, const Preset& preset, const TrainOptions& options, const Source& source) {
  const int port = free_port();
  const auto message_file = [&](int rank) { return options.folder.string() + ".error" + std::to_string(rank); };
  std::vector<pid_t> children;
  for (int rank = 0; rank < size; ++rank) {
    std::filesystem::remove(message_file(rank));
    children.push_back(::fork());
    if (children.back() != 0) continue;
    set_environment({{"RANK", std::to_string(rank)},
                     {"WORLD_SIZE", std::to_string(size)},
                     {"LOCAL_RANK", std::to_string(rank)},
                     {"LOCAL_WORLD_SIZE", std::to_string(size)},
                     {"MASTER_ADDR", "127.0.0.1"},
                     {"MASTER_PORT", std::to_string(port)}});
    try {
      train(
          preset, kLayout,
          [&](std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
            source(rank, seed, first, count, rows);
          },
          options);
    } catch (const std::exception& error) {
      std::ofstream(message_file(rank)) << error.what();
      ::_exit(1);
    }
    ::_exit(0);
  }
  std::vector<Ended> ended;
  for (int rank = 0; rank < size; ++rank) {
    Ended& one = ended.emplace_back();
    ::waitpid(children[static_cast<std::size_t>(rank)], &one.status, 0);
    std::getline(std::ifstream(message_file(rank)), one.message);
  }
  return ended;
}

void plain(int, std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
  linear_gaussian(seed, first, count, rows);
}

bool all_well(const std::vector<Ended>& ended) {
  return std::all_of(ended.begin(), ended.end(), [](const Ended& one) { return one.status == 0; });
}

// The losses of train.csv.
std::vector<double> losses(const TrainOptions& options) {
  std::ifstream log(options.folder / "train.csv");
  std::vector<double> found;
  std::string line;
  std::getline(log, line);
  while (std::getline(log, line)) {
    std::size_t at = 0;
    for (int comma = 0; comma < 4; ++comma) at = line.find(',', at) + 1;
    found.push_back(std::stod(line.substr(at)));
  }
  return found;
}

// The same numbers but for the order in which floats are added. Adam makes steps of one size of whatever gradient: a
// weight whose gradient is rounding alone may go another way, so single weights may differ by some steps.
void expect_same_training(const TrainOptions& one, const TrainOptions& other) {
  const Checkpoint a = read_checkpoint(one.folder / "checkpoint.h5"),
                   b = read_checkpoint(other.folder / "checkpoint.h5");
  EXPECT_EQ(a.info.progress.steps, b.info.progress.steps);
  EXPECT_NEAR(a.info.progress.best_validation_loss, b.info.progress.best_validation_loss, 1e-4);
  double square = 0.0, difference = 0.0;
  for (std::size_t t = 0; t < a.weights.size(); ++t) {
    for (std::size_t i = 0; i < a.weights[t].values.size(); ++i) {
      square += std::pow(a.weights[t].values[i], 2);
      difference += std::pow(a.weights[t].values[i] - b.weights[t].values[i], 2);
    }
  }
  EXPECT_LT(std::sqrt(difference / square), 1e-4);
}

void expect_same_losses(const TrainOptions& one, const TrainOptions& other) {
  const std::vector<double> first = losses(one), second = losses(other);
  ASSERT_EQ(first.size(), 3u);
  ASSERT_EQ(second.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(first[i], second[i], 1e-4);
}

TEST(Distributed, TwoProcessesAreOne) {
  set_environment({});
  const TrainOptions one = quiet_options("alone"), two = quiet_options("two"), three = quiet_options("three");
  ASSERT_TRUE(all_well(train_together(1, tiny(), one, plain)));
  ASSERT_TRUE(all_well(train_together(2, tiny(), two, plain)));
  expect_same_training(one, two);
  expect_same_losses(one, two);
  ASSERT_TRUE(all_well(train_together(3, tiny(), three, plain)));  // 64 systems in shares of 21, 21 and 22
  expect_same_training(one, three);
  expect_same_losses(one, three);
}

TEST(Distributed, ALostProcessStopsAll) {
  TrainOptions options = quiet_options("lost");
  options.checkpoint_seconds = 0.0;  // after every step
  const std::vector<Ended> ended = train_together(
      2, tiny(), options, [](int rank, std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
        if (rank == 1 && seed == 1 && first >= 1000) ::raise(SIGKILL);
        linear_gaussian(seed, first, count, rows);
      });
  EXPECT_TRUE(WIFSIGNALED(ended[1].status));
  EXPECT_TRUE(WIFEXITED(ended[0].status)) << "signal " << WTERMSIG(ended[0].status);
  EXPECT_NE(ended[0].message.find("process 0 of 2 has lost another"), std::string::npos) << ended[0].message;
  EXPECT_NE(ended[0].message.find("checkpoint.h5 with --resume"), std::string::npos) << ended[0].message;
  // It died while it made the sixteenth batch, perhaps before it had said that the fifteenth was done.
  const std::int64_t saved = read_checkpoint(options.folder / "checkpoint.h5").info.progress.steps;
  EXPECT_TRUE(saved == 14 || saved == 15) << saved;

  options.resume = true;  // with another number of processes
  ASSERT_TRUE(all_well(train_together(1, tiny(), options, plain)));
  const TrainOptions straight = quiet_options("not_lost");
  ASSERT_TRUE(all_well(train_together(1, tiny(), straight, plain)));
  expect_same_training(straight, options);
}

TEST(Distributed, AnErrorInOneProcessStopsAll) {
  const std::vector<Ended> ended =
      train_together(2, tiny(), quiet_options("broken_source"),
                     [](int rank, std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) {
                       if (rank == 0 && first >= 640) throw std::runtime_error("simulator broke");
                       linear_gaussian(seed, first, count, rows);
                     });
  EXPECT_EQ(ended[0].message, "simulator broke");
  EXPECT_NE(ended[1].message.find("process 1 of 2 has lost another"), std::string::npos) << ended[1].message;
}

TEST(Distributed, MoreProcessesThanSystemsAreRefused) {
  set_environment({{"RANK", "0"}, {"WORLD_SIZE", "65"}, {"MASTER_ADDR", "127.0.0.1"}});
  EXPECT_THROW(train(tiny(), kLayout, linear_gaussian, quiet_options("too_many")), UserError);
  set_environment({});
}

}  // namespace
}  // namespace penumbra
