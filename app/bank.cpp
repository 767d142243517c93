// penumbra bank: what simulations know of real surveys, measured on a folder of real light curves and catalogues.
#include <fmt/format.h>

#include <charconv>
#include <memory>

#include "app/verbs.h"
#include "bank/build_bank.h"
#include "base/error.h"
#include "base/provenance.h"

namespace penumbra {
namespace {

struct Arguments {
  std::string description, out = "bank.h5", holdout;
  std::vector<std::string> folders;
};

Holdout read_holdout(const std::string& text) {
  Holdout holdout;
  if (text.empty()) return holdout;
  const char* end = text.data() + text.size();
  const auto parts = std::from_chars(text.data(), end, holdout.parts);
  const bool comma = parts.ec == std::errc() && parts.ptr != end && *parts.ptr == ',';
  const auto remainder = std::from_chars(comma ? parts.ptr + 1 : end, end, holdout.remainder);
  if (!comma || remainder.ec != std::errc() || remainder.ptr != end || holdout.parts < 2 ||
      holdout.remainder >= holdout.parts) {
    throw UserError(fmt::format("--holdout {}: expected N,R with N >= 2 and 0 <= R < N, for instance 2,0", text));
  }
  return holdout;
}

void run_build(const Arguments& arguments) {
  const Holdout holdout = read_holdout(arguments.holdout);
  const Config description = Config::load(arguments.description);
  std::vector<std::filesystem::path> folders(arguments.folders.begin(), arguments.folders.end());
  for (const std::filesystem::path& folder : folders) {
    if (!std::filesystem::is_directory(folder)) {
      throw UserError(fmt::format("--observations {}: no such folder", folder.string()));
    }
  }
  folders.push_back(std::filesystem::path(arguments.description).parent_path());

  const BuiltBank built = build_bank(description, folders, holdout);
  description.finish();
  std::string command = "penumbra bank build " + arguments.description;
  for (const std::string& folder : arguments.folders) command += " --observations " + folder;
  if (!arguments.holdout.empty()) command += " --holdout " + arguments.holdout;
  write_bank(arguments.out, built,
             {{"created_by", "penumbra " + program_version()},
              {"commit", program_commit()},
              {"command", command},
              {"description", description.resolved()},
              {"description_sha256", description.sha256()},
              {"holdout", arguments.holdout.empty() ? "none" : arguments.holdout}});
  SurveyBank::load(arguments.out);
  fmt::print("{}{}: {} KiB from {} files\n", built.report, arguments.out,
             std::filesystem::file_size(arguments.out) / 1024, built.inputs.size());
}

}  // namespace

void add_bank(CLI::App& program) {
  CLI::App* verb = program.add_subcommand("bank", "measures how surveys sample and how precisely they measure");
  verb->require_subcommand(1);
  CLI::App* build = verb->add_subcommand("build", "makes a survey bank from real light curves and catalogues");
  const auto arguments = std::make_shared<Arguments>();
  build->add_option("description", arguments->description, "which files hold what; data/banks/surveys.toml is one")
      ->required()
      ->type_name("FILE.toml");
  build->add_option("--out", arguments->out, "HDF5 file [bank.h5]")->type_name("FILE.h5");
  build->add_option("--observations", arguments->folders, "folder of the files; may be given several times")
      ->type_name("DIR")
      ->allow_extra_args(false);
  build
      ->add_option("--holdout", arguments->holdout,
                   "leave out the stars of part R of N, for instance 2,0: to judge the bank on them")
      ->type_name("N,R");
  build->footer(
      "The description's keys; data/banks/surveys.toml uses nearly all of them. Files are looked for in the folders "
      "of\n"
      "--observations, then beside the description; CSV, ECSV or blanks between columns, gzipped or not.\n"
      "base: a bank that gives what is not measured here.\n"
      "[[light_curves]]  one table a channel (ASAS-SN:V, ASAS-SN:g, ZTF:g, ZTF:r, TESS:T)\n"
      "  channel, source   which one; whom to cite\n"
      "  files             a file, a folder of them, or a list\n"
      "  object            the column that tells stars apart; without it a file is a star, called like the file\n"
      "  format            asas-sn  hjd or jd, mag, mag_err, filter or phot_filter, quality (B is left out)\n"
      "                    ztf      hjd or mjd, mag, magerr, filtercode, catflags (0 alone)\n"
      "                    tess     btjd or time, pdcsap_flux or sap_flux and its _err, quality (0 alone)\n"
      "                    columns  none: name them all\n"
      "  columns           { time, mag or flux, error, error_flux, filter, quality }: names that differ; days;\n"
      "                    error_flux: the flux that the error belongs to, where it is another one\n"
      "  index             { file, key, star, period, magnitude }: a table of what else is known of each light curve,\n"
      "                    found by key; columns for the star's name (light curves of one star are held out "
      "together),\n"
      "                    the period, and the magnitude, which fluxes need\n"
      "  minimum_points    of a light curve that counts [50]\n"
      "  photon_noise_only { column = values }: pipelines that quote no systematic error\n"
      "[[photometry]]    one table a catalogue: files, source, unit of the errors (mag; snr: flux over error; flux: "
      "as\n"
      "                  the column flux), bands.\"2MASS:J\" = { magnitude, error, flux }, brighter_than, "
      "fainter_than,\n"
      "                  saturated_above and saturated_error (lists: magnitude, least relative error of brighter "
      "stars)\n"
      "[[stand_in]]      a band that is not measured: band, source (why), and like (another band) with factor, or "
      "floor,\n"
      "                  at_15_mag and spread_dex\n"
      "[[parallax]]      files, source, release (DR2 or DR3), g, bp_rp or bp and rp, error, unit (mas)\n"
      "All but stand_in choose rows: accept and reject = { column = values }, at_least and below = { column =\n"
      "number }. A channel needs 8 light curves and 8 quiet ones (TESS: 5 sectors), a magnitude of a band "
      "8\n"
      "stars, a bin of parallaxes 20. A holdout leaves out the stars of which the first 8 digits of the SHA-256 of\n"
      "their name, read as a hexadecimal number, leave R when divided by N; catalogues are not split.\n"
      "Simulations use banks/surveys.h5 of the folder that --data names.");
  build->callback([arguments] { run_build(*arguments); });
}

}  // namespace penumbra
