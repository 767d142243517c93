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
  kShuffle = 6,
  kResample = 7,
  kRefinement = 8,
  kDropping = 9,
  kTest = 100,
};

// The four words that Philox makes of a counter and a key. A counter is (position, stage, draw, draw >> 32), and the
// key the seed: RandomStream goes through the positions 0, 1, ..
PN_INLINE void philox(const std::uint32_t (&counter)[4], std::uint32_t key0, std::uint32_t key1,
                      std::uint32_t (&words)[4]) {
  std::uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = 0xD2511F53ULL * c0;
    const std::uint64_t p1 = 0xCD9E8D57ULL * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<std::uint32_t>(p0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}

class RandomStream {
 public:
  PN_HD RandomStream(std::uint64_t seed, std::uint64_t draw, Stage stage)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        counter_{0u, static_cast<std::uint32_t>(stage), static_cast<std::uint32_t>(draw),
                 static_cast<std::uint32_t>(draw >> 32)} {}

  PN_HD std::uint32_t next_u32() {
    if (left_ == 0) refill();
    // Shifted rather than indexed: a device keeps in registers only what it need not index.
    const std::uint32_t next = block_[0];
    for (int i = 0; i < 3; ++i) block_[i] = block_[i + 1];
    --left_;
    return next;
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
    double sine, cosine;
#if defined(__CUDA_ARCH__)
    sincospi(2.0 * uniform(), &sine, &cosine);  // needs no stack, which the device's sine and cosine do
#else
    const double angle = 6.283185307179586476925 * uniform();
    sine = std::sin(angle);
    cosine = std::cos(angle);
#endif
    spare_ = radius * sine;
    has_spare_ = true;
    return radius * cosine;
  }

  // Uniform integer in [0, n), n > 0.
  PN_HD int below(int n) { return static_cast<int>(uniform() * n); }

  // As if that many uniforms or normals had been taken: threads that share a stream each begin at their own.
  PN_HD void skip_uniforms(int count) {
    int words = 2 * count;
    for (; words > 0 && left_ > 0; --words) next_u32();
    counter_[0] += static_cast<std::uint32_t>(words / 4);
    for (words %= 4; words > 0; --words) next_u32();
  }
  PN_HD void skip_normals(int count) {
    if (count > 0 && has_spare_) {
      has_spare_ = false;
      --count;
    }
    skip_uniforms(count / 2 * 2);
    if (count % 2 != 0) normal();
  }

 private:
  PN_HD void refill() {
    philox(counter_, key_[0], key_[1], block_);
    ++counter_[0];
    left_ = 4;
  }

  std::uint32_t key_[2];
  std::uint32_t counter_[4];
  std::uint32_t block_[4] = {0, 0, 0, 0};
  double spare_ = 0.0;
  int left_ = 0;
  bool has_spare_ = false;
};

}  // namespace penumbra
