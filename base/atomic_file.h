// A file appears under its name only when it is complete: it is written as "<file>.partial.<pid>" and renamed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penumbra {

// The name and the renaming, for any library that writes by name.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path file);
  ~AtomicFile();  // without commit(): removes the partial file
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  const std::filesystem::path& file() const { return file_; }
  const std::filesystem::path& partial() const { return partial_; }
  void commit();  // renames; EnvironmentError

 private:
  std::filesystem::path file_, partial_;
  bool committed_ = false;
};

// UserError when the file cannot be created, EnvironmentError when it cannot be written to its end.
void write_text_file(const std::filesystem::path& file, std::string_view content);
// Several files: each is complete on the disc before the first one appears under its name.
void write_text_files(const std::vector<std::pair<std::filesystem::path, std::string>>& contents);

}  // namespace penumbra
