// The files that a bank is measured on: found by name in one of several folders, read, and remembered by checksum.
#pragma once

#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/config.h"
#include "base/text_table.h"

namespace penumbra {

class SourceFiles {
 public:
  // Names are looked for in these folders, in this order; absolute names are taken as they are.
  explicit SourceFiles(std::vector<std::filesystem::path> folders) : folders_(std::move(folders)) {}

  // What `key` of a table names, one name or a list: files, and folders for every .csv, .ecsv, .dat and .txt in them
  // (gzipped or not), in alphabetical order. UserError: not there, a folder without such files.
  std::vector<std::filesystem::path> find(const Config& table, const std::string& key) const;

  // The last few tables stay in memory, since several channels may share a file.
  std::shared_ptr<const TextTable> read(const std::filesystem::path& file);

  struct Checksum {
    std::string name, sha256;
  };
  const std::vector<Checksum>& checksums() const { return checksums_; }  // of the files read, in order, no folder
  void remember(const std::filesystem::path& file);                      // a file that was read by other means

 private:
  std::vector<std::filesystem::path> folders_;
  std::vector<Checksum> checksums_;
  std::deque<std::shared_ptr<const TextTable>> recent_;
};

// Which rows of a table count.
class RowFilter {
 public:
  RowFilter() = default;
  // Reads accept and reject (tables of column = text or list of texts), at_least and below (of column = number).
  explicit RowFilter(const Config& source);
  // Rows whose column holds one of the texts ("0" accepts 0.0 too).
  void accept(const std::string& column, std::vector<std::string> texts) { texts_.push_back({column, texts, true}); }
  void reject(const std::string& column, std::vector<std::string> texts) { texts_.push_back({column, texts, false}); }

  // One flag a row. A number that is missing fails at_least and below. UserError: no such column.
  std::vector<bool> rows(const TextTable& table) const;
  bool empty() const { return texts_.empty() && limits_.empty(); }

 private:
  struct Texts {
    std::string column;
    std::vector<std::string> allowed;
    bool accept;
  };
  struct Limit {
    std::string column;
    double value;
    bool at_least;
  };
  std::vector<Texts> texts_;
  std::vector<Limit> limits_;
};

}  // namespace penumbra
