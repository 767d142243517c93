// The verbs of the program. Each adds its subcommand; its callback runs when the command line names it.
#pragma once

#include <CLI/CLI.hpp>

namespace penumbra {

void add_simulate(CLI::App& program);
void add_prior(CLI::App& program);
void add_lightcurve(CLI::App& program);
void add_train(CLI::App& program);
void add_infer(CLI::App& program);
void add_report(CLI::App& program);
void add_validate(CLI::App& program);
void add_calibrate(CLI::App& program);
void add_bank(CLI::App& program);
void add_info(CLI::App& program);

}  // namespace penumbra
