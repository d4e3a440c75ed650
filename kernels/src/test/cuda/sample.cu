// Kernels for the tests of the emulator itself: one that every thread runs for itself, and one in which
// the threads of a block need one another.
#include <cstdint>

extern "C" __global__ void sample_scale(const float* x, float* y, float factor, int64_t n) {
  int64_t stride = int64_t(gridDim.x) * blockDim.x;
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    y[i] = x[i] * factor;
  }
}

// The largest of each block of 256, which is a power of two: a tree in shared memory down to one warp,
// and then shuffles.
extern "C" __global__ void __launch_bounds__(256) sample_max(const unsigned* x, unsigned* y, int64_t n) {
  __shared__ unsigned part[256];
  int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x;
  part[threadIdx.x] = i < n ? x[i] : 0;
  for (unsigned half = 128; half >= 32; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) {
      part[threadIdx.x] = max(part[threadIdx.x], part[threadIdx.x + half]);
    }
  }
  if (threadIdx.x < 32) {
    unsigned most = part[threadIdx.x];
    for (int lanes = 16; lanes > 0; lanes /= 2) {
      most = max(most, __shfl_xor_sync(0xffffffffu, most, lanes));
    }
    if (threadIdx.x == 0) {
      atomicMax(y, most);
    }
  }
}

// Reads everything and writes nothing, which no compiler can know: what a device reads in a second. As
// bench/src/main/resources/dev/narrow/bench/gpu/sample_read.ptx.
extern "C" __global__ void __launch_bounds__(512) sample_read(const uint4* x, int64_t n, unsigned* y) {
  int64_t stride = int64_t(gridDim.x) * blockDim.x;
  unsigned all = 0;
#pragma unroll 4
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) {
    uint4 words = x[i];
    all |= words.x ^ words.y ^ words.z ^ words.w;
  }
  if (all == 0x9e3779b9u) {
    *y = all;
  }
}
