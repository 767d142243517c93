#include "nn/train.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <thread>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "nn/batch_queue.h"
#include "nn/checkpoint.h"
#include "nn/device.h"
#include "nn/distributed.h"
#include "nn/network.h"

namespace penumbra {
namespace {

constexpr std::int64_t kLogEvery = 100;     // steps between rows of train.csv
constexpr std::int64_t kMaxBadSteps = 100;  // in a row
constexpr double kNotYet = std::numeric_limits<double>::infinity();

// The validation set is the start of this stream, which training never reads.
std::uint64_t validation_seed(std::uint64_t seed) { return ~seed; }

// Memory for one batch: a GPU's, or the host's, page-locked where a GPU reads it, so that the copy is fast. It starts
// as NaN: a source that forgets an input fails at once.
struct Batch {
  Inputs inputs;
  at::Tensor z;
  SystemRows rows;

  static Batch on_host(std::int64_t systems, const DataLayout& layout, bool pinned) {
    return {systems, layout, at::TensorOptions(at::kFloat).pinned_memory(pinned)};
  }
  static Batch on_device(std::int64_t systems, const DataLayout& layout, const at::Device& device) {
    Batch batch(systems, layout, at::TensorOptions(device).dtype(at::kFloat));
    batch.z.narrow(0, 0, 1).to(at::kCPU);  // waits until all is NaN: a DeviceSource has streams of its own
    return batch;
  }

 private:
  Batch(std::int64_t systems, const DataLayout& layout, const at::TensorOptions& options) {
    inputs = Inputs::empty(systems, layout, options);
    z = at::empty({systems, static_cast<std::int64_t>(layout.dimensions())}, options).fill_(NAN);
    rows = {&layout, {}, z.data_ptr<float>()};
    for (const at::Tensor& array : inputs.arrays) rows.inputs.push_back(array.fill_(NAN).data_ptr<float>());
  }
};

// Adam (Kingma & Ba 2015) on the flat vector of all weights.
struct Adam {
  static constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
  at::Tensor first_moment, second_moment;

  explicit Adam(const at::Tensor& values)
      : first_moment(at::zeros_like(values)), second_moment(at::zeros_like(values)) {}

  // update: 1 for the first.
  void step(at::Tensor& values, const at::Tensor& gradient, double learning_rate, std::int64_t update) {
    const double t = static_cast<double>(update);
    first_moment.lerp_(gradient, 1.0 - kBeta1);
    second_moment.mul_(kBeta2).addcmul_(gradient, gradient, 1.0 - kBeta2);
    const at::Tensor deviation = (second_moment / (1.0 - std::pow(kBeta2, t))).sqrt_().add_(kEpsilon);
    values.addcdiv_(first_moment, deviation, -learning_rate / (1.0 - std::pow(kBeta1, t)));
  }
};

// train.csv. A resumed run drops the rows that the killed one wrote after its last checkpoint.
class Log {
 public:
  Log(const std::filesystem::path& file, std::int64_t resumed_step) {
    std::string kept = kHeader;
    std::ifstream old(file);
    std::string line;
    std::getline(old, line);
    while (resumed_step > 0 && std::getline(old, line)) {
      if (std::atoll(line.c_str()) <= resumed_step) kept += line + "\n";
    }
    write_text_file(file, kept);
    out_.open(file, std::ios::app);
  }

  void row(const TrainReport& report, double learning_rate, double loss, double gradient_norm,
           const std::optional<std::pair<double, double>>& validation) {
    const auto cell = [](double value) { return std::isfinite(value) ? fmt::format("{:.5f}", value) : std::string(); };
    out_ << fmt::format("{},{},{:.1f},{:.3e},{},{},{},{},{}\n", report.steps, report.systems, report.seconds,
                        learning_rate, cell(loss), cell(gradient_norm), validation ? cell(validation->first) : "",
                        validation ? cell(validation->second) : "", report.skipped_steps)
         << std::flush;
  }

 private:
  static constexpr const char* kHeader =
      "step,systems,seconds,learning_rate,loss,gradient_norm,validation_loss,average_validation_loss,skipped_steps\n";
  std::ofstream out_;
};

// The number that was asked for, or this process's share of the machine's.
int threads_of(int wanted, const WorkerPlace& place) {
  return wanted > 0 ? wanted : std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / place.local_size);
}

at::ScalarType encoder_type(Precision precision, const at::Device& device) {
  const bool bfloat16 = precision == Precision::kBfloat16 || (precision == Precision::kAuto && device.is_cuda());
  return bfloat16 ? at::kBFloat16 : at::kFloat;
}

// LibTorch's own error of a device, its error of the host's allocator, oneDNN's, and the standard library's.
bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  const std::string_view text = error.what();
  return text.find("can't allocate memory") != text.npos || text.find("out of memory") != text.npos ||
         text.find("could not create a primitive") != text.npos;
}

class Trainer {
 public:
  Trainer(const Preset& preset, const DataLayout& layout, const SystemSource& source, const TrainOptions& options,
          const MakeDeviceSource& on_device, const WorkerPlace& place)
      : preset_(preset),
        config_(preset_.train),
        options_(options),
        source_(source),
        make_device_source_(on_device),
        layout_(layout),
        for_binaries_(preset.for_binaries()),
        preset_text_(to_toml(preset)),
        workers_(place),
        share_(config_.batch, place.rank, place.size),
        validation_share_(config_.validation_systems, place.rank, place.size),
        together_(share_.count),
        device_(resolve_device(options.device)),
        encoder_type_(encoder_type(config_.encoder_precision, device_)),
        network_(make_network(preset, layout, options.seed, device_)),
        weights_(network_->weights()),
        adam_(weights_.values()),
        average_(weights_.values().clone()),
        best_(weights_.values().clone()) {
    if (!config_.only.empty()) weights_.train_only(config_.only, "train.only");
    report_.weights = weights_.count();
    report_.validation_loss = report_.best_validation_loss = kNotYet;
    total_steps_ = (config_.systems + config_.batch - 1) / config_.batch;
    prepare_folder();
  }

  TrainReport run() {
    if (report_.finished) return report_;
    try {
      return run_to_the_end();
    } catch (const WorkerLost& lost) {
      const std::string file = checkpoint_file().string();
      const std::string next =
          std::filesystem::exists(file) ? "go on from " + file + " with --resume" : "no checkpoint had been written";
      throw WorkerLost(fmt::format("training stopped at step {}: {}; {}", report_.steps, lost.what(), next));
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  TrainReport run_to_the_end() {
    make_validation_set();
    std::optional<Log> log;
    if (workers_.first()) log.emplace(options_.folder / "train.csv", report_.steps);
    if (report_.steps == 0 && !started_from_.empty()) {  // what is to be beaten
      const auto validation = validate();
      if (log) log->row(report_, 0.0, NAN, NAN, validation);
    }
    std::vector<Batch> memory;
    std::vector<SystemRows> slots;
    // On a CPU simulation and training take turns, each with all cores: side by side they would only slow each other
    // down.
    const int slots_wanted = device_.is_cuda() ? std::max(options_.prefetch_batches, 2) : 1;
    const std::unique_ptr<DeviceSource> device_source =
        device_.is_cuda() && make_device_source_ ? make_device_source_(share_.count, slots_wanted) : nullptr;
    for (int i = 0; i < slots_wanted; ++i) {
      memory.push_back(device_source ? Batch::on_device(share_.count, layout_, device_)
                                     : Batch::on_host(share_.count, layout_, device_.is_cuda()));
      slots.push_back(memory.back().rows);
    }
    std::unique_ptr<Batches> queue;
    if (device_source) {
      queue =
          std::make_unique<DeviceBatchQueue>(*device_source, options_.seed, report_.steps, total_steps_, share_, slots);
    } else {
      queue = std::make_unique<BatchQueue>(source_, options_.seed, report_.steps, total_steps_, share_, slots,
                                           threads_of(options_.simulation_threads, workers_.place()));
    }
    std::optional<Progress> progress;
    const std::int64_t first_step = report_.steps;
    if (!options_.quiet && workers_.first())
      progress.emplace("training", static_cast<std::uint64_t>(total_steps_ - first_step));

    started_ = saved_ = Clock::now();
    seconds_before_ = report_.seconds;
    double loss_sum = 0.0;
    std::int64_t loss_count = 0, bad_in_a_row = 0;
    bool leave = false;
    agree(leave);
    while (!report_.finished) {
      if (leave) {
        save();
        return report_;
      }
      const double rate = learning_rate();
      const Batch& batch = memory[queue->next()];
      const auto [loss, gradient_norm] = step(batch, rate);
      queue->release();  // the loss is known, so nothing reads the batch any more
      ++report_.steps;
      report_.systems = report_.steps * config_.batch;
      agree(leave);
      if (std::isfinite(loss) && std::isfinite(gradient_norm)) {
        bad_in_a_row = 0;
        loss_sum += loss;
        ++loss_count;
      } else {
        ++report_.skipped_steps;
        if (++bad_in_a_row == kMaxBadSteps) {
          throw std::runtime_error(
              fmt::format("training stopped at step {}: loss or gradient not finite in {} steps in a row",
                          report_.steps, kMaxBadSteps));
        }
      }

      report_.finished = schedule_position() >= 1.0 || out_of_patience();
      std::optional<std::pair<double, double>> validation;
      const std::int64_t validate_every = std::max<std::int64_t>(1, config_.validate_every / config_.batch);
      if (report_.finished || report_.steps % validate_every == 0) validation = validate();
      if (validation || report_.steps % kLogEvery == 0) {
        if (log) log->row(report_, rate, loss_sum / static_cast<double>(loss_count), gradient_norm, validation);
        loss_sum = 0.0;
        loss_count = 0;
      }
      if (progress) {
        const double speed =
            static_cast<double>((report_.steps - first_step) * config_.batch) / seconds_since(started_);
        const std::string best = std::isfinite(report_.best_validation_loss)
                                     ? fmt::format(", best validation {:.3f}", report_.best_validation_loss)
                                     : "";
        progress->set(static_cast<std::uint64_t>(report_.steps - first_step),
                      fmt::format("loss {:.3f}{}, {:.0f} systems/s", loss, best, speed));
      }
      if (report_.finished || seconds_since(saved_) > options_.checkpoint_seconds) save();
    }
    return report_;
  }

  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::filesystem::path checkpoint_file() const { return options_.folder / "checkpoint.h5"; }

  void prepare_folder() {
    std::error_code error;
    std::filesystem::create_directories(options_.folder, error);
    if (error)
      throw UserError(fmt::format("{}: cannot make this folder: {}", options_.folder.string(), error.message()));
    const bool exists = std::filesystem::exists(checkpoint_file());
    if (options_.resume) {
      if (!exists) throw UserError(fmt::format("{}: nothing to resume", checkpoint_file().string()));
      restore();
    } else if (exists && workers_.first()) {
      throw UserError(fmt::format("{}: exists; resume it or choose another folder", checkpoint_file().string()));
    } else if (!options_.weights.empty()) {
      begin_with(options_.weights);
    }
  }

  void begin_with(const std::filesystem::path& file) {
    const Checkpoint checkpoint = read_checkpoint(file);
    if (checkpoint.info.layout != stored_layout()) {
      throw UserError(fmt::format("{}: its parameters or inputs are others than this run's", file.string()));
    }
    Preset theirs = read_preset(Config::parse(checkpoint.info.preset, file.string()));
    theirs.train = config_;
    theirs.targets = preset_.targets;  // a network that learns other targets still begins with good encoders
    const bool branchless = theirs.network.joint_hidden.empty();
    if (branchless) theirs.network.joint_hidden = preset_.network.joint_hidden;
    if (to_toml(theirs) != preset_text_) {
      throw UserError(fmt::format("{}: another network than this run's:\n{}expected\n{}", file.string(),
                                  to_toml(theirs), preset_text_));
    }
    weights_.load(checkpoint.weights, file.string(), /*may_lack=*/branchless ? kJointBranch : "");
    average_.copy_(weights_.values());
    started_from_ = sha256_of_file(file);
  }

  void make_validation_set() {
    Batch host = Batch::on_host(validation_share_.count, layout_, device_.is_cuda());
    BatchQueue queue(source_, validation_seed(options_.seed), 0, 1, validation_share_, {host.rows},
                     threads_of(options_.simulation_threads, workers_.place()));
    queue.next();
    validation_inputs_ = host.inputs.to(device_);
    validation_z_ = host.z.to(device_);
  }

  // How far the run is, 0 to 1: in systems or, with max_minutes, in time, whichever is further.
  double schedule_position() const {
    const double by_systems = static_cast<double>(report_.steps) / static_cast<double>(total_steps_);
    const double by_time = config_.max_minutes > 0.0 ? report_.seconds / (60.0 * config_.max_minutes) : 0.0;
    return std::min(1.0, std::max(by_systems, by_time));
  }

  // No validation of the last `patience` ones was better than the best before them.
  bool out_of_patience() const {
    const std::int64_t interval = std::max<std::int64_t>(1, config_.validate_every / config_.batch);
    return config_.patience > 0 && report_.steps - report_.best_step >= config_.patience * interval;
  }

  // Linear warm-up, then a cosine to the minimum (Loshchilov & Hutter 2017).
  double learning_rate() const {
    const double warm =
        std::min(1.0, static_cast<double>(report_.steps + 1) / static_cast<double>(config_.warmup_steps + 1));
    const double cosine = 0.5 * (1.0 + std::cos(M_PI * schedule_position()));
    return warm * (config_.minimum_learning_rate + (config_.learning_rate - config_.minimum_learning_rate) * cosine);
  }

  bool should_leave() const {
    return interrupt_requested() ||
           (options_.stop_after_minutes > 0.0 && seconds_since(started_) > 60.0 * options_.stop_after_minutes) ||
           (options_.stop_after_systems > 0 && report_.systems >= options_.stop_after_systems);
  }

  // The processes go by the first one's time, and leave when any of them wants to.
  void agree(bool& leave) {
    report_.seconds = seconds_before_ + seconds_since(started_);
    at::Tensor said = at::tensor({workers_.first() ? report_.seconds : 0.0, should_leave() ? 1.0 : 0.0}, at::kDouble);
    workers_.sum(said);
    report_.seconds = said[0].item<double>();
    leave = said[1].item<double>() > 0.0;
  }

  // Works with together_ systems at once, and with fewer where memory is short.
  template <class Work>
  auto within_memory(const Work& work) {
    while (true) {
      try {
        return work();
      } catch (const std::exception& error) {
        if (!is_out_of_memory(error) || together_ == 1) throw;
      }
      together_ = (together_ + 1) / 2;
      fmt::print(stderr, "a batch of {} systems does not fit in memory: it is taken in parts of {}\n", share_.count,
                 together_);
    }
  }

  // The gradient of this process's share of the mean loss; returns that share.
  at::Tensor backward(const Batch& batch) {
    weights_.gradient().zero_();
    at::Tensor loss = at::zeros({}, at::TensorOptions(device_).dtype(at::kDouble));
    for (std::int64_t first = 0; first < share_.count; first += together_) {
      const std::int64_t count = std::min<std::int64_t>(together_, share_.count - first);
      const at::Tensor z = batch.z.narrow(0, first, count).to(device_, at::kFloat, /*non_blocking=*/true);
      const at::Tensor log_prob = network_->log_prob(z, batch.inputs.rows(first, count).to(device_), encoder_type_);
      const at::Tensor part = -log_prob.sum() / static_cast<double>(share_.batch);
      part.backward();
      loss += part.detach();
    }
    return loss;
  }

  // One update of the weights; none where the loss or the gradient is not finite. Returns both, the norm before
  // clipping.
  std::pair<double, double> step(const Batch& batch, double rate) {
    at::Tensor loss = within_memory([&] { return backward(batch); });
    const at::NoGradGuard no_grad;
    workers_.sum(weights_.gradient());
    workers_.sum(loss);
    const at::Tensor both = at::stack({loss, weights_.gradient().norm().to(at::kDouble)}).to(at::kCPU);
    const double loss_value = both[0].item<double>(), norm = both[1].item<double>();
    if (std::isfinite(loss_value) && std::isfinite(norm)) {
      if (norm > config_.gradient_norm_limit) weights_.gradient().mul_(config_.gradient_norm_limit / norm);
      const std::int64_t update = report_.steps - report_.skipped_steps + 1;
      adam_.step(weights_.values(), weights_.gradient(), rate, update);
      // Until decay / (1 - decay) updates have passed, the average is over all of them.
      const double t = static_cast<double>(update);
      average_.lerp_(weights_.values(), 1.0 - std::min(config_.average_decay, (t - 1.0) / t));
    }
    return {loss_value, norm};
  }

  double validation_loss() {
    at::Tensor sum = within_memory([&] {
      at::Tensor own = at::zeros({}, at::kDouble);
      for (std::int64_t first = 0; first < validation_share_.count; first += together_) {
        const std::int64_t count = std::min<std::int64_t>(together_, validation_share_.count - first);
        own -= network_->log_prob(validation_z_.narrow(0, first, count), validation_inputs_.rows(first, count))
                   .sum(at::kDouble)
                   .to(at::kCPU);
      }
      return own;
    });
    workers_.sum(sum);
    return sum.item<double>() / static_cast<double>(config_.validation_systems);
  }

  // Losses of the latest weights and of their moving average; the best weights so far are kept.
  std::pair<double, double> validate() {
    const at::NoGradGuard no_grad;
    const auto keep_best = [&](double loss, bool is_average) {
      if (!(loss < report_.best_validation_loss)) return;
      report_.best_validation_loss = loss;
      report_.best_is_average = is_average;
      report_.best_step = report_.steps;
      best_.copy_(weights_.values());
    };
    report_.validation_loss = validation_loss();
    keep_best(report_.validation_loss, false);
    const at::Tensor latest = weights_.values().clone();
    weights_.values().copy_(average_);
    const double average_loss = validation_loss();
    keep_best(average_loss, true);
    weights_.values().copy_(latest);
    return {report_.validation_loss, average_loss};
  }

  // What the checkpoint keeps of the layout: the inputs of a network for binaries follow from its preset.
  DataLayout stored_layout() const {
    return {for_binaries_ ? std::vector<InputArray>{} : layout_.inputs, layout_.parameters};
  }

  // What a resumed run needs, each a flat vector of all weights.
  std::vector<std::pair<std::string, at::Tensor>> training_state() const {
    return {{"values", weights_.values()},
            {"average", average_},
            {"first_moment", adam_.first_moment},
            {"second_moment", adam_.second_moment}};
  }

  void save() {
    report_.together = together_;
    saved_ = Clock::now();
    if (!workers_.first()) return;
    Checkpoint checkpoint;
    checkpoint.info = {.preset = preset_text_,
                       .preset_sha256 = sha256_of_text(preset_text_),
                       .provenance = {options_.provenance.prior, options_.provenance.simulation,
                                      options_.provenance.commit, started_from_},
                       .layout = stored_layout(),
                       .device = describe_device(device_.is_cuda() ? "cuda" : "cpu"),
                       .seed = options_.seed,
                       .progress = report_,
                       .has_training_state = true};
    // Before the first validation the best known weights are the average.
    checkpoint.weights = weights_.store(report_.best_validation_loss < kNotYet ? best_ : average_);
    for (const auto& [name, tensor] : training_state()) {
      const at::Tensor host = tensor.to(at::kCPU);
      const float* values = host.data_ptr<float>();
      checkpoint.training.push_back({name, {static_cast<std::size_t>(host.numel())}, {values, values + host.numel()}});
    }
    write_checkpoint(checkpoint_file(), checkpoint);
  }

  void restore() {
    const std::string source = checkpoint_file().string();
    const Checkpoint checkpoint = read_checkpoint(checkpoint_file());
    const auto same = [&](const std::string& what, const std::string& stored, const std::string& now) {
      if (stored == now) return;
      throw UserError(
          fmt::format("{}: cannot resume: it was trained with {} {}; this run has {}", source, what, stored, now));
    };
    same("the preset\n", checkpoint.info.preset, preset_text_);
    same("seed", std::to_string(checkpoint.info.seed), std::to_string(options_.seed));
    same("prior", checkpoint.info.provenance.prior, options_.provenance.prior);
    started_from_ = checkpoint.info.provenance.started_from;
    if (!options_.weights.empty()) same("first weights of SHA-256", started_from_, sha256_of_file(options_.weights));
    if (checkpoint.info.layout != stored_layout()) {
      throw UserError(fmt::format("{}: cannot resume: its parameters or inputs are others than this run's", source));
    }
    same("simulation options", checkpoint.info.provenance.simulation, options_.provenance.simulation);
    if (!checkpoint.info.has_training_state) {
      throw UserError(fmt::format("{}: cannot resume: an exported network without training state", source));
    }
    report_ = checkpoint.info.progress;
    weights_.load(checkpoint.weights, source);
    best_.copy_(weights_.values());
    for (auto& [name, tensor] : training_state()) {
      const auto stored = std::find_if(checkpoint.training.begin(), checkpoint.training.end(),
                                       [&, key = name](const StoredTensor& t) { return t.name == key; });
      if (stored == checkpoint.training.end() || std::ssize(stored->values) != weights_.count()) {
        throw UserError(
            fmt::format("{}: cannot resume: no training state {} of {} values", source, name, weights_.count()));
      }
      at::Tensor to = tensor;
      to.copy_(at::from_blob(const_cast<float*>(stored->values.data()), {weights_.count()}));
    }
  }

  const Preset preset_;
  const TrainConfig& config_;
  const TrainOptions& options_;
  const SystemSource& source_;
  const MakeDeviceSource& make_device_source_;
  const DataLayout layout_;
  const bool for_binaries_;
  const std::string preset_text_;
  Workers workers_;
  const BatchShare share_, validation_share_;
  std::int64_t together_;
  const at::Device device_;
  const at::ScalarType encoder_type_;
  const std::unique_ptr<Network> network_;
  Weights& weights_;
  Adam adam_;
  at::Tensor average_, best_;
  std::string started_from_;  // SHA-256 of the file with the first weights, if any
  Inputs validation_inputs_;
  at::Tensor validation_z_;
  TrainReport report_;
  std::int64_t total_steps_ = 0;
  double seconds_before_ = 0.0;
  Clock::time_point started_, saved_;
};

}  // namespace

TrainReport train(const Preset& preset, const DataLayout& layout, const SystemSource& source,
                  const TrainOptions& options, const MakeDeviceSource& on_device) {
  const WorkerPlace place = worker_place();
  if (place.size > std::min(preset.train.batch, preset.train.validation_systems)) {
    throw UserError(
        fmt::format("{} processes: expected at most one for each system of train.batch = {} and of "
                    "train.validation_systems = {}",
                    place.size, preset.train.batch, preset.train.validation_systems));
  }
  set_torch_threads(threads_of(options.torch_threads, place));
  if (options.device != "cpu") take_own_gpu(place);
  return Trainer(preset, layout, source, options, on_device, place).run();
}

}  // namespace penumbra
