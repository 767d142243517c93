#include "bank/source_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/sha256.h"

namespace penumbra {
namespace {

namespace fs = std::filesystem;

bool is_table(const fs::path& file) {
  const fs::path name = file.extension() == ".gz" ? file.stem() : file.filename();
  for (const char* extension : {".csv", ".ecsv", ".dat", ".txt"}) {
    if (name.extension() == extension) return true;
  }
  return false;
}

std::vector<fs::path> tables_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && is_table(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool same(std::string_view field, const std::string& text) {
  if (field == text) return true;
  double a = 0.0, b = 0.0;
  const auto number = [](std::string_view s, double& value) {
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    return error == std::errc() && end == s.data() + s.size();
  };
  return number(field, a) && number(text, b) && a == b;
}

}  // namespace

std::vector<fs::path> SourceFiles::find(const Config& table, const std::string& key) const {
  std::vector<fs::path> files;
  for (const std::string& name : table.texts(key)) {
    const auto folder = std::ranges::find_if(folders_, [&](const fs::path& f) { return fs::exists(f / name); });
    if (folder == folders_.end()) {
      std::vector<std::string> tried;
      for (const fs::path& f : folders_) tried.push_back(f.string());
      throw table.error(key, fmt::format("'{}' is in none of the folders {}", name, fmt::join(tried, ", ")));
    }
    const fs::path found = *folder / name;
    if (!fs::is_directory(found)) {
      files.push_back(found);
      continue;
    }
    const std::vector<fs::path> inside = tables_in(found);
    if (inside.empty()) {
      throw table.error(key, fmt::format("the folder {} has no .csv, .ecsv, .dat or .txt file", found.string()));
    }
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

std::shared_ptr<const TextTable> SourceFiles::read(const fs::path& file) {
  for (const auto& table : recent_) {
    if (table->file() == file) return table;
  }
  constexpr std::size_t kKept = 4;
  if (recent_.size() == kKept) recent_.pop_front();
  recent_.push_back(std::make_shared<const TextTable>(TextTable::read(file)));
  remember(file);
  return recent_.back();
}

void SourceFiles::remember(const fs::path& file) {
  const Checksum checksum{file.filename().string(), sha256_of_file(file)};
  const bool known = std::ranges::any_of(
      checksums_, [&](const Checksum& c) { return c.name == checksum.name && c.sha256 == checksum.sha256; });
  if (!known) checksums_.push_back(checksum);
}

RowFilter::RowFilter(const Config& source) {
  for (const bool wanted : {true, false}) {
    const Config table = source.section(wanted ? "accept" : "reject");
    for (const std::string& column : table.keys()) texts_.push_back({column, table.texts(column), wanted});
  }
  for (const bool at_least : {true, false}) {
    const Config table = source.section(at_least ? "at_least" : "below");
    for (const std::string& column : table.keys()) limits_.push_back({column, table.number(column), at_least});
  }
}

std::vector<bool> RowFilter::rows(const TextTable& table) const {
  std::vector<bool> keep(table.rows(), true);
  for (const Texts& rule : texts_) {
    const std::vector<std::string_view> fields = table.texts(rule.column);
    for (std::size_t row = 0; row < fields.size(); ++row) {
      const bool found = std::ranges::any_of(rule.allowed, [&](const auto& text) { return same(fields[row], text); });
      if (found != rule.accept) keep[row] = false;
    }
  }
  for (const Limit& rule : limits_) {
    const std::vector<double> values = table.numbers_or_missing(rule.column);
    for (std::size_t row = 0; row < values.size(); ++row) {
      if (!(rule.at_least ? values[row] >= rule.value : values[row] < rule.value)) keep[row] = false;
    }
  }
  return keep;
}

}  // namespace penumbra
