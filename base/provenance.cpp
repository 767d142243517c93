#include "base/provenance.h"

#include <ctime>

// Written at build time by cmake/commit.cmake; a build that does not use it knows no commit.
#if __has_include("penumbra_commit.h")
#include "penumbra_commit.h"
#else
#define PENUMBRA_VERSION "unknown"
#define PENUMBRA_COMMIT "unknown"
#endif

namespace penumbra {

std::string program_version() { return PENUMBRA_VERSION; }
std::string program_commit() { return PENUMBRA_COMMIT; }

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

}  // namespace penumbra
