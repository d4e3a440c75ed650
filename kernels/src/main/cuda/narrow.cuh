// Numbers of few bits and float32 functions, the same bits on a GPU as in Narrow's Java.
//
// For nvcc and, as plain C++17, for any compiler that is told not to contract a * b + c
// (-ffp-contract=off): include it in your own kernels. Everything is in namespace narrow, nothing
// needs to be linked, and nothing keeps state.
//
// Every function is a fixed sequence of IEEE 754 operations, each rounded once to nearest even, and
// of operations on bits. nvcc must keep subnormals and exact division and square root (its defaults:
// no --use_fast_math), and must not fuse: -fmad=false.
#ifndef NARROW_CUH
#define NARROW_CUH

#include <cstdint>

#if defined(__CUDACC__)
#define NARROW_FN __host__ __device__ __forceinline__
#else
#include <cmath>
#include <cstring>
#define NARROW_FN inline
#endif

namespace narrow {

// ---------------------------------------------------------------------------------------------
// Bits and single operations
// ---------------------------------------------------------------------------------------------

NARROW_FN uint32_t bits(float x) {
#if defined(__CUDA_ARCH__)
  return __float_as_uint(x);
#else
  uint32_t result;
  memcpy(&result, &x, sizeof result);
  return result;
#endif
}

NARROW_FN float from_bits(uint32_t x) {
#if defined(__CUDA_ARCH__)
  return __uint_as_float(x);
#else
  float result;
  memcpy(&result, &x, sizeof result);
  return result;
#endif
}

// a * b + c, rounded once.
NARROW_FN float fma(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
  return __fmaf_rn(a, b, c);
#else
  return ::fmaf(a, b, c);
#endif
}

// The square root, rounded once.
NARROW_FN float sqrt(float x) {
#if defined(__CUDA_ARCH__)
  return __fsqrt_rn(x);
#else
  return ::sqrtf(x);
#endif
}

NARROW_FN bool is_nan(float x) { return x != x; }

NARROW_FN bool is_finite(float x) { return (bits(x) & 0x7fffffffu) < 0x7f800000u; }

// A NaN that arithmetic has made is this one, since processors differ in which one they make.
NARROW_FN float canonical(float x) { return is_nan(x) ? from_bits(0x7fc00000u) : x; }

}  // namespace narrow

#endif
