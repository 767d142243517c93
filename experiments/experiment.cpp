#include "experiments/experiment.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_file.h"
#include "base/interrupt.h"
#include "base/provenance.h"
#include "nn/device.h"
#include "sim/parameters.h"

namespace penumbra {
namespace {

std::string parameters_csv() {
  std::string csv = "parameter,unit,tex,description\n";
  for (const ParameterInfo& p : kParameters)
    csv += fmt::format("{},{},\"{}\",\"{}\"\n", p.name, p.unit, p.tex, p.description);
  return csv;
}

void run(const std::filesystem::path& config_file, const std::filesystem::path& out,
         const std::vector<std::string>& changes, const std::function<ExperimentResult(const Config&)>& work) {
  Config config = Config::load(config_file);
  for (std::size_t i = 0; i + 1 < changes.size(); i += 2) config.set_text(changes[i].substr(2), changes[i + 1]);
  ExperimentResult result = work(config);
  std::string provenance = fmt::format("commit = \"{}\"\ncreated = \"{}\"\nconfig_sha256 = \"{}\"\n", program_commit(),
                                       utc_now(), config.sha256());
  for (const auto& [name, value] : result.provenance) provenance += fmt::format("{} = {:?}\n", name, value);
  result.files.emplace_back("provenance.toml", provenance + "\n[config]\n" + config.resolved());
  if (result.of_binaries) result.files.emplace_back("parameters.csv", parameters_csv());
  for (auto& [file, content] : result.files) {
    file = out / file;
    std::filesystem::create_directories(file.parent_path());
  }
  write_text_files(result.files);
}

}  // namespace

int experiment_main(int argc, char** argv, const std::function<ExperimentResult(const Config&)>& work) {
  restart_with_sleeping_threads(argv);
  watch_interrupts();
  const std::string program = std::filesystem::path(argv[0]).filename();
  const std::vector<std::string> changes(argv + std::min(argc, 3), argv + argc);
  bool understood = argc >= 3 && changes.size() % 2 == 0;
  for (std::size_t i = 0; i < changes.size(); i += 2) understood = understood && changes[i].starts_with("--");
  if (!understood) {
    fmt::print(stderr, "usage: {} CONFIG.toml OUT_FOLDER [--KEY TEXT ...]\n", program);
    return 2;
  }
  try {
    run(argv[1], argv[2], changes, work);
    return 0;
  } catch (const Interrupted&) {
    fmt::print(stderr, "{}: interrupted\n", program);
    return 130;
  } catch (const UserError& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return 1;
  }
}

HeldOut held_out_systems(const Config& config) {
  const HeldOutSettings settings = read_held_out_settings(config, default_data_folder());
  config.finish();
  return HeldOut(settings);
}

}  // namespace penumbra
