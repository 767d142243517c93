// Training a neural posterior on systems that are simulated while it trains. No torch here.
//
// Every system is a pure function of (seed, index), so a run that was killed and resumed repeats the same numbers: on
// the same device with the same thread count the result is bit-identical.
//
// Processes that were started together (nn/distributed.h) share every batch. They see the same folder, and only the
// first one writes to it and speaks. A run may be resumed with another number of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "nn/config.h"
#include "nn/layout.h"

namespace penumbra {

// Fills rows 0 .. count - 1 with the systems first .. first + count - 1 of the stream `seed`. Called by several threads
// at once. Must depend on nothing but its arguments.
using SystemSource = std::function<void(std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows)>;

// Makes batches in the memory of the GPU that trains, several at once, each in a slot of its own.
class DeviceSource {
 public:
  virtual ~DeviceSource() = default;
  // As a SystemSource, with rows in the GPU's memory; returns at once.
  virtual void start(int slot, std::uint64_t seed, std::uint64_t first, int count, const SystemRows& rows) = 0;
  // Until the slot's rows are there. Throws what went wrong.
  virtual void wait(int slot) = 0;
};
// For batches of at most `systems`; null where there can be none.
using MakeDeviceSource = std::function<std::unique_ptr<DeviceSource>(int systems, int slots)>;

// What a checkpoint says about where its systems came from.
struct Provenance {
  std::string prior;              // name of the prior, e.g. "paper"
  std::string simulation;         // every option of the prior and the simulator, as text
  std::string commit;             // of the program
  std::string started_from = {};  // SHA-256 of the checkpoint whose weights it began with, kept by train()
};

struct TrainOptions {
  std::filesystem::path folder;  // gets checkpoint.h5 and train.csv
  std::string device = "auto";   // auto | cpu | cuda
  std::uint64_t seed = 1;        // of the systems and of the initial weights
  int torch_threads = 0;         // 0: all cores, shared with the other processes of this machine
  int simulation_threads = 0;    // as above
  int prefetch_batches = 4;      // simulated ahead while a GPU trains
  double checkpoint_seconds = 300.0;
  double stop_after_minutes = 0.0;      // save and leave after this long, to be resumed later; 0: never
  std::int64_t stop_after_systems = 0;  // the same, in systems of the whole run; 0: never
  bool resume = false;                  // continue folder/checkpoint.h5; without it an existing one is a UserError
  std::filesystem::path weights;        // a trained network to begin with, of the same network and flow; empty: random
  bool quiet = false;                   // no progress on stderr
  Provenance provenance;
};

struct TrainReport {
  std::int64_t systems = 0;  // of the whole run, like all that follows
  std::int64_t steps = 0;
  std::int64_t skipped_steps = 0;     // loss or gradient was not finite
  double seconds = 0.0;               // spent training
  double validation_loss = 0.0;       // mean -ln q(z | x) of the latest weights
  double best_validation_loss = 0.0;  // of the weights that inference uses
  bool best_is_average = false;       // they are the moving average
  std::int64_t best_step = 0;         // when they were found
  bool finished = false;              // false: stopped early, can be resumed
  std::int64_t weights = 0;           // number of trained weights
  std::int64_t together = 0;          // systems of a batch that this process took at once: fewer where memory is short
};

// Minimises the mean of -ln q(z | x) (the paper, section 3.3) with Adam. Saves folder/checkpoint.h5 at intervals, at
// the end, and when interrupt_requested() (base/interrupt.h). Throws UserError: unknown device, a checkpoint of another
// preset or seed, weights of another network, a layout that the preset's kind of network cannot read; WorkerLost where
// another process is gone, with the checkpoint to go on from; std::runtime_error: the loss is not finite for 100 steps
// in a row.
//
// Where memory does not suffice for a batch, it is taken in parts of half the size, and again; the gradient is their
// sum, so nothing else changes.
//
// on_device: on a GPU the batches come from there, if it is given; the validation set always comes from `source`.
TrainReport train(const Preset& preset, const DataLayout& layout, const SystemSource& source,
                  const TrainOptions& options, const MakeDeviceSource& on_device = {});

}  // namespace penumbra
