// Counter-based random numbers: Philox 4x32-10 (Salmon et al. 2011, SC'11, "Parallel random numbers: as easy
// as 1, 2, 3").
//
// A stream is named by (seed, draw index, stage) and by nothing else, so that batch size, thread count and
// backend never change a draw, and a resumed run continues the same numbers.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/host_device.h"

namespace penumbra {

// Who consumes the numbers. Two stages never share a stream.
enum class Stage : std::uint32_t {
  kPrior = 0,
  kSchedule = 1,
  kNoise = 2,
  kFreeCoordinate = 3,
  kPosterior = 4,
  kInitialWeights = 5,
  kRefinement = 6,
  kTest = 100,
};

class RandomStream {
 public:
  PN_HD RandomStream(std::uint64_t seed, std::uint64_t draw, Stage stage)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0u, static_cast<std::uint32_t>(stage), static_cast<std::uint32_t>(draw),
                 static_cast<std::uint32_t>(draw >> 32)} {}

  PN_HD std::uint32_t next_u32() {
    if (used_ == 4) refill();
    return block_[used_++];
  }

  // Uniform in the open interval (0, 1), 53 random bits: never 0 nor 1, so quantile functions stay finite.
  PN_HD double uniform() {
    const std::uint64_t high = next_u32() >> 5;  // 27 bits
    const std::uint64_t low = next_u32() >> 6;   // 26 bits
    return (static_cast<double>(high * 67108864ULL + low) + 0.5) / 9007199254740992.0;
  }

  // Standard normal (Box-Muller; both halves are used, in order).
  PN_HD double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 6.283185307179586476925 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }

  // Uniform integer in [0, n), n > 0.
  PN_HD int below(int n) { return static_cast<int>(uniform() * n); }

 private:
  PN_HD void refill() {
    std::uint32_t c[4] = {counter_[0], counter_[1], counter_[2], counter_[3]};
    std::uint32_t k0 = key_[0];
    std::uint32_t k1 = key_[1];
    for (int round = 0; round < 10; ++round) {
      const std::uint64_t p0 = 0xD2511F53ULL * c[0];
      const std::uint64_t p1 = 0xCD9E8D57ULL * c[2];
      const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0;
      const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1;
      c[0] = n0;
      c[1] = static_cast<std::uint32_t>(p1);
      c[2] = n2;
      c[3] = static_cast<std::uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; ++i) block_[i] = c[i];
    ++counter_[0];
    used_ = 0;
  }

  std::uint32_t key_[2];
  std::uint32_t counter_[4];
  std::uint32_t block_[4] = {0, 0, 0, 0};
  double spare_ = 0.0;
  int used_ = 4;
  bool has_spare_ = false;
};

}  // namespace penumbra
