// penumbra infer of APOGEE's FITS files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/config.h"

namespace penumbra {

// A FITS file by its name, or a folder.
bool names_spectra(const std::string& argument);

// The posterior of each file, and of each FITS file of a folder. What cannot be used does not stop the others: it is
// named on stderr, and at the end a UserError counts them.
void run_infer_spectra(const std::vector<std::string>& arguments, const Config& config,
                       const std::filesystem::path& data);

}  // namespace penumbra
