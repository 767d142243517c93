// Lanes that share the points of one view: the SIMD lanes of one host thread, or the threads of one warp on the device.
//
// `lanes.for_each(n, f)` calls f(0) .. f(n - 1), in any order, n a multiple of kLanes; `lanes.sum(n, f)` adds up what
// they return, the same on every lane. `lanes.replace_where(n, a, b, condition, f, out)` sets out[i] to f(a[i], b[i])
// where condition(a[i], b[i]), for an f that costs much and is rarely called for. Bodies are branch-free PN_INLINE
// functions, so that the host compiler turns eight calls into one vector's work. The host adds in eight fixed partial
// sums, whatever the machine's vector width.
#pragma once

#include "base/host_device.h"

// Before a loop whose iterations are independent, and before one of a fixed length inside it.
#if defined(__CUDACC__)
#define PN_SIMD
#define PN_UNROLL(count)
#else
#define PN_PRAGMA(text) _Pragma(#text)
#define PN_SIMD PN_PRAGMA(omp simd)
#define PN_UNROLL(count) PN_PRAGMA(GCC unroll count)
#endif

// Compiles a function, with all that it calls, for three generations of x86-64; the loader takes the best that the
// machine has. Only g++ vectorises for it, and the sanitizers cannot run the resolvers (they start before the sanitizer
// does). Elsewhere the function is compiled once, for the baseline.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PN_CLONES __attribute__((flatten, target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define PN_CLONES
#endif

namespace penumbra {

inline constexpr int kLanes = 8;

PN_INLINE constexpr int whole_lanes(int count) { return (count + kLanes - 1) / kLanes * kLanes; }

struct HostLanes {
  static constexpr int kSize = kLanes;
  PN_INLINE int rank() const { return 0; }
  PN_INLINE int group() const { return 0; }
  PN_INLINE void sync() const {}

  template <class Function>
  PN_INLINE void for_each(int count, Function&& function) const {
    for (int first = 0; first < count; first += kLanes) {
      PN_SIMD
      for (int lane = 0; lane < kLanes; ++lane) function(first + lane);
    }
  }

  template <class Condition, class Function>
  PN_INLINE void replace_where(int count, const double* a, const double* b, Condition&& condition, Function&& function,
                               double* out) const {
    constexpr int kBlock = 8 * kLanes;
    for (int first = 0; first < count; first += kBlock) {
      const int last = first + kBlock < count ? first + kBlock : count;
      int at[kBlock], found = 0;
      for (int i = first; i < last; ++i) {
        at[found] = i;
        found += condition(a[i], b[i]) ? 1 : 0;
      }
      for (int next = 0; next < found; next += kLanes) {
        const int size = found - next < kLanes ? found - next : kLanes;
        double x[kLanes], y[kLanes], value[kLanes];
        for (int lane = 0; lane < kLanes; ++lane) {
          const int i = at[next + (lane < size ? lane : 0)];
          x[lane] = a[i];
          y[lane] = b[i];
        }
        PN_SIMD
        for (int lane = 0; lane < kLanes; ++lane) value[lane] = function(x[lane], y[lane]);
        for (int lane = 0; lane < size; ++lane) out[at[next + lane]] = value[lane];
      }
    }
  }

  template <class Function>
  PN_INLINE double sum(int count, Function&& function) const {
    double value[kLanes], part[kLanes] = {};
    for (int first = 0; first < count; first += kLanes) {
      // Two loops: g++ 12 vectorises neither when they are one.
      PN_SIMD
      for (int lane = 0; lane < kLanes; ++lane) value[lane] = function(first + lane);
      PN_SIMD
      for (int lane = 0; lane < kLanes; ++lane) part[lane] += value[lane];
    }
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
  }
};

}  // namespace penumbra
