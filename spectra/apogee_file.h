// Spectra from APOGEE's FITS files, on the 7214 pixels of spectra/pixels.h, as they were observed: not yet normalised.
//
//   apStar      HDU 1 flux, 2 error, 3 mask, each [rows][8575], in the star's rest frame. Row 0 is the combined
//   spectrum;
//               with several visits row 1 is another combination, without a mask, and the visits follow.
//   apVisit     HDU 1 flux, 2 error, 3 mask, 4 wavelength [A, vacuum], each [3 detectors][4096], in the observer's
//   frame:
//               moved to the star's by the header's velocity and interpolated
//   aspcapStar  HDU 1 flux, already divided by its continuum, 2 error, 3 ASPCAP's best fit, each [8575]; no mask
//
// Data models: https://data.sdss.org/datamodel/files/APOGEE_REDUX (apStar, apVisit) and APOGEE_ASPCAP (aspcapStar).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/literature_value.h"

namespace penumbra {

// The bits of APOGEE's pixel masks (APOGEE_PIXMASK, https://www.sdss.org/dr17/irspec/apogee-bitmasks).
struct PixelBit {
  int bit;
  std::string_view name;
  bool bad;  // is the pixel masked?
  std::string_view meaning;
};
// Bad are those that APOGEE's reduction itself calls bad (0 to 7 and 14), and what its velocities leave out as well:
// the Littrow ghost and strong sky lines. Persistence and telluric absorption are corrected and in the errors.
inline constexpr std::array<PixelBit, 15> kPixelBits{{
    {0, "BADPIX", true, "bad in the bad-pixel mask, or next to strong persistence"},
    {1, "CRPIX", true, "cosmic ray"},
    {2, "SATPIX", true, "saturated"},
    {3, "UNFIXABLE", true, "could not be repaired"},
    {4, "BADDARK", true, "bad in the dark frame"},
    {5, "BADFLAT", true, "bad in the flat field"},
    {6, "BADERR", true, "very large error"},
    {7, "NOSKY", true, "no sky fibre gives its sky"},
    {8, "LITTROW_GHOST", true, "in the Littrow ghost"},
    {9, "PERSIST_HIGH", false, "in a region of high persistence"},
    {10, "PERSIST_MED", false, "in a region of medium persistence"},
    {11, "PERSIST_LOW", false, "in a region of low persistence"},
    {12, "SIG_SKYLINE", true, "near a sky line that is bright beside the star"},
    {13, "SIG_TELLURIC", false, "near a telluric line that absorbs strongly"},
    {14, "NOT_ENOUGH_PSF", true, "less than half of the profile on good pixels"},
}};
constexpr std::uint32_t bad_pixel_bits() {
  std::uint32_t bits = 0;
  for (const PixelBit& b : kPixelBits) bits |= b.bad ? 1u << b.bit : 0u;
  return bits;
}

struct ApogeeSpectrum {
  std::string name;                   // of the star; and of the row, where it is not the first
  std::vector<float> flux, error;     // [kPixelCount], finite; the file's units
  std::vector<std::uint32_t> bits;    // [kPixelCount]
  std::vector<unsigned char> masked;  // [kPixelCount]: bad bits, or no finite flux with a positive error
  // What the file says of the star: Teff, log g and [Fe/H] of the template that gave the velocity (apStar, apVisit), or
  // ASPCAP's labels (the table in HDU 4 of an aspcapStar file, columns TEFF, LOGG, FE_H, C_FE, ... and .._ERR).
  std::vector<LiteratureValue> published;
};

enum class ApogeeKind { kStar, kVisit, kAspcap };

// What is in a file. UserError naming the file and the HDU: not there, not FITS, cut short, other shapes, another
// wavelength grid.
struct ApogeeContent {
  ApogeeKind kind;
  int rows;  // spectra in it
};
ApogeeContent apogee_content(const std::filesystem::path& file);

// One of them. UserError as above, and where every pixel is masked, no error is positive or a visit has no velocity.
ApogeeSpectrum read_apogee_spectrum(const std::filesystem::path& file, int row = 0);

// The *.fits and *.fits.gz files of a folder, sorted. UserError where it cannot be read.
std::vector<std::filesystem::path> fits_files(const std::filesystem::path& folder);

// The first row of every such file in a folder, or of one file. Files that cannot be used do not stop
// the others: `failures` says why, one line each.
std::vector<ApogeeSpectrum> read_apogee_spectra(const std::filesystem::path& folder_or_file,
                                                std::vector<std::string>& failures);

}  // namespace penumbra
