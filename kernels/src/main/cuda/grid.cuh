// Where a thread stands in its grid, for kernels of one dimension that take any number of blocks.
#ifndef NARROW_GRID_CUH
#define NARROW_GRID_CUH

#include <cstdint>

namespace narrow {

__device__ __forceinline__ int64_t thread_of_grid() {
  return blockIdx.x * (int64_t)blockDim.x + threadIdx.x;
}

__device__ __forceinline__ int64_t threads_of_grid() { return gridDim.x * (int64_t)blockDim.x; }

// Whether all pointers are multiples of 16 bytes, so that four floats can be loaded at a time.
__device__ __forceinline__ bool in_quads(const void* a, const void* b = nullptr,
                                         const void* c = nullptr, const void* d = nullptr) {
  return (((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)d) & 15u) == 0;
}

}  // namespace narrow

#endif
