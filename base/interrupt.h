// Ctrl-C and `kill`: loops that take long ask, stop cleanly (no partial file stays behind) and the program exits with
// 130.
#pragma once

#include <stdexcept>

namespace penumbra {

class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

void watch_interrupts();      // SIGINT and SIGTERM are remembered instead of killing; a second one kills
bool interrupt_requested();   // thread-safe
void throw_if_interrupted();  // Interrupted

}  // namespace penumbra
