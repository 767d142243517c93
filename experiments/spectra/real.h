// Every real spectrum that is there.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "spectra/apogee_file.h"

namespace penumbra {

struct RealSpectrum {
  std::filesystem::path file;
  ApogeeSpectrum spectrum;
};

// Of each FITS file of the folders: the combined spectrum and the visits (row 1 of several is another combination).
// What cannot be used: a line in `failures`. UserError: no such folder.
std::vector<RealSpectrum> read_real_spectra(const std::vector<std::filesystem::path>& folders,
                                            std::vector<std::string>& failures);

// The spectra of the binspec package (El-Badry et al. 2018), in PENUMBRA_SHARED/spectra/apogee_real_spectra_7214.npz:
// one combined, three visits of a double-lined binary, on the 7214 pixels, without masks.
std::vector<RealSpectrum> read_binspec_spectra(const std::filesystem::path& npz);

}  // namespace penumbra
