// A text table with named columns: CSV, or ECSV (Astropy's enhanced CSV, APE 6: '#' lines, then names, commas or
// blanks), gzipped or not. Values become numbers when a column is asked for, so that a bad one is named by file, line
// and column.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace penumbra {

class TextTable {
 public:
  // UserError: missing file, no names line, a row with another number of fields, no rows. `names`: what the columns of
  // a file without a names line are called; empty: it must have one.
  static TextTable read(const std::filesystem::path& file, const std::vector<std::string>& names = {});

  bool has(const std::string& column) const;
  const std::vector<std::string>& names() const { return names_; }
  std::size_t rows() const { return lines_.size(); }

  // Finite numbers; UserError otherwise, or when there is no such column.
  std::vector<double> numbers(const std::string& column) const;

  // The same, but a field that is empty, nan, None, null, -- or an upper limit (">17.2") is NaN: not measured.
  std::vector<double> numbers_or_missing(const std::string& column) const;

  // The fields as they stand in the file; they live as long as the table.
  std::vector<std::string_view> texts(const std::string& column) const;

  // "file:line" of a row, for messages.
  std::string where(std::size_t row) const;
  const std::filesystem::path& file() const { return file_; }

 private:
  std::size_t index_of(const std::string& column) const;
  std::vector<double> parse(const std::string& column, bool may_be_missing) const;

  std::filesystem::path file_;
  std::vector<std::string> names_;
  std::vector<std::string> fields_;  // [row][column]
  std::vector<int> lines_;           // of each row
};

}  // namespace penumbra
