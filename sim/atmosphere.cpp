#include "sim/atmosphere.h"

#include <fmt/format.h>

#include <string>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

std::vector<double> read_axis(const Hdf5Reader& file, const std::string& name, std::size_t least) {
  std::vector<double> axis = file.doubles(name);
  for (std::size_t i = 1; i < axis.size(); ++i) {
    if (!(axis[i] > axis[i - 1])) {
      throw UserError(
          fmt::format("{}: {} must ascend, but has {} before {}", file.file().string(), name, axis[i - 1], axis[i]));
    }
  }
  if (axis.size() < least) {
    throw UserError(
        fmt::format("{}: {} has {} values, at least {} are needed", file.file().string(), name, axis.size(), least));
  }
  return axis;
}

}  // namespace

Atmosphere Atmosphere::load(const std::filesystem::path& path) {
  const Hdf5Reader file(path);
  const std::vector<std::string> names = file.strings("passband");
  for (std::size_t k = 0; k < kPassbands.size(); ++k) {
    if (names.size() != kPassbands.size() || names[k] != kPassbands[k].name) {
      throw UserError(
          fmt::format("{}: passband must hold the {} passbands of sim/passbands.h in their order ({} is {}); "
                      "remake it with data/recipes/make_atmospheres.py",
                      path.string(), kPassbands.size(), k, kPassbands[k].name));
    }
  }
  Atmosphere a;
  a.log_teff_axis_ = read_axis(file, "log_teff", 4);
  a.logg_axis_ = read_axis(file, "logg", 2);
  a.feh_axis_ = read_axis(file, "feh", 2);
  a.log_intensity_ = file.doubles(
      "log_intensity", {kPassbands.size(), a.feh_axis_.size(), a.logg_axis_.size(), a.log_teff_axis_.size()});
  a.spectral_slope_ = file.doubles(
      "spectral_slope", {kPassbands.size(), a.feh_axis_.size(), a.logg_axis_.size(), a.log_teff_axis_.size()});
  a.ld_log_teff_axis_ = read_axis(file, "limb_log_teff", 2);
  a.ld_logg_axis_ = read_axis(file, "limb_logg", 2);
  a.ld_feh_axis_ = read_axis(file, "limb_feh", 2);
  a.limb_darkening_ = file.doubles("limb_darkening", {kPassbands.size(), a.ld_feh_axis_.size(), a.ld_logg_axis_.size(),
                                                      a.ld_log_teff_axis_.size(), 4});
  for (const double c : a.limb_darkening_) {
    if (!std::isfinite(c))
      throw UserError(fmt::format("{}: limb_darkening has values that are not finite", path.string()));
  }
  return a;
}

AtmosphereView Atmosphere::view() const {
  AtmosphereView v;
  v.log_intensity = log_intensity_.data();
  v.spectral_slope = spectral_slope_.data();
  v.log_teff_axis = log_teff_axis_.data();
  v.logg_axis = logg_axis_.data();
  v.feh_axis = feh_axis_.data();
  v.teff_count = static_cast<int>(log_teff_axis_.size());
  v.logg_count = static_cast<int>(logg_axis_.size());
  v.feh_count = static_cast<int>(feh_axis_.size());
  v.limb_darkening = limb_darkening_.data();
  v.ld_log_teff_axis = ld_log_teff_axis_.data();
  v.ld_logg_axis = ld_logg_axis_.data();
  v.ld_feh_axis = ld_feh_axis_.data();
  v.ld_teff_count = static_cast<int>(ld_log_teff_axis_.size());
  v.ld_logg_count = static_cast<int>(ld_logg_axis_.size());
  v.ld_feh_count = static_cast<int>(ld_feh_axis_.size());
  return v;
}

}  // namespace penumbra
