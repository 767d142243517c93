#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <utility>

namespace penumbra {
namespace {

constexpr auto kTerminalInterval = std::chrono::milliseconds(200);
constexpr auto kLogInterval = std::chrono::seconds(10);

}  // namespace

std::string duration_text(double seconds) {
  const auto s = static_cast<long>(std::lround(seconds));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
}

std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t total, double elapsed_s) {
  std::string line = fmt::format("{}  {}/{}  {}%  {}", what, done, total, total > 0 ? 100 * done / total : 100,
                                 duration_text(elapsed_s));
  if (done > 0 && done < total) {
    const double left = elapsed_s * static_cast<double>(total - done) / static_cast<double>(done);
    line += fmt::format(", about {} left", duration_text(left));
  }
  return line;
}

Progress::Progress(std::string what, std::uint64_t total)
    : what_(std::move(what)), total_(total), start_(Clock::now()), terminal_(::isatty(STDERR_FILENO) == 1) {
  next_ = start_ + (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kLogInterval));
}

Progress::~Progress() {
  if (!printed_) return;
  report(done_, {});
  if (terminal_) std::fputc('\n', stderr);
}

void Progress::advance(std::uint64_t count) {
  const std::uint64_t done = done_ += count;
  const std::unique_lock lock(mutex_, std::try_to_lock);  // a busy printer is reason enough not to print
  if (lock && Clock::now() >= next_) report(done, {});
}

void Progress::set(std::uint64_t done, const std::string& note) {
  done_ = done;
  const std::scoped_lock lock(mutex_);
  if (Clock::now() >= next_) report(done, note);
}

void Progress::report(std::uint64_t done, const std::string& note) {
  const auto now = Clock::now();
  std::string line = progress_line(what_, done, total_, std::chrono::duration<double>(now - start_).count());
  if (!note.empty()) line += "  " + note;
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
  printed_ = true;
  next_ = now + (terminal_ ? Clock::duration(kTerminalInterval) : Clock::duration(kLogInterval));
}

}  // namespace penumbra
