// penumbra validate: is a trained network calibrated? Ranks, coverage and widths on systems that it has not seen.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <stdexcept>

#include "app/options.h"
#include "app/verbs.h"
#include "base/provenance.h"
#include "inference/calibration.h"
#include "inference/held_out.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  Settings settings;
};

void run_validate(const Arguments& arguments) {
  const Config config = arguments.settings.read();
  const HeldOutSettings settings = read_held_out_settings(config, arguments.settings.data_folder());
  const fs::path out = config.text("out", ""), record = config.text("record", ""), against = config.text("against", "");
  config.finish();
  const std::optional<CalibrationRecord> recorded =
      against.empty() ? std::nullopt : std::optional(CalibrationRecord::read(against));

  const HeldOut held_out(settings);
  Calibration calibration;
  double accepted = 0.0;
  held_out.visit([&](const HeldOutSystem& system) {
    calibration.add_log_q(system.log_q);
    const std::vector<Theta>& thetas = system.samples.theta;
    accepted += static_cast<double>(thetas.size()) / static_cast<double>(settings.samples * settings.systems);
    if (!thetas.empty()) calibration.add(system.simulation.draw.theta, thetas);
  });
  const bool any = calibration.systems() > 0;
  fmt::print("{}mean held-out ln q(z | x): {:.3f}; samples inside the prior's support: {:.2f}%\n",
             any ? calibration.table() : "", calibration.mean_log_q(), 100.0 * accepted);
  if (!any) throw std::runtime_error("no system had a sample inside the prior's support: nothing to calibrate");
  if (calibration.systems() < settings.systems)
    fmt::print("{} systems had no sample inside the prior's support\n", settings.systems - calibration.systems());
  std::vector<std::string> provenance{
      "created by penumbra " + program_version() + ", commit " + program_commit() + ", " + utc_now(),
      fmt::format("{} systems, {} samples each", settings.systems, settings.samples),
      fmt::format("mean held-out ln q(z | x) {:.4f}, accepted {:.4f}", calibration.mean_log_q(), accepted)};
  for (const auto& [name, value] : held_out.provenance()) provenance.push_back(fmt::format("{} {}", name, value));
  if (!out.empty()) {
    calibration.write_csv(out, provenance);
    fmt::print("{}\n", out.string());
  }
  if (!record.empty()) {
    CalibrationRecord::write(record, calibration, provenance);
    fmt::print("{}\n", record.string());
  }
  if (!recorded) return;
  const std::vector<std::string> departures = recorded->departures(calibration);
  if (!departures.empty()) {
    throw std::runtime_error(
        fmt::format("the calibration is no longer that of {}:\n  {}", against.string(), fmt::join(departures, "\n  ")));
  }
  fmt::print("every statistic lies within its band about {}\n", against.string());
}

}  // namespace

void add_validate(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("validate", "calibration of a trained network on held-out simulations");
  const auto arguments = std::make_shared<Arguments>();
  arguments->settings.attach(*verb);
  add_held_out_shortcuts(*verb, arguments->settings);
  arguments->settings.shortcut(*verb, "--out", "out", "CSV file for the table; empty: printed only", true);
  arguments->settings.shortcut(*verb, "--record", "record", "CSV file that later runs are compared with", true);
  arguments->settings.shortcut(*verb, "--against", "against",
                               "such a file: exit code 1 if coverage, ranks or ln q have left its bands", true);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, checkpoint, prior.dust_map, systems, samples, out, record,\n"
      "against.\n"
      "The table: p of a Kolmogorov-Smirnov test of the ranks against uniform, coverage of the central 50, 68, 90 and "
      "95%\n"
      "intervals, median widths, error. The held-out systems come from the checkpoint's own prior and simulator.");
  verb->callback([arguments] { run_validate(*arguments); });
}

}  // namespace penumbra
