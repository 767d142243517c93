// FITS files as APOGEE writes them, of numbers that a test chooses.
#pragma once

#include <fitsio.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "spectra/pixels.h"

namespace penumbra {

class FitsWriter {
 public:
  explicit FitsWriter(const std::filesystem::path& file) {
    std::filesystem::remove(file);
    check(fits_create_diskfile(&file_, file.c_str(), &status_));
    long none = 0;
    check(fits_create_img(file_, BYTE_IMG, 0, &none, &status_));
  }
  ~FitsWriter() { fits_close_file(file_, &status_); }
  FitsWriter(const FitsWriter&) = delete;
  FitsWriter& operator=(const FitsWriter&) = delete;

  void image(int type, int columns, std::vector<double> values) {
    long extent[2] = {columns, static_cast<long>(values.size()) / columns};
    check(fits_create_img(file_, type, 2, extent, &status_));
    check(fits_write_img(file_, TDOUBLE, 1, static_cast<long>(values.size()), values.data(), &status_));
  }
  // In the header of the last image.
  void key(const char* name, double value) { check(fits_write_key(file_, TDOUBLE, name, &value, "", &status_)); }

 private:
  void check(int status) {
    if (status != 0) throw std::runtime_error("FitsWriter: status " + std::to_string(status));
  }
  fitsfile* file_ = nullptr;
  int status_ = 0;
};

struct StarFile {
  std::vector<double> flux, error, mask;  // [rows][kApStarPixels]
  double start = kLogWavelengthStart, step = kLogWavelengthStep;
  bool aspcap = false;  // then `mask` is a best fit

  explicit StarFile(double level = 1000.0)
      : flux(kApStarPixels, level), error(kApStarPixels, level / 100.0), mask(kApStarPixels, 0.0) {}

  void write(const std::filesystem::path& file) const {
    FitsWriter writer(file);
    for (const auto& [values, type] :
         {std::pair{&flux, DOUBLE_IMG}, {&error, DOUBLE_IMG}, {&mask, aspcap ? FLOAT_IMG : LONG_IMG}}) {
      writer.image(type, kApStarPixels, *values);
      writer.key("CRVAL1", start);
      writer.key("CDELT1", step);
      writer.key("CRPIX1", 1.0);
    }
  }
};

}  // namespace penumbra
