#include "sim/bayestar.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/hdf5_file.h"
#include "sim/healpix.h"
#include "sim/observation.h"

namespace penumbra {
namespace {

const char* const kPixels = "/pixel_info";
const char* const kSamples = "/samples";
const char* const kEdges = "DM_bin_edges";
constexpr std::int64_t kMaxNside = std::int64_t{1} << 29;

// mag of E(B-V) in the map's unit. The map is one of E(g-r) = .901 of its unit (extinction coefficients 3.518 and 2.617
// in Pan-STARRS g and r); Fitzpatrick's (1999) law with R_V = 3.1, the one of sim/extinction.h, has E(B-V) = .981
// E(g-r) for a star of 7000 K (Schlafly & Finkbeiner 2011, Table 6). So its authors,
// http://argonaut.skymaps.info/usage. From E(r-z) instead, farther from B and V, it would be .996: the map's own law is
// another.
constexpr double kEbvOfUnit = 0.884;

// One number for a pixel of any nside: HEALPix's "unique" scheme.
std::int64_t unique_pixel(std::int64_t nside, std::int64_t index) { return 4 * nside * nside + index; }

}  // namespace

BayestarMap::BayestarMap(const std::filesystem::path& file) : file_(file) {
  const Hdf5Reader reader(file);
  const auto error = [&](const char* where, const std::string& what) {
    return UserError(fmt::format("{}: {}: {}", file.string(), where, what));
  };
  const std::vector<std::int64_t> nside = reader.member_integers(kPixels, "nside");
  const std::vector<std::int64_t> index = reader.member_integers(kPixels, "healpix_index");
  distance_modulus_ = reader.numbers_attribute(kPixels, kEdges);
  for (std::size_t i = 0; i < distance_modulus_.size(); ++i) {
    if (!std::isfinite(distance_modulus_[i]) || (i > 0 && !(distance_modulus_[i] > distance_modulus_[i - 1]))) {
      throw error(kPixels, fmt::format("{}[{}] = {}: expected finite distance moduli that increase", kEdges, i,
                                       distance_modulus_[i]));
    }
  }
  const Shape shape = reader.shape(kSamples);
  if (shape.size() != 3 || shape[0] != nside.size() || shape[1] == 0 || shape[2] != distance_modulus_.size()) {
    throw error(kSamples, fmt::format("expected (pixels, samples, distances) with {} pixels and {} distances",
                                      nside.size(), distance_modulus_.size()));
  }
  samples_ = shape[1];

  std::set<std::int64_t> different;
  pixel_.reserve(nside.size());
  for (std::size_t row = 0; row < nside.size(); ++row) {
    const std::int64_t n = nside[row];
    if (n < 1 || n > kMaxNside || !std::has_single_bit(static_cast<std::uint64_t>(n))) {
      throw error(kPixels, fmt::format("nside[{}] = {}: expected a power of two", row, n));
    }
    if (index[row] < 0 || index[row] >= 12 * n * n) {
      throw error(kPixels, fmt::format("healpix_index[{}] = {}: expected 0 to {} with nside = {}", row, index[row],
                                       12 * n * n - 1, n));
    }
    different.insert(n);
    pixel_.emplace_back(unique_pixel(n, index[row]), static_cast<std::int64_t>(row));
  }
  nsides_.assign(different.rbegin(), different.rend());
  std::sort(pixel_.begin(), pixel_.end());
  const auto twice =
      std::adjacent_find(pixel_.begin(), pixel_.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != pixel_.end()) {
    throw error(kPixels, fmt::format("rows {} and {} are the same pixel", twice->second, (twice + 1)->second));
  }
}

std::int64_t BayestarMap::row_of(const SkyPosition& position) const {
  for (const std::int64_t nside : nsides_) {
    const std::int64_t wanted = unique_pixel(nside, healpix_nested(nside, position.l_rad, position.sin_b));
    const auto found = std::lower_bound(pixel_.begin(), pixel_.end(), std::pair(wanted, std::int64_t{0}));
    if (found != pixel_.end() && found->first == wanted) return found->second;
  }
  return -1;
}

std::vector<double> BayestarMap::ebv(const std::vector<SkyPosition>& positions) const {
  std::vector<std::int64_t> row(positions.size());
  std::transform(positions.begin(), positions.end(), row.begin(), [this](const SkyPosition& p) { return row_of(p); });
  std::vector<std::int64_t> needed = row;
  std::sort(needed.begin(), needed.end());
  needed.erase(std::unique(needed.begin(), needed.end()), needed.end());
  if (!needed.empty() && needed.front() < 0) needed.erase(needed.begin());

  const std::size_t distances = distance_modulus_.size(), width = samples_ * distances;
  const std::vector<float> reddening = Hdf5Reader(file_).float_rows(kSamples, needed);
  const auto bad = std::find_if(reddening.begin(), reddening.end(),
                                [](float value) { return !(value >= 0.0f && std::isfinite(value)); });
  if (bad != reddening.end()) {
    const auto at = static_cast<std::size_t>(bad - reddening.begin());
    throw UserError(fmt::format("{}: {}[{}, {}, {}] = {}: expected reddening >= 0", file_.string(), kSamples,
                                needed[at / width], at % width / distances, at % distances, *bad));
  }

  std::vector<double> out(positions.size(), kMissing);
  for (std::size_t k = 0; k < positions.size(); ++k) {
    if (row[k] < 0) continue;
    const auto block =
        static_cast<std::size_t>(std::lower_bound(needed.begin(), needed.end(), row[k]) - needed.begin());
    const float* profile = reddening.data() + block * width + (k % samples_) * distances;
    const double modulus = 5.0 * std::log10(positions[k].distance_pc / 10.0);
    const auto behind = std::lower_bound(distance_modulus_.begin(), distance_modulus_.end(), modulus);
    const auto bin = static_cast<std::size_t>(behind - distance_modulus_.begin());
    double value = 0.0;
    if (bin == 0) {
      value = profile[0] * std::pow(10.0, 0.2 * (modulus - distance_modulus_.front()));
    } else if (bin == distances) {
      value = profile[distances - 1];
    } else {
      const double part =
          (modulus - distance_modulus_[bin - 1]) / (distance_modulus_[bin] - distance_modulus_[bin - 1]);
      value = (1.0 - part) * profile[bin - 1] + part * profile[bin];
    }
    out[k] = kEbvOfUnit * value;
  }
  return out;
}

}  // namespace penumbra
