// PN_HD marks a function that runs on the host and, compiled by nvcc, on the device as well.
#pragma once

#if defined(__CUDACC__)
#define PN_HD __host__ __device__
#else
#define PN_HD
#endif
