#include "base/text_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace penumbra {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool parse_number(std::string_view text, double& value) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// Fields of one line; a field may stand in double quotes, within which "" means a quote. delimiter ' ': runs of blanks.
std::vector<std::string> split(std::string_view line, char delimiter) {
  std::vector<std::string> fields;
  std::string field;
  bool quoted = false, any = false;
  const auto is_delimiter = [&](char c) { return delimiter == ' ' ? c == ' ' || c == '\t' : c == delimiter; };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"') {
        field += c;
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        field += line[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = any = true;
    } else if (is_delimiter(c)) {
      if (delimiter != ' ' || any) fields.emplace_back(trim(field));
      field.clear();
      any = false;
    } else {
      field += c;
      any = true;
    }
  }
  if (delimiter != ' ' || any) fields.emplace_back(trim(field));
  return fields;
}

char find_delimiter(std::string_view names_line) {
  for (const char candidate : {',', ';', '\t'}) {
    if (names_line.find(candidate) != std::string_view::npos) return candidate;
  }
  return ' ';
}

// Lines of a text file, gzipped or not: zlib passes on what is not compressed.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& file) : file_(file), stream_(gzopen(file.c_str(), "rb"), gzclose) {
    if (stream_ == nullptr) throw UserError(fmt::format("{}: cannot be read", file.string()));
    gzbuffer(stream_.get(), 1u << 17);
  }

  // False at the end. A compressed file that is cut short or damaged is a UserError, not a shorter table.
  bool next(std::string& line) {
    line.clear();
    while (gzgets(stream_.get(), buffer_.data(), static_cast<int>(buffer_.size())) != nullptr) {
      line += buffer_.data();
      if (!line.ends_with('\n')) continue;
      line.pop_back();
      return true;
    }
    int code = Z_OK;
    const char* reason = gzerror(stream_.get(), &code);
    if (code != Z_OK && code != Z_STREAM_END) {
      throw UserError(fmt::format("{}: not a complete gzip file: {}", file_.string(), reason));
    }
    return !line.empty();
  }

 private:
  std::filesystem::path file_;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> stream_;
  std::array<char, 4096> buffer_{};
};

bool means_missing(std::string_view text) {
  for (const std::string_view word : {"", "nan", "NaN", "None", "null", "--"}) {
    if (text == word) return true;
  }
  return text.front() == '>';  // an upper limit, as ASAS-SN writes it
}

}  // namespace

TextTable TextTable::read(const std::filesystem::path& file, const std::vector<std::string>& names) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) throw UserError(fmt::format("{}: no such file", file.string()));
  if (std::filesystem::is_directory(file, ignored)) {
    throw UserError(fmt::format("{}: is a folder, expected a CSV or ECSV file", file.string()));
  }
  LineReader in(file);
  TextTable table;
  table.file_ = file;
  std::string line;
  char delimiter = ',';
  for (int number = 1; in.next(line); ++number) {
    if (number == 1 && line.starts_with("\xEF\xBB\xBF")) line.erase(0, 3);  // byte-order mark
    const std::string_view text = trim(line);
    if (text.empty() || text.front() == '#') continue;
    if (table.names_.empty()) {
      delimiter = find_delimiter(text);
      table.names_ = split(text, delimiter);
      double value = 0.0;
      const auto is_number = [&](const std::string& name) { return parse_number(name, value); };
      const auto nameless = std::count_if(table.names_.begin(), table.names_.end(),
                                          [&](const std::string& name) { return name.empty() || is_number(name); });
      if (nameless == 0) continue;
      const bool first_row = table.names_.size() == names.size() && is_number(table.names_.front());
      if (!first_row) {
        throw UserError(fmt::format("{}:{}: '{}': expected a line of column names, for instance {}", file.string(),
                                    number, text,
                                    names.empty() ? "time,flux,error" : fmt::format("{}", fmt::join(names, ","))));
      }
      table.names_ = names;
    }
    const std::vector<std::string> fields = split(text, delimiter);
    if (fields.size() != table.names_.size()) {
      throw UserError(fmt::format("{}:{}: {} fields, expected {} ({})", file.string(), number, fields.size(),
                                  table.names_.size(), fmt::join(table.names_, ", ")));
    }
    table.fields_.insert(table.fields_.end(), fields.begin(), fields.end());
    table.lines_.push_back(number);
  }
  if (table.names_.empty()) {
    throw UserError(fmt::format("{}: empty, expected a line of column names and rows of numbers", file.string()));
  }
  if (table.lines_.empty()) throw UserError(fmt::format("{}: no rows below the column names", file.string()));
  return table;
}

bool TextTable::has(const std::string& column) const {
  return std::find(names_.begin(), names_.end(), column) != names_.end();
}

std::string TextTable::where(std::size_t row) const { return fmt::format("{}:{}", file_.string(), lines_[row]); }

std::size_t TextTable::index_of(const std::string& column) const {
  const auto found = std::find(names_.begin(), names_.end(), column);
  if (found == names_.end()) {
    throw UserError(fmt::format("{}: no column '{}'; it has: {}", file_.string(), column, fmt::join(names_, ", ")));
  }
  return static_cast<std::size_t>(found - names_.begin());
}

std::vector<std::string_view> TextTable::texts(const std::string& column) const {
  const std::size_t index = index_of(column);
  std::vector<std::string_view> values(rows());
  for (std::size_t row = 0; row < rows(); ++row) values[row] = fields_[row * names_.size() + index];
  return values;
}

std::vector<double> TextTable::numbers(const std::string& column) const { return parse(column, false); }

std::vector<double> TextTable::numbers_or_missing(const std::string& column) const { return parse(column, true); }

std::vector<double> TextTable::parse(const std::string& column, bool may_be_missing) const {
  const std::vector<std::string_view> fields = texts(column);
  std::vector<double> values(rows());
  for (std::size_t row = 0; row < rows(); ++row) {
    const std::string_view field = fields[row];
    if (may_be_missing && means_missing(field)) {
      values[row] = std::numeric_limits<double>::quiet_NaN();
    } else if (!parse_number(field, values[row]) || !std::isfinite(values[row])) {
      throw UserError(fmt::format("{}: {} = {}: expected a finite number{}", where(row), column,
                                  field.empty() ? "(empty)" : field, may_be_missing ? " or an empty field" : ""));
    }
  }
  return values;
}

}  // namespace penumbra
