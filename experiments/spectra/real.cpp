#include "experiments/spectra/real.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/npz_file.h"
#include "spectra/pixels.h"

namespace penumbra {
namespace {

// Errors that stand for a missing pixel are larger than the flux.
ApogeeSpectrum spectrum_of(const std::string& name, const double* flux, const double* error) {
  ApogeeSpectrum spectrum{name, {}, {}, std::vector<std::uint32_t>(kPixelCount), {}, {}};
  for (std::size_t p = 0; p < kPixelCount; ++p) {
    const bool usable = std::isfinite(flux[p]) && std::isfinite(error[p]) && error[p] > 0.0 && error[p] < 1.0;
    spectrum.flux.push_back(usable ? static_cast<float>(flux[p]) : 0.0f);
    spectrum.error.push_back(usable ? static_cast<float>(error[p]) : 0.0f);
    spectrum.masked.push_back(!usable);
  }
  return spectrum;
}

}  // namespace

std::vector<RealSpectrum> read_real_spectra(const std::vector<std::filesystem::path>& folders,
                                            std::vector<std::string>& failures) {
  std::vector<RealSpectrum> spectra;
  for (const std::filesystem::path& folder : folders) {
    for (const std::filesystem::path& file : fits_files(folder)) {
      try {
        const ApogeeContent content = apogee_content(file);
        for (int row = 0; row < content.rows; ++row) {
          if (row != 1) spectra.push_back({file, read_apogee_spectrum(file, row)});
        }
      } catch (const UserError& error) {
        failures.emplace_back(error.what());
      }
    }
  }
  return spectra;
}

std::vector<RealSpectrum> read_binspec_spectra(const std::filesystem::path& file) {
  const NpzReader npz(file);
  const auto flux = npz.array("2M13012770+5754582_comb_norm", {kPixelCount}).values,
             error = npz.array("2M13012770+5754582_comb_err", {kPixelCount}).values,
             visits = npz.array("2M06133561+2433362_visit_spectra", {3, kPixelCount}).values,
             errors = npz.array("2M06133561+2433362_visit_spec_errs", {3, kPixelCount}).values;
  std::vector<RealSpectrum> spectra{{file, spectrum_of("2M13012770+5754582", flux.data(), error.data())}};
  for (std::size_t row = 0; row < 3; ++row) {
    spectra.push_back({file, spectrum_of(fmt::format("2M06133561+2433362 visit {}", row), &visits[row * kPixelCount],
                                         &errors[row * kPixelCount])});
  }
  return spectra;
}

}  // namespace penumbra
