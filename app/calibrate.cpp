// penumbra calibrate: scales the widths of a trained network's posteriors so that ranks on simulated systems are right.
#include <fmt/format.h>

#include <memory>

#include "app/options.h"
#include "app/verbs.h"
#include "base/error.h"
#include "base/provenance.h"
#include "inference/held_out.h"
#include "inference/width_calibration.h"
#include "nn/checkpoint.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

void run_calibrate(const Settings& arguments) {
  const Config config = arguments.read();
  const HeldOutSettings settings = read_held_out_settings(config, arguments.data_folder());
  const fs::path out = config.text("out", "");
  config.finish();
  if (out.empty()) throw UserError("out: expected the file for the calibrated network (--out)");
  if (const fs::path folder = fs::absolute(out).parent_path(); !fs::is_directory(folder))
    throw UserError(fmt::format("out = {}: {}: no such folder", out.string(), folder.string()));

  const HeldOut held_out(settings);
  const Targets& targets = held_out.posterior().targets();
  WidthCalibration widths;
  held_out.visit([&](const HeldOutSystem& system) {
    const double period_day = system.simulation.observation.period_day;
    const auto restore = [&](const float* sample, Theta& theta) {
      Latent z;
      return targets.restore(held_out.simulator().prior(), sample, period_day, z, theta) == Status::kOk;
    };
    widths.add(system.simulation.draw.theta, system.drawn, restore, settings.run.threads);
  });

  const WidthCalibration::Fit fit = widths.fit();
  Checkpoint checkpoint = read_checkpoint(settings.checkpoint);
  if (checkpoint.width_scale.empty()) checkpoint.width_scale.assign(kParameterCount, 1.0f);
  fmt::print("{:<12} {:>14} {:>7} {:>13}   {:>18} {:>11}\n", "parameter", "mean |2u-1| -.5", "error", "to be expected",
             "scale of dimension", "now in all");
  for (std::size_t p = 0; p < kParameterCount; ++p) {
    checkpoint.width_scale[p] *= static_cast<float>(fit.scale[p]);
    const WidthCalibration::Parameter& parameter = fit.parameters[p];
    fmt::print("{:<12} {:>15.4f} {:>7.4f} {:>14.4f}   {:>18.3f} {:>11.3f}\n", kParameters[p].name, parameter.excess,
               parameter.error, parameter.left, fit.scale[p], checkpoint.width_scale[p]);
  }
  const std::string before = checkpoint.info.width_calibration;
  checkpoint.info.width_calibration =
      fmt::format("{}{} systems of seed {}, {} samples each, by commit {}", before.empty() ? "" : before + "; then ",
                  widths.systems(), held_out.seed(), settings.samples, program_commit());
  checkpoint.training.clear();  // it belongs to the network that is trained on
  write_checkpoint(out, checkpoint);
  fmt::print("{}\n", out.string());
}

}  // namespace

void add_calibrate(CLI::App& program) {
  CLI::App* verb =
      program.add_subcommand("calibrate", "scale the widths of a trained network's posteriors to be right");
  const auto arguments = std::make_shared<Settings>();
  arguments->attach(*verb);
  add_held_out_shortcuts(*verb, *arguments);
  arguments->shortcut(*verb, "--out", "out", "file for the calibrated network, without training state", true);
  verb->footer(
      "Keys of --config and --set: seed, device, threads, checkpoint, prior.dust_map, systems, samples, out.\n"
      "One scale for each dimension of the network's targets, about the posterior's centre and where the posterior is\n"
      "narrow, such that mean |2 u - 1| of the ranks u of the true parameters comes as near to 1/2 as it can.\n"
      "40,000 systems tell coverage to .3 points. A run on the result goes on from its scales. Measure it with "
      "penumbra\n"
      "validate and another --seed. Training on from the file begins without the scales.");
  verb->callback([arguments] { run_calibrate(*arguments); });
}

}  // namespace penumbra
