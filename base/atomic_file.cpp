#include "base/atomic_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace penumbra {

namespace {

void write_partial(const AtomicFile& target, std::string_view content) {
  std::error_code ignored;
  if (std::filesystem::is_directory(target.file(), ignored)) {
    throw UserError(fmt::format("{}: is a folder, expected a file's name", target.file().string()));
  }
  std::FILE* stream = std::fopen(target.partial().c_str(), "wb");
  if (stream == nullptr) {
    throw UserError(fmt::format("{}: cannot create the file: {}; choose an existing folder that you may write to",
                                target.file().string(), std::strerror(errno)));
  }
  const bool written = std::fwrite(content.data(), 1, content.size(), stream) == content.size();
  const int write_error = errno;
  const bool closed = std::fclose(stream) == 0;
  if (!written || !closed) {
    throw EnvironmentError(fmt::format("{}: cannot write the file: {}", target.file().string(),
                                       std::strerror(written ? errno : write_error)));
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path file)
    : file_(std::move(file)), partial_(fmt::format("{}.partial.{}", file_.string(), ::getpid())) {}

AtomicFile::~AtomicFile() {
  if (committed_) return;
  std::error_code ignored;
  std::filesystem::remove(partial_, ignored);
}

void AtomicFile::commit() {
  std::error_code error;
  std::filesystem::rename(partial_, file_, error);
  if (error) {
    throw EnvironmentError(
        fmt::format("{}: cannot rename {} to it: {}", file_.string(), partial_.string(), error.message()));
  }
  committed_ = true;
}

void write_text_file(const std::filesystem::path& file, std::string_view content) {
  AtomicFile target(file);
  write_partial(target, content);
  target.commit();
}

void write_text_files(const std::vector<std::pair<std::filesystem::path, std::string>>& contents) {
  std::deque<AtomicFile> targets;
  for (const auto& [file, content] : contents) write_partial(targets.emplace_back(file), content);
  for (AtomicFile& target : targets) target.commit();
}

}  // namespace penumbra
