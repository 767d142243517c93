#include "sim/tracks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/hdf5_file.h"

namespace penumbra {
namespace {

void require(bool condition, const std::filesystem::path& file, const std::string& what) {
  if (!condition) {
    throw UserError(fmt::format("{}: {}. Make it again: python data/recipes/make_tracks.py", file.string(), what));
  }
}

bool strictly_increasing(const std::vector<double>& axis) {
  return axis.size() >= 2 && std::adjacent_find(axis.begin(), axis.end(), std::greater_equal<>()) == axis.end();
}

}  // namespace

TrackGrid TrackGrid::load(const std::filesystem::path& file) {
  const Hdf5Reader reader(file);
  TrackGrid grid;
  grid.feh_axis_ = reader.doubles("feh_axis");
  grid.log_age_axis_ = reader.doubles("log_age_axis");
  require(strictly_increasing(grid.feh_axis_), file, "feh_axis does not increase");
  require(strictly_increasing(grid.log_age_axis_), file, "log_age_axis does not increase");

  const Shape cells = {grid.feh_axis_.size(), grid.log_age_axis_.size()};
  const auto first_eep = reader.integers("first_eep", cells);
  const auto eep_count = reader.integers("eep_count", cells);
  const auto row_offset = reader.integers("row_offset", cells);
  grid.mass_msun_ = reader.floats("mass_msun");
  const Shape rows = {grid.mass_msun_.size()};
  grid.log_teff_ = reader.floats("log_teff", rows);
  grid.log_radius_ = reader.floats("log_radius", rows);

  const auto row_total = static_cast<std::int64_t>(grid.mass_msun_.size());
  for (std::size_t c = 0; c < first_eep.size(); ++c) {
    require(first_eep[c] >= 0 && eep_count[c] >= 0 && row_offset[c] >= 0 && row_offset[c] + eep_count[c] <= row_total,
            file, fmt::format("cell {} points outside the {} rows", c, row_total));
    grid.first_eep_.push_back(static_cast<int>(first_eep[c]));
    grid.eep_count_.push_back(static_cast<int>(eep_count[c]));
    grid.row_offset_.push_back(static_cast<long>(row_offset[c]));
    // The search by bisection relies on this; a NaN fails it too.
    for (std::int64_t r = row_offset[c] + 1; r < row_offset[c] + eep_count[c]; ++r) {
      const auto row = static_cast<std::size_t>(r);
      require(grid.mass_msun_[row] >= grid.mass_msun_[row - 1], file,
              fmt::format("mass_msun decreases or is NaN at row {} (cell {})", row, c));
    }
  }
  return grid;
}

TrackView TrackGrid::view() const {
  TrackView view;
  view.feh_axis = feh_axis_.data();
  view.log_age_axis = log_age_axis_.data();
  view.feh_count = static_cast<int>(feh_axis_.size());
  view.age_count = static_cast<int>(log_age_axis_.size());
  view.row_count = static_cast<long>(row_count());
  view.first_eep = first_eep_.data();
  view.eep_count = eep_count_.data();
  view.row_offset = row_offset_.data();
  view.mass_msun = mass_msun_.data();
  view.log_teff = log_teff_.data();
  view.log_radius = log_radius_.data();
  return view;
}

}  // namespace penumbra
