// Progress of long work on stderr: one line rewritten in place on a terminal, otherwise a line every ten seconds.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace penumbra {

// "training  1200/5000  24%  13 s, about 41 s left". Without anything done there is no estimate.
std::string progress_line(const std::string& what, std::uint64_t done, std::uint64_t total, double elapsed_s);

// "41 s", "3 min 05 s", "2 h 10 min".
std::string duration_text(double seconds);

class Progress {
 public:
  Progress(std::string what, std::uint64_t total);
  ~Progress();  // ends the terminal's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::uint64_t count = 1);                       // thread-safe
  void set(std::uint64_t done, const std::string& note = {});  // note: appended, for instance the loss

 private:
  void report(std::uint64_t done, const std::string& note);

  using Clock = std::chrono::steady_clock;
  std::string what_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_{0};
  Clock::time_point start_, next_;
  std::mutex mutex_;
  bool terminal_;
  bool printed_ = false;
};

}  // namespace penumbra
