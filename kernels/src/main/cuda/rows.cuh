// Rows of float32 matrices: a row belongs to a half-warp, whose threads are the sixteen lanes of its
// sums: see narrow::tree. Blocks are whole warps, any number of them.
#ifndef NARROW_ROWS_CUH
#define NARROW_ROWS_CUH

#include "grid.cuh"
#include "narrow.cuh"

namespace narrow {

__device__ __forceinline__ int64_t first_row() { return thread_of_grid() / LANES; }

__device__ __forceinline__ int64_t rows_at_once() { return threads_of_grid() / LANES; }

__device__ __forceinline__ int lane() { return (int)(threadIdx.x % LANES); }

// The sum over n elements, where add(s, i) is the sum s with the term of element i.
template <class Add>
__device__ __forceinline__ float sum(int64_t n, Add add) {
  float s = 0.0f;
#pragma unroll 8
  for (int64_t i = lane(); i < n; i += LANES) {
    s = add(s, i);
  }
  return tree(s);
}

struct Larger {
  static __device__ __forceinline__ float of(float a, float b) { return max(a, b); }
  static __device__ __forceinline__ float least() {
    return from_bits(INFINITY_BITS | 0x80000000u);
  }
};

struct Smaller {
  static __device__ __forceinline__ float of(float a, float b) { return min(a, b); }
  static __device__ __forceinline__ float least() {
    return from_bits(INFINITY_BITS);
  }
};

// The extreme of n elements, the canonical NaN if one is NaN; its order does not matter.
template <class Extreme>
__device__ __forceinline__ float extreme(const float* x, int64_t n) {
  float value = Extreme::least();
#pragma unroll 8
  for (int64_t i = lane(); i < n; i += LANES) {
    value = Extreme::of(value, x[i]);
  }
  for (int half = LANES / 2; half >= 1; half /= 2) {
    value = Extreme::of(value, __shfl_xor_sync(half_warp(), value, half));
  }
  return canonical(value);
}

}  // namespace narrow

#endif
