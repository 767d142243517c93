// PN_HD marks a function that runs on the host and, compiled by nvcc, on the device as well; PN_INLINE one that must
// also be inlined, into a vector loop or so that it needs no stack. PN_INLINE_LAMBDA stands after a
// lambda's parameters and says the same to the host's compiler. PN_DEVICE_UNROLL stands before a short loop
// over a local array, whose elements are then a device's registers.
#pragma once

#if defined(__CUDACC__)
#define PN_HD __host__ __device__
#define PN_INLINE __host__ __device__ __forceinline__
#define PN_INLINE_LAMBDA
#define PN_DEVICE_UNROLL _Pragma("unroll")
#else
#define PN_HD
#define PN_INLINE inline __attribute__((always_inline))
#define PN_INLINE_LAMBDA __attribute__((always_inline))
#define PN_DEVICE_UNROLL
#endif
