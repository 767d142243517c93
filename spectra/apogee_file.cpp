#include "spectra/apogee_file.h"

#include <fitsio.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "spectra/labels.h"
#include "spectra/pixels.h"

namespace penumbra {
namespace {

constexpr int kVisitPixels = 4096;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

// A FITS file whose every failure is a UserError.
class FitsFile {
 public:
  explicit FitsFile(const std::filesystem::path& path) : path_(path) {
    int status = 0;
    if (!std::filesystem::is_regular_file(path)) throw UserError(path.string() + ": no such file");
    // Without the library's extended file names, in which brackets mean something.
    if (fits_open_diskfile(&file_, path.c_str(), READONLY, &status) != 0) throw error(1, "cannot be read", status);
  }
  ~FitsFile() {
    int status = 0;
    if (file_ != nullptr) fits_close_file(file_, &status);
    fits_clear_errmsg();
  }
  FitsFile(const FitsFile&) = delete;
  FitsFile& operator=(const FitsFile&) = delete;

  // HDU numbers begin at 0, as the data models count.
  UserError error(int hdu, const std::string& what, int status = 0) const {
    std::string reason;
    if (status != 0) {
      char text[FLEN_STATUS];
      fits_get_errstatus(status, text);
      reason = fmt::format(" ({})", text);
    }
    return UserError(fmt::format("{}: HDU {}: {}{}", path_.string(), hdu, what, reason));
  }

  // [rows][columns] of an image, one row where it has one dimension.
  struct Image {
    int rows, columns;
    bool integer;
  };
  Image image(int hdu, const char* what) const {
    go_to(hdu, what);
    int status = 0, type = 0, dimensions = 0;
    long extent[2] = {0, 1};
    if (fits_get_img_param(file_, 2, &type, &dimensions, extent, &status) != 0) {
      throw error(hdu, fmt::format("the {} is not an image", what), status);
    }
    if (dimensions < 1 || dimensions > 2 || extent[0] > 1'000'000 || extent[1] > 1'000'000) {
      throw error(hdu, fmt::format("the {} has {} dimensions, expected 1 or 2", what, dimensions));
    }
    return {static_cast<int>(dimensions == 2 ? extent[1] : 1), static_cast<int>(extent[0]), type > 0};
  }

  // One row; it must have that many columns. What the file calls undefined is NaN.
  std::vector<double> row(int hdu, const char* what, int number, int columns) const {
    const Image shape = image(hdu, what);
    if (shape.columns != columns || number >= shape.rows) {
      throw error(hdu, fmt::format("the {} is [{}][{}], expected at least {} rows of {} pixels", what, shape.rows,
                                   shape.columns, number + 1, columns));
    }
    std::vector<double> values(index(columns));
    double undefined = NAN;
    int status = 0, any = 0;
    long first[2] = {1, number + 1};
    if (fits_read_pix(file_, TDOUBLE, first, columns, &undefined, values.data(), &any, &status) != 0) {
      throw error(hdu, fmt::format("the {} cannot be read: the file is cut short or damaged", what), status);
    }
    return values;
  }

  std::optional<double> number(int hdu, const char* key) const {
    go_to(hdu, "header");
    int status = 0;
    double value = 0.0;
    if (fits_read_key(file_, TDOUBLE, key, &value, nullptr, &status) == 0) return value;
    fits_clear_errmsg();
    return std::nullopt;
  }
  // The first row of a table's column; nothing where there is no such table or column.
  std::optional<double> cell(int hdu, std::string column) const {
    int status = 0, number = 0, type = 0;
    double value = NAN, undefined = NAN;
    if (fits_movabs_hdu(file_, hdu + 1, &type, &status) == 0 && type != IMAGE_HDU &&
        fits_get_colnum(file_, CASEINSEN, column.data(), &number, &status) == 0 &&
        fits_read_col(file_, TDOUBLE, number, 1, 1, 1, &undefined, &value, nullptr, &status) == 0) {
      return value;
    }
    fits_clear_errmsg();
    return std::nullopt;
  }
  std::string text(int hdu, const char* key) const {
    go_to(hdu, "header");
    int status = 0;
    char value[FLEN_VALUE] = "";
    if (fits_read_key(file_, TSTRING, key, value, nullptr, &status) != 0) fits_clear_errmsg();
    return value;
  }

 private:
  void go_to(int hdu, const char* what) const {
    int status = 0;
    if (fits_movabs_hdu(file_, hdu + 1, nullptr, &status) != 0) {
      throw error(hdu, fmt::format("the {} is missing: the file is cut short or of another kind", what), status);
    }
  }

  std::filesystem::path path_;
  fitsfile* file_ = nullptr;
};

void check_grid(const FitsFile& file) {
  // Of the image, or of all of them.
  const auto number = [&](const char* key) {
    const std::optional<double> own = file.number(1, key);
    return own ? own : file.number(0, key);
  };
  const std::optional<double> start = number("CRVAL1"), step = number("CDELT1"), reference = number("CRPIX1");
  if (!start || !step) throw file.error(1, "CRVAL1 or CDELT1 is missing: its wavelengths are not known");
  const double first = *start - (reference.value_or(1.0) - 1.0) * *step;
  // A tenth of a pixel at the end of the grid.
  if (std::fabs(first - kLogWavelengthStart) > 0.1 * kLogWavelengthStep ||
      std::fabs(*step / kLogWavelengthStep - 1.0) > 0.1 / kApStarPixels) {
    throw file.error(1, fmt::format("its wavelengths are log10 = {} + {} i, expected {} + {} i", first, *step,
                                    kLogWavelengthStart, kLogWavelengthStep));
  }
}

ApogeeContent content_of(const FitsFile& file) {
  const FitsFile::Image flux = file.image(1, "flux");
  if (flux.columns == kVisitPixels && flux.rows == kChipCount) return {ApogeeKind::kVisit, 1};
  if (flux.columns != kApStarPixels) {
    throw file.error(1, fmt::format("the flux is [{}][{}]; expected [rows][{}] of an apStar or aspcapStar file or "
                                    "[{}][{}] of an apVisit file",
                                    flux.rows, flux.columns, kApStarPixels, kChipCount, kVisitPixels));
  }
  check_grid(file);
  // HDU 3 is a mask of integers, or ASPCAP's best fit.
  if (file.image(3, "mask or best fit").integer) return {ApogeeKind::kStar, flux.rows};
  return {ApogeeKind::kAspcap, flux.rows};
}

struct Pixel {
  double flux, error;
  std::uint32_t bits;
};

std::uint32_t to_bits(double value) {
  // -1, all bits set, where nothing was observed. An undefined one is as bad.
  if (!(value >= 0.0 && value <= 4294967295.0)) return bad_pixel_bits();
  return static_cast<std::uint32_t>(value);
}

// One detector of a visit: six-point Lagrange interpolation at rest wavelengths, which increase. The error is that of
// independent pixels, the bits those of all that count by more than a tenth.
class VisitChip {
 public:
  VisitChip(const FitsFile& file, int chip, double velocity_kms) {
    const std::vector<double> flux = file.row(1, "flux", chip, kVisitPixels),
                              error = file.row(2, "error", chip, kVisitPixels),
                              bits = file.row(3, "mask", chip, kVisitPixels);
    wavelength_ = file.row(4, "wavelength", chip, kVisitPixels);
    const bool reversed = wavelength_.front() > wavelength_.back();
    pixels_.reserve(index(kVisitPixels));
    for (int i = 0; i < kVisitPixels; ++i) {
      pixels_.push_back({flux[index(i)], error[index(i)], to_bits(bits[index(i)])});
    }
    if (reversed) {
      std::ranges::reverse(wavelength_);
      std::ranges::reverse(pixels_);
    }
    const double beta = velocity_kms / kLightKms, factor = std::sqrt((1.0 + beta) / (1.0 - beta));
    for (double& w : wavelength_) w /= factor;
    for (int i = 1; i < kVisitPixels; ++i) {
      if (!(wavelength_[index(i)] > wavelength_[index(i - 1)])) {
        throw file.error(4, fmt::format("the wavelengths of detector {} are not in order at pixel {}", chip, i));
      }
    }
  }
  double first() const { return wavelength_.front(); }

  // Not observed where it is outside.
  Pixel at(double angstrom) const {
    const auto next = std::ranges::upper_bound(wavelength_, angstrom);
    const auto i = static_cast<int>(next - wavelength_.begin()) - 1;
    const int from = i - 2, to = i + 3;
    if (from < 0 || to >= kVisitPixels) return {NAN, NAN, bad_pixel_bits()};
    double variance = 0.0;
    Pixel result{};
    for (int k = from; k <= to; ++k) {
      double weight = 1.0;
      for (int j = from; j <= to; ++j) {
        if (j != k) weight *= (angstrom - wavelength_[index(j)]) / (wavelength_[index(k)] - wavelength_[index(j)]);
      }
      const Pixel& pixel = pixels_[index(k)];
      result.flux += weight * pixel.flux;
      variance += weight * weight * pixel.error * pixel.error;
      if (std::fabs(weight) > 0.1) result.bits |= pixel.bits;
    }
    result.error = std::sqrt(variance);
    return result;
  }

 private:
  std::vector<double> wavelength_;
  std::vector<Pixel> pixels_;
};

// The star's velocity in the observer's frame, in which a visit is.
double visit_velocity(const FitsFile& file) {
  constexpr double kMost = 1500.0;  // km/s: placeholders are larger
  std::optional<double> velocity = file.number(0, "VRAD");
  if (!velocity || !(std::fabs(*velocity) < kMost)) {
    const std::optional<double> barycentric = file.number(0, "VHELIO"), correction = file.number(0, "BC");
    velocity = barycentric && correction ? std::optional(*barycentric - *correction) : std::nullopt;
  }
  if (!velocity || !(std::fabs(*velocity) < kMost)) {
    throw file.error(0, "neither VRAD nor VHELIO and BC tell the star's velocity");
  }
  return *velocity;
}

std::vector<Pixel> visit_pixels(const FitsFile& file) {
  const double velocity = visit_velocity(file);
  std::vector<VisitChip> chips;
  chips.reserve(index(kChipCount));
  for (int chip = 0; chip < kChipCount; ++chip) chips.emplace_back(file, chip, velocity);
  std::ranges::sort(chips, {}, &VisitChip::first);  // the file's first is the reddest
  std::vector<Pixel> pixels;
  for (int chip = 0; chip < kChipCount; ++chip) {
    for (int p = chip_start(chip); p < chip_start(chip + 1); ++p) {
      pixels.push_back(chips[index(chip)].at(wavelength_angstrom(p)));
    }
  }
  return pixels;
}

std::vector<Pixel> star_pixels(const FitsFile& file, ApogeeKind kind, int row) {
  const std::vector<double> flux = file.row(1, "flux", row, kApStarPixels),
                            error = file.row(2, "error", row, kApStarPixels);
  std::vector<double> bits(index(kApStarPixels));
  if (kind == ApogeeKind::kStar) bits = file.row(3, "mask", row, kApStarPixels);
  std::vector<Pixel> pixels;
  for (int p = 0; p < kPixelCount; ++p) {
    const std::size_t i = index(apstar_pixel(p));
    pixels.push_back({flux[i], error[i], to_bits(bits[i])});
  }
  return pixels;
}

std::vector<LiteratureValue> published_labels(const FitsFile& file, ApogeeKind kind) {
  constexpr double kNone = -999.0;  // values below stand for none
  std::vector<LiteratureValue> published;
  const auto add = [&](int label, std::optional<double> value, std::optional<double> error, const char* source) {
    if (!value || !(*value > kNone)) return;
    published.push_back({label, *value, error && *error > 0.0 ? *error : 0.0, source});
  };
  if (kind == ApogeeKind::kAspcap) {
    for (int i = 0; i < kEmulatorLabelCount; ++i) {
      // Its turbulence and its isotopes are of another definition.
      if (i == kLabelVmicro || i == kLabelVmacro || i == kLabelC12C13) continue;
      std::string column(kLabels[index(i)].name);
      std::ranges::transform(column, column.begin(),
                             [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      add(i, file.cell(4, column), file.cell(4, column + "_ERR"), "ASPCAP, in the file");
    }
    return published;
  }
  for (const auto& [label, name] :
       {std::pair{kLabelTeff, std::string("TEFF")}, {kLabelLogg, "LOGG"}, {kLabelIron, "FEH"}}) {
    std::optional<double> value = file.number(0, ("RV_" + name).c_str());  // since data release 17
    if (!value) value = file.number(0, ("RV" + name).c_str());
    add(label, value, std::nullopt, "template of the velocity, in the file");
  }
  return published;
}

}  // namespace

ApogeeContent apogee_content(const std::filesystem::path& file) { return content_of(FitsFile(file)); }

ApogeeSpectrum read_apogee_spectrum(const std::filesystem::path& path, int row) {
  const FitsFile file(path);
  const ApogeeContent content = content_of(file);
  if (row < 0 || row >= content.rows) {
    throw file.error(1, fmt::format("has no row {}: it has {}", row, content.rows));
  }
  ApogeeSpectrum spectrum;
  spectrum.name = file.text(0, "OBJID");
  if (spectrum.name.empty()) spectrum.name = path.stem().string();
  if (row > 0) spectrum.name += fmt::format(" row {}", row);
  spectrum.published = published_labels(file, content.kind);

  const std::vector<Pixel> pixels =
      content.kind == ApogeeKind::kVisit ? visit_pixels(file) : star_pixels(file, content.kind, row);
  int unmasked = 0, with_error = 0;
  for (const Pixel& pixel : pixels) {
    const bool has_error = pixel.error > 0.0 && std::isfinite(pixel.error);
    // A flux of exactly 0 is how a spectrum's missing parts are written.
    const bool usable = has_error && std::isfinite(pixel.flux) && pixel.flux != 0.0;
    const bool masked = !usable || (pixel.bits & bad_pixel_bits()) != 0;
    spectrum.flux.push_back(usable ? static_cast<float>(pixel.flux) : 0.0f);
    spectrum.error.push_back(usable ? static_cast<float>(pixel.error) : 0.0f);
    spectrum.bits.push_back(pixel.bits);
    spectrum.masked.push_back(masked);
    unmasked += !masked;
    with_error += has_error;
  }
  if (with_error == 0) throw file.error(2, fmt::format("row {}: no pixel has a positive error", row));
  if (unmasked == 0) throw file.error(3, fmt::format("row {}: every pixel is masked", row));
  return spectrum;
}

std::vector<std::filesystem::path> fits_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".fits") || name.ends_with(".fits.gz")) files.push_back(entry.path());
  }
  if (error) throw UserError(fmt::format("{}: {}", folder.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

std::vector<ApogeeSpectrum> read_apogee_spectra(const std::filesystem::path& folder_or_file,
                                                std::vector<std::string>& failures) {
  const bool folder = std::filesystem::is_directory(folder_or_file);
  std::vector<ApogeeSpectrum> spectra;
  for (const std::filesystem::path& file : folder ? fits_files(folder_or_file) : std::vector{folder_or_file}) {
    try {
      spectra.push_back(read_apogee_spectrum(file));
    } catch (const UserError& error) {
      failures.emplace_back(error.what());
    }
  }
  return spectra;
}

}  // namespace penumbra
