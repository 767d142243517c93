// penumbra: parameters of detached eclipsing binaries by neural posterior estimation.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "app/verbs.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/provenance.h"
#include "nn/device.h"

namespace {

constexpr int kUserMistake = 2, kFailure = 1, kInterrupted = 130;

int run(int argc, char** argv) {
  CLI::App program{
      "Infers masses, radii, temperatures, age, distance and reddening of detached eclipsing binaries from light "
      "curves,\n"
      "photometry and a parallax.",
      "penumbra"};
  program.set_version_flag("--version", penumbra::program_version() + " " + penumbra::program_commit());
  program.require_subcommand(1);
  program.footer("Exit codes: 0 done, 2 a mistake in the input, 1 a failure, 130 interrupted.");
  penumbra::add_simulate(program);
  penumbra::add_prior(program);
  penumbra::add_lightcurve(program);
  penumbra::add_train(program);
  penumbra::add_infer(program);
  penumbra::add_report(program);
  penumbra::add_validate(program);
  penumbra::add_calibrate(program);
  penumbra::add_bank(program);
  penumbra::add_info(program);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : kUserMistake;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc < 2 ? "" : argv[1];
  const bool neural = verb != "lightcurve" && verb != "bank";
  if (neural) penumbra::restart_with_sleeping_threads(argv);
  penumbra::watch_interrupts();
  try {
    return run(argc, argv);
  } catch (const penumbra::Interrupted&) {
    fmt::print(stderr, "penumbra: interrupted\n");
    return kInterrupted;
  } catch (const penumbra::UserError& error) {
    fmt::print(stderr, "penumbra: {}\n", error.what());
    return kUserMistake;
  } catch (const std::exception& error) {
    fmt::print(stderr, "penumbra: {}\n", error.what());
    return kFailure;
  }
}
