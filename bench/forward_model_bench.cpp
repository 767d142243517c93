// Time and memory of the forward model's whole work on one system: light curves in four bands at 500 epochs each, and
// the 23-band SED with extinction, over draws of the prior. Prints a summary; --json writes what bench/report.py reads
// (the schema is there). Exit code 1 where work allocates after warm-up.
#include <fmt/format.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "base/provenance.h"
#include "base/text_table.h"
#include "bench/data_folder.h"
#include "sim/simulate.h"

namespace {

// What this thread took from the heap by operator new.
struct HeapUse {
  long allocations = 0;
  long live_bytes = 0, peak_bytes = 0;
};
thread_local HeapUse heap_use;

void* counted(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  ++heap_use.allocations;
  heap_use.live_bytes += static_cast<long>(malloc_usable_size(memory));
  heap_use.peak_bytes = std::max(heap_use.peak_bytes, heap_use.live_bytes);
  return memory;
}

void release(void* memory) {
  if (memory != nullptr) heap_use.live_bytes -= static_cast<long>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(std::malloc(size)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return counted(std::aligned_alloc(a, (size + a - 1) / a * a));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

namespace penumbra {
namespace {

constexpr std::array<Channel, 4> kBands{kAsassnV, kAsassnG, kZtfGChannel, kZtfRChannel};  // the paper's four
constexpr int kBandCount = static_cast<int>(kBands.size());

enum WorkStage : int { kExpand, kSed, kCurve, kRead, kWorkStageCount };
constexpr std::array<const char*, kWorkStageCount> kStageNames{"expand", "sed", "phase_curve", "read_epochs"};

struct Inputs {
  Tables tables;
  Extinction extinction;
  std::vector<double> phase;  // [band][epoch], ascending in each band

  Inputs(const std::filesystem::path& data, int epochs) : tables(Tables::load(data)), extinction(tables.filters, {}) {
    phase.resize(kBands.size() * static_cast<std::size_t>(epochs));
    RandomStream random(1, 0, Stage::kTest);
    for (double& p : phase) p = random.uniform();
    for (int k = 0; k < kBandCount; ++k) std::sort(phase.begin() + k * epochs, phase.begin() + (k + 1) * epochs);
  }
  int epochs() const { return static_cast<int>(phase.size()) / kBandCount; }
};

// What one thread needs for the work.
class Worker {
 public:
  explicit Worker(const Inputs& inputs) : inputs_(inputs), flux_(inputs.phase.size()) {}

  // The whole work; lap(stage) is called at the end of each stage.
  template <class Lap>
  Status run(const System& system, const Lap& lap) {
    static const std::array<Passband, kPassbandCount> kAll = [] {
      std::array<Passband, kPassbandCount> all{};
      for (int b = 0; b < kPassbandCount; ++b) all[b] = static_cast<Passband>(b);
      return all;
    }();
    Status status = expand(system, kAll.data(), kPassbandCount);
    if (status != Status::kOk) return status;
    lap(kExpand);

    status = render_sed(system, star_[0].data(), star_[1].data(), kSedBandCount, {}, {}, sed_.data());
    if (status != Status::kOk) return status;
    lap(kSed);

    for (int s = 0; s < 2; ++s) {
      for (int k = 0; k < kBandCount; ++k) light_[s][k] = star_[s][kChannels[kBands[k]].passband];
    }
    return curves(system, lap);
  }

  // The light curves alone, as the peers do them.
  Status run_light_curves(const System& system) {
    std::array<Passband, kBandCount> passbands{};
    for (int k = 0; k < kBandCount; ++k) passbands[k] = kChannels[kBands[k]].passband;
    const Status status = expand(system, passbands.data(), kBandCount);
    if (status != Status::kOk) return status;
    for (int s = 0; s < 2; ++s) std::copy_n(star_[s].begin(), kBandCount, light_[s].begin());
    return curves(system, [](WorkStage) {});
  }

 private:
  Status expand(const System& system, const Passband* passbands, int count) {
    Status status = Status::kOk;
    const AtmosphereView atmosphere = inputs_.tables.atmosphere.view();
    for (int s = 0; s < 2 && status == Status::kOk; ++s) {
      const Star& star = system.star[s];
      status = expand_star(atmosphere, star, system.feh, passbands, count, star_[s].data());
      if (status == Status::kOk)
        status = redden(inputs_.extinction.view(), atmosphere, star, system.feh, system.ebv, passbands, count,
                        star_[s].data());
    }
    return status;
  }

  template <class Lap>
  Status curves(const System& system, const Lap& lap) {
    const Status status = render_phase_curve(system, light_[0].data(), light_[1].data(), kBandCount, {}, {}, curve_);
    if (status != Status::kOk) return status;
    lap(kCurve);
    const auto epochs = static_cast<std::size_t>(inputs_.epochs());
    for (int k = 0; k < kBandCount; ++k) {
      const std::size_t first = static_cast<std::size_t>(k) * epochs;
      phase_curve_fluxes(curve_, k, {inputs_.phase.data() + first, epochs}, 0.0, {flux_.data() + first, epochs});
    }
    lap(kRead);
    return Status::kOk;
  }

  const Inputs& inputs_;
  std::array<StarBand, kPassbandCount> star_[2];
  std::array<StarBand, kBandCount> light_[2];
  std::array<double, kSedBandCount> sed_{};
  PhaseCurve curve_;
  std::vector<double> flux_;
};

double cpu_ms(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
}

// Of this thread: what else the machine does does not count.
double thread_ms() { return cpu_ms(CLOCK_THREAD_CPUTIME_ID); }

double wall_ms() {
  using std::chrono::duration, std::chrono::steady_clock;
  return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

double quantile(std::vector<double> values, double probability) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::lround(probability * static_cast<double>(values.size() - 1)))];
}

struct Draws {
  std::vector<System> systems;  // that the forward model accepts
  int skipped = 0;
};

Draws draw_systems(const Inputs& inputs, int count) {
  const Prior prior(PriorSpec{}, inputs.tables.tracks.view(), inputs.tables.dust.view());
  Worker worker(inputs);
  Draws draws;
  for (std::uint64_t index = 0; static_cast<int>(draws.systems.size()) < count; ++index) {
    const System system = derive_system(prior.draw(1, index).theta);
    if (worker.run(system, [](WorkStage) {}) == Status::kOk)
      draws.systems.push_back(system);
    else
      ++draws.skipped;
  }
  return draws;
}

struct StageTimes {
  std::array<std::vector<double>, kWorkStageCount> stage;  // [stage][draw], ms
  std::vector<double> total;                               // [draw]
  long first_allocations = 0, later_allocations = 0;
};

// Each draw's times are those of its fastest repeat; the first pass is warm-up and not timed.
StageTimes time_stages(const Inputs& inputs, const std::vector<System>& systems, int repeats) {
  StageTimes times;
  times.total.assign(systems.size(), INFINITY);
  for (auto& stage : times.stage) stage.assign(systems.size(), INFINITY);
  Worker worker(inputs);
  for (int repeat = 0; repeat <= repeats; ++repeat) {
    for (std::size_t i = 0; i < systems.size(); ++i) {
      std::array<double, kWorkStageCount> end{};
      const long allocations = heap_use.allocations;
      const double start = thread_ms();
      (void)worker.run(systems[i], [&](WorkStage stage) { end[stage] = thread_ms(); });
      (repeat == 0 ? times.first_allocations : times.later_allocations) += heap_use.allocations - allocations;
      const double total = end[kWorkStageCount - 1] - start;
      if (repeat == 0 || total >= times.total[i]) continue;
      times.total[i] = total;
      for (int s = 0; s < kWorkStageCount; ++s) times.stage[s][i] = end[s] - (s == 0 ? start : end[s - 1]);
    }
  }
  return times;
}

// The fastest of several tries over all systems.
struct Pass {
  double wall_ms = INFINITY;
  double cpu_ms = INFINITY;  // of all threads
};

void try_pass(const Inputs& inputs, const std::vector<System>& systems, int threads, Pass& best) {
  const double wall = wall_ms(), cpu = cpu_ms(CLOCK_PROCESS_CPUTIME_ID);
  parallel_for(systems.size(), threads, [&](std::uint64_t i) {
    thread_local Worker worker(inputs);
    (void)worker.run(systems[i], [](WorkStage) {});
  });
  best.wall_ms = std::min(best.wall_ms, wall_ms() - wall);
  best.cpu_ms = std::min(best.cpu_ms, cpu_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

struct ThreadMemory {
  long heap_bytes = 0;
  long stack_bytes = 0;  // high-water mark, thread-local variables included: they lie at the stack's far end
};

// Does the work on a thread whose stack was painted beforehand, and looks how much of the paint is gone.
ThreadMemory measure_memory(const Inputs& inputs, const std::vector<System>& systems) {
  constexpr std::size_t kStackSize = std::size_t{8} << 20;
  constexpr unsigned char kPaint = 0xA5;
  void* const memory = mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("forward_model_bench: no memory for a stack");
  auto* const stack = static_cast<unsigned char*>(memory);
  std::fill_n(stack, kStackSize, kPaint);
  ThreadMemory result;
  std::function<void()> work = [&] {
    const long before = heap_use.live_bytes;
    Worker worker(inputs);
    for (const System& system : systems) (void)worker.run(system, [](WorkStage) {});
    result.heap_bytes = heap_use.peak_bytes - before;
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, kStackSize);
  pthread_t thread{};
  const auto start = [](void* function) -> void* {
    (*static_cast<std::function<void()>*>(function))();
    return nullptr;
  };
  if (pthread_create(&thread, &attributes, start, &work) != 0)
    throw std::runtime_error("forward_model_bench: no thread");
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  const auto untouched = std::find_if(stack, stack + kStackSize, [](unsigned char c) { return c != kPaint; }) - stack;
  result.stack_bytes = static_cast<long>(kStackSize) - untouched;
  munmap(stack, kStackSize);
  return result;
}

// The systems that the peers are timed on (bench/peers/systems.csv).
std::vector<System> read_systems(const std::filesystem::path& file) {
  const TextTable table = TextTable::read(file);
  const auto column = [&](const char* name) { return table.numbers(name); };
  const auto period = column("period_day"), sma = column("sma_rsun"), q = column("q"), e = column("eccentricity"),
             omega = column("omega_deg"), inclination = column("inclination_deg");
  std::vector<System> systems(table.rows());
  for (std::size_t i = 0; i < systems.size(); ++i) {
    System& s = systems[i];
    s.period_day = period[i];
    s.sma_rsun = sma[i];
    s.q = q[i];
    s.eccentricity = e[i];
    s.omega_rad = omega[i] * kPi / 180.0;
    s.cos_i = std::cos(inclination[i] * kPi / 180.0);
    s.distance_pc = 100.0;
    const double msum = std::pow(period_from_sma_day(s.sma_rsun, 1.0) / s.period_day, 2);
    s.star[0].mass_msun = msum / (1.0 + s.q);
    s.star[1].mass_msun = msum - s.star[0].mass_msun;
  }
  for (int k = 0; k < 2; ++k) {
    const std::string n = std::to_string(k + 1);
    const auto radius = table.numbers("radius" + n + "_rsun"), teff = table.numbers("teff" + n + "_k"),
               beta = table.numbers("gravity_darkening" + n);
    for (std::size_t i = 0; i < systems.size(); ++i) {
      Star& star = systems[i].star[k];
      star.radius_rsun = radius[i];
      star.teff_k = teff[i];
      star.gravity_darkening = beta[i];
      star.logg = logg_cgs(star.mass_msun, star.radius_rsun);
    }
  }
  return systems;
}

struct PeerTimes {
  double work_ms, light_curves_ms;
};

// Medians, since the peers have only one try.
PeerTimes time_peer_system(const Inputs& inputs, const System& system, int repeats) {
  Worker worker(inputs);
  std::vector<double> work, light_curves;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const double start = thread_ms();
    const Status status = worker.run(system, [](WorkStage) {});
    const double middle = thread_ms();
    (void)worker.run_light_curves(system);
    work.push_back(middle - start);
    light_curves.push_back(thread_ms() - middle);
    if (status != Status::kOk) throw UserError("--systems: the forward model refuses a system");
  }
  return {quantile(work, 0.5), quantile(light_curves, 0.5)};
}

std::string cpu_model() {
  std::FILE* file = std::fopen("/proc/cpuinfo", "r");
  std::string model = "unknown";
  char line[512];
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    const std::string text = line;
    if (text.starts_with("model name")) {
      model = text.substr(text.find(':') + 2);
      model.erase(model.find_last_not_of("\n\"\\ ") + 1);
      break;
    }
  }
  if (file != nullptr) std::fclose(file);
  return model;
}

int run(int argc, char** argv) {
  CLI::App app{"Time and memory of the forward model: four light curves and the SED of each system"};
  int draws = 1000, epochs = 500, repeats = 5, threads = 2;
  std::string json, systems_file;
  std::string data = data_folder();
  app.add_option("--draws", draws, "draws of the prior")->check(CLI::Range(1, 1000000))->capture_default_str();
  app.add_option("--epochs", epochs, "epochs a band")->check(CLI::Range(1, 100000))->capture_default_str();
  app.add_option("--repeats", repeats, "tries, of which the fastest counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--threads", threads, "compared with one")->check(CLI::Range(1, 1024))->capture_default_str();
  app.add_option("--systems", systems_file, "CSV of the systems that peers are timed on");
  app.add_option("--data", data, "folder of the tables")->capture_default_str();
  app.add_option("--json", json, "file to write");
  CLI11_PARSE(app, argc, argv);

  double load = 0.0;
  getloadavg(&load, 1);
  const Inputs inputs(data, epochs);
  const Draws drawn = draw_systems(inputs, draws);
  const StageTimes times = time_stages(inputs, drawn.systems, repeats);
  const ThreadMemory memory = measure_memory(inputs, drawn.systems);
  Pass one, many;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    try_pass(inputs, drawn.systems, 1, one);
    try_pass(inputs, drawn.systems, threads, many);
  }
  const auto per_second = [&](const Pass& pass) { return 1e3 * draws / pass.wall_ms; };
  std::string peers;
  if (!systems_file.empty()) {
    for (const System& system : read_systems(systems_file)) {
      const PeerTimes t = time_peer_system(inputs, system, 10 * repeats);
      peers += fmt::format("{}{{\"work_ms\": {:.4f}, \"light_curves_ms\": {:.4f}}}", peers.empty() ? "" : ", ",
                           t.work_ms, t.light_curves_ms);
    }
  }

  const auto line = [](const char* name, const std::vector<double>& t) {
    return fmt::format("\"{}\": {{\"median\": {:.4f}, \"p95\": {:.4f}}}", name, quantile(t, 0.5), quantile(t, 0.95));
  };
  std::string stages = line("total", times.total);
  for (int s = 0; s < kWorkStageCount; ++s) stages += ",\n    " + line(kStageNames[s], times.stage[s]);
  const std::string report = fmt::format(
      R"({{
  "commit": "{}", "date": "{}", "cpu": "{}", "cores": {}, "load": {:.1f}, "compiler": "{} {}",
  "draws": {}, "skipped": {}, "bands": {}, "epochs_per_band": {}, "sed_bands": {}, "repeats": {},
  "milliseconds": {{
    {}
  }},
  "systems_per_second": {{"1": {:.1f}, "{}": {:.1f}}}, "scaling": {:.3f}, "cpu_scaling": {:.3f},
  "allocations": {{"warm_up": {}, "after": {}}},
  "bytes_per_thread": {{"heap": {}, "stack": {}}},
  "peer_systems": [{}]
}}
)",
      program_commit(), utc_now(), cpu_model(), std::thread::hardware_concurrency(), load,
#if defined(__clang__)
      "clang",
#else
      "g++",
#endif
      __VERSION__, draws, drawn.skipped, kBandCount, epochs, static_cast<int>(kSedBandCount), repeats, stages,
      per_second(one), threads, per_second(many), one.wall_ms / many.wall_ms, threads * one.cpu_ms / many.cpu_ms,
      times.first_allocations, times.later_allocations, memory.heap_bytes, memory.stack_bytes, peers);
  std::fputs(report.c_str(), stdout);
  if (!json.empty()) write_text_file(json, report);
  if (times.later_allocations > 0) {
    std::fprintf(stderr, "forward_model_bench: %ld allocations after warm-up\n", times.later_allocations);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace penumbra

int main(int argc, char** argv) {
  try {
    return penumbra::run(argc, argv);
  } catch (const penumbra::UserError& error) {
    std::fprintf(stderr, "forward_model_bench: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "forward_model_bench: %s\n", error.what());
    return 1;
  }
}
